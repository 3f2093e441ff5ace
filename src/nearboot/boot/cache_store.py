"""The cache folder: whole files with a sidecar each, parts that are being fetched, and room for them.

    KEY.json         the sidecar: what the file is, and which version
    KEY.HASH.data    its data; the sidecar names it
    KEY.part         data on its way; whoever holds its lock (flock) alone changes anything of this key
    KEY.head         what the origin said of the part, for other processes that follow it

Data is written and synced, then renamed, and then the sidecar likewise: a kill at any point leaves the old file, the
new one, or none, and leftovers that ``clean`` removes. Several processes may use one folder.

    folder = CacheFolder(Path("/var/cache/nearboot"), max_bytes=20 << 30)
    part = folder.begin("deb/vmlinuz"); part.write(data); folder.commit(part, entry)
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from nearboot.boot.freshness import Entry, Head, entry_from_text, entry_to_text, head_from_json, head_to_json, key_of
from nearboot.errors import ConfigError

HASH_CHUNK = 1 << 20
FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW


class CacheFolder:
    """The files of one folder; ``max_bytes`` bounds data and parts together."""

    def __init__(self, root: Path, max_bytes: int) -> None:
        self.root = root
        self.max_bytes = max_bytes
        try:
            root.mkdir(parents=True, exist_ok=True)
            probe = os.open(root / "lock", os.O_RDWR | os.O_CREAT | FLAGS, 0o644)
        except OSError as error:
            raise ConfigError(f"the cache folder {root} cannot be used: {error.strerror}") from error
        os.close(probe)

    def entry(self, path: str) -> Entry | None:
        """The sidecar of ``path``, if its data is there in the size that it tells."""
        entry = self._read(key_of(path))
        if entry is None or entry.path != path:
            return None
        try:
            return entry if self.data(entry).stat(follow_symlinks=False).st_size == entry.size else None
        except OSError:
            return None

    def data(self, entry: Entry) -> Path:
        """Where an entry's data is."""
        return self.root / entry.file

    def is_whole(self, entry: Entry) -> bool:
        """Read all of the data, and tell whether it is what was fetched."""
        try:
            fd = os.open(self.data(entry), os.O_RDONLY | FLAGS)
        except OSError:
            return False
        try:
            return sha256_of(fd, entry.size).hexdigest() == entry.sha256 and os.fstat(fd).st_size == entry.size
        except OSError:  # a disk that gives errors holds nothing
            return False
        finally:
            os.close(fd)

    def begin(self, path: str) -> Part | None:
        """Take the lock of ``path``; None: another process, or another thread, is at it."""
        return self._lock(key_of(path))

    def renew(self, part: Part) -> Part:
        """A new, empty part in the place of one whose data is of no use; its lock is held throughout.

        Another file: whoever reads the old one never sees other bytes in it.
        """
        part.name.with_suffix(".head").unlink(missing_ok=True)
        name = part.name.with_suffix(".fresh")
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC | FLAGS, 0o644)
        fcntl.flock(fd, fcntl.LOCK_EX)
        name.rename(part.name)
        part.close()
        return Part(part.name, fd)

    def write_head(self, part: Part, head: Head) -> None:
        """Say of a part, to other processes, what it will be."""
        text = json.dumps({"inode": os.fstat(part.fd).st_ino, **head_to_json(head)})
        self._replace(part.name.with_suffix(".head"), text, is_synced=False)

    def follow(self, path: str) -> tuple[int, Head] | None:
        """The part of another process, opened for reading, and its head; None as long as there is none."""
        name = self.root / f"{key_of(path)}.part"
        try:
            fd = os.open(name, os.O_RDWR | FLAGS)
        except OSError:
            return None
        try:
            data = json.loads(name.with_suffix(".head").read_text(encoding="utf-8"))
            if data["inode"] == os.fstat(fd).st_ino:
                return fd, head_from_json(data)
        except (OSError, KeyError, TypeError, ValueError):
            pass
        os.close(fd)
        return None

    def adopt(self, path: str, fd: int) -> Part | None:
        """The part of a dead process as one's own, by an ``fd`` whose lock was had; None where it is no part any more.

        The part has its own descriptor of the same lock.
        """
        name = self.root / f"{key_of(path)}.part"
        return Part(name, os.dup(fd)) if _is_at(name, fd) else None

    def commit(self, part: Part, entry: Entry) -> None:
        """Make a part the data of ``entry``, for good."""
        os.fsync(part.fd)
        target = self.data(entry)
        if not self.is_whole(entry):  # else the same data came again, and those who send it go on
            part.name.rename(target)
        try:
            self.write(entry)
        except OSError:
            if _is_at(target, part.fd):
                target.unlink()
            raise
        part.name.with_suffix(".head").unlink(missing_ok=True)
        self._drop_others(key_of(entry.path), keep=entry.file)

    def write(self, entry: Entry) -> None:
        """Write the sidecar, which needs the lock of its path."""
        self._replace(self.root / f"{key_of(entry.path)}.json", entry_to_text(entry), is_synced=True)

    def remove(self, entry: Entry) -> None:
        """Forget an entry; those who read it go on with what they have open. Needs the lock of its path."""
        (self.root / f"{key_of(entry.path)}.json").unlink(missing_ok=True)
        self._drop_others(key_of(entry.path), keep="")

    def end(self, part: Part) -> None:
        """Give the lock back, and remove what was not committed."""
        if _is_at(part.name, part.fd):
            part.name.with_suffix(".head").unlink(missing_ok=True)
            part.name.unlink(missing_ok=True)
        part.close()

    def used_at(self, entry: Entry) -> float:
        """When it was last used, as far as that is written down (Unix clock); 0: it is not there any more."""
        try:
            return (self.root / f"{key_of(entry.path)}.json").stat().st_mtime
        except OSError:
            return 0.0

    def touch(self, path: str, at_ns: int) -> None:
        """It was used then (Unix clock)."""
        with suppress(OSError):
            os.utime(self.root / f"{key_of(path)}.json", ns=(at_ns, at_ns))

    def entries(self) -> list[Entry]:
        """All entries, the least recently used first."""
        found = []
        for sidecar in self.root.glob("*.json"):
            entry = self._read(sidecar.stem)
            with suppress(OSError):
                if entry is not None:
                    found.append((sidecar.stat().st_mtime_ns, entry.path, entry))
        return [entry for _, _, entry in sorted(found, key=lambda each: each[:2])]

    def make_room(self, size: int) -> bool:
        """Whether ``size`` bytes more may be stored: removes what was least recently used, but not in vain."""
        with self._alone():
            disk = os.statvfs(self.root)
            missing = max(self.held_bytes() + size - self.max_bytes, size - disk.f_bavail * disk.f_frsize)
            entries = self.entries() if missing > 0 else []
            if size > self.max_bytes or missing > sum(entry.size for entry in entries):
                return False
            for entry in entries:
                if missing <= 0:
                    break
                missing -= entry.size if self.evict(entry) else 0
            return missing <= 0

    def held_bytes(self) -> int:
        """Data and parts; a part that grows counts with the size that it will have."""
        data, parts = 0, dict[str, int]()
        for found in self.root.iterdir():
            with suppress(OSError, ValueError, KeyError, TypeError):
                match found.suffix:
                    case ".data":
                        data += found.stat().st_size
                    case ".part":
                        parts[found.stem] = max(parts.get(found.stem, 0), found.stat().st_size)
                    case ".head":
                        told = json.loads(found.read_text(encoding="utf-8"))["size"] or 0
                        parts[found.stem] = max(parts.get(found.stem, 0), told)
        return data + sum(parts.values())

    def evict(self, entry: Entry) -> bool:
        """Remove an entry, unless somebody is at it."""
        part = self._lock(key_of(entry.path))
        if part is None:
            return False
        self.remove(entry)
        self.end(part)
        return True

    def clean(self) -> list[str]:
        """Remove what dead processes left; gives the names."""
        removed = []
        for key in sorted({found.name.partition(".")[0] for found in self.root.iterdir()} - {"lock"}):
            part = self._lock(key)
            if part is None:
                continue
            entry = self._read(key)
            if entry is not None and not self.data(entry).exists():
                entry = None
            kept = {entry.file, f"{key}.json"} if entry else set()
            left = [each for each in self.root.glob(f"{key}.*") if each.name not in kept]
            removed += [each.name for each in left if each != part.name or part.was_there]
            for each in left:
                each.unlink(missing_ok=True)
            part.close()
        return removed

    def _lock(self, key: str) -> Part | None:
        name = self.root / f"{key}.part"
        while True:
            was_there = name.exists()
            fd = os.open(name, os.O_RDWR | os.O_CREAT | FLAGS, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                return None
            if _is_at(name, fd):
                return Part(name, fd, was_there)
            os.close(fd)  # it was renamed or removed between the two calls

    def _read(self, key: str) -> Entry | None:
        try:
            entry = entry_from_text((self.root / f"{key}.json").read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            return None
        return entry if entry and key_of(entry.path) == key else None

    def _replace(self, name: Path, text: str, *, is_synced: bool) -> None:
        new = name.with_suffix(f"{name.suffix}-new")
        try:
            with new.open("w", encoding="utf-8") as file:
                file.write(text)
                if is_synced:
                    file.flush()
                    os.fsync(file.fileno())
            new.rename(name)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        if is_synced:
            _sync_folder(self.root)

    def _drop_others(self, key: str, *, keep: str) -> None:
        for name in self.root.glob(f"{key}.*.data"):
            if name.name != keep:
                name.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time, of all threads and processes."""
        fd = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | FLAGS, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


@dataclass(slots=True)
class Part:
    """A file on its way, and the lock of its path."""

    name: Path
    fd: int
    was_there: bool = False

    def write(self, data: bytes, at: int) -> None:
        """OSError where the disk is full."""
        view = memoryview(data)
        while view:
            done = os.pwrite(self.fd, view, at)
            view, at = view[done:], at + done

    def close(self) -> None:
        """Give the lock back, also where a descriptor of the same lock still is in use."""
        release(self.fd)
        os.close(self.fd)


def sha256_of(fd: int, size: int) -> hashlib._Hash:
    """The hash of the first ``size`` bytes."""
    sha, at = hashlib.sha256(), 0
    while at < size and (chunk := os.pread(fd, min(HASH_CHUNK, size - at), at)):
        sha.update(chunk)
        at += len(chunk)
    return sha


def is_free(fd: int) -> bool:
    """Whether the process that wrote a part is done with it, or dead; the lock is then had by ``fd``."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def release(fd: int) -> None:
    """Let a lock go that ``is_free`` took, while the file is still read."""
    fcntl.flock(fd, fcntl.LOCK_UN)


def unix_now() -> float:
    """The clock of ``Entry.validated_at``, which all processes share."""
    return time.time()


def _is_at(name: Path, fd: int) -> bool:
    try:
        there = name.stat(follow_symlinks=False)
    except OSError:
        return False
    here = os.fstat(fd)
    return (there.st_ino, there.st_dev) == (here.st_ino, here.st_dev)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
