"""The cache folder on a real disk: what is there after each step, who may take what, and what leaves first."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from nearboot.boot.cache_store import CacheFolder, is_free, sha256_of
from nearboot.boot.freshness import Entry, Head, Validator, key_of
from nearboot.errors import ConfigError

K = key_of("k")


@pytest.fixture
def folder(tmp_path: Path) -> CacheFolder:
    return CacheFolder(tmp_path / "cache", 1000)


def _entry(data: bytes, path: str = "k", at: float = 1.0) -> Entry:
    return Entry(
        path, Head("o", f"http://o/{path}", len(data), Validator()), len(data), hashlib.sha256(data).hexdigest(), at
    )


def _store(folder: CacheFolder, data: bytes, path: str = "k", *, used: int = 0) -> Entry:
    part, entry = folder.begin(path), _entry(data, path)
    assert part is not None
    part.write(data, 0)
    folder.commit(part, entry)
    folder.end(part)
    folder.touch(path, used)
    return entry


def _names(folder: CacheFolder) -> set[str]:
    return {name.name for name in folder.root.iterdir()} - {"lock"}


def test_a_file_is_whole_or_not_there(folder: CacheFolder) -> None:
    """Until it is committed nothing has its name."""
    assert folder.entry("k") is None
    part, entry = folder.begin("k"), _entry(b"data")
    assert part is not None
    folder.write_head(part, entry.head)
    part.write(b"data", 0)
    assert folder.entry("k") is None
    assert _names(folder) == {f"{K}.part", f"{K}.head"}
    folder.commit(part, entry)
    folder.end(part)
    assert folder.entry("k") is not None and folder.is_whole(entry)
    assert _names(folder) == {f"{K}.json", entry.file}
    assert folder.data(entry).read_bytes() == b"data"


def test_what_is_not_committed_goes(folder: CacheFolder) -> None:
    """With its lock."""
    part = folder.begin("k")
    assert part is not None and folder.begin("k") is None
    assert folder.begin("other") is not None
    part.write(b"half", 0)
    folder.end(part)
    assert folder.begin("k") is not None


def test_a_new_version_takes_the_place_of_the_old_one(folder: CacheFolder) -> None:
    """Who reads the old one goes on with it."""
    old = _store(folder, b"one")
    with folder.data(old).open("rb") as reading:
        new = _store(folder, b"two")
        assert reading.read() == b"one"
    assert _names(folder) == {f"{K}.json", new.file}
    same = _store(folder, b"two")
    assert folder.is_whole(same) and _names(folder) == {f"{K}.json", new.file}


def test_damage_is_seen(folder: CacheFolder) -> None:
    """The size at once, the rest by reading; another's sidecar under this name is none."""
    entry = _store(folder, b"data")
    folder.data(entry).write_bytes(b"dara")
    assert folder.entry("k") is not None and not folder.is_whole(entry)
    folder.data(entry).write_bytes(b"dat")
    assert folder.entry("k") is None and not folder.is_whole(entry)
    folder.data(entry).unlink()
    assert folder.entry("k") is None and not folder.is_whole(entry)
    fixed = _store(folder, b"data")
    assert folder.is_whole(fixed)
    (folder.root / f"{K}.json").write_text("{")
    assert folder.entry("k") is None
    _store(folder, b"other", "other")
    (folder.root / f"{key_of('other')}.json").rename(folder.root / f"{K}.json")
    assert folder.entry("k") is None


def test_a_link_in_the_folder_is_not_followed(folder: CacheFolder, tmp_path: Path) -> None:
    """Somebody's link there leads nowhere."""
    entry = _store(folder, b"data")
    (tmp_path / "secret").write_bytes(b"data")
    folder.data(entry).unlink()
    folder.data(entry).symlink_to(tmp_path / "secret")
    assert not folder.is_whole(entry)


def test_what_dead_processes_left_is_removed(folder: CacheFolder) -> None:
    """What live ones are at is not, and what is whole is not."""
    kept = _store(folder, b"kept", "kept")
    busy = folder.begin("busy")
    assert busy is not None
    dead = key_of("dead")
    for name in (f"{dead}.part", f"{dead}.head", f"{dead}.json-new", f"{dead}.{'0' * 16}.data", f"{dead}.fresh"):
        (folder.root / name).write_bytes(b"x")
    lost = _store(folder, b"lost", "lost")
    folder.data(lost).unlink()
    removed = folder.clean()
    assert len(removed) == 6
    assert _names(folder) == {f"{key_of('busy')}.part", f"{key_of('kept')}.json", kept.file}
    folder.end(busy)


def test_the_least_recently_used_leave_first(folder: CacheFolder) -> None:
    """As few as make room; none in vain."""
    for number, path in enumerate(["a", "b", "c"], 1):
        _store(folder, bytes(300), path, used=number * 10**9)
    folder.touch("a", 9 * 10**9)
    assert [entry.path for entry in folder.entries()] == ["b", "c", "a"]
    assert folder.make_room(100) and len(folder.entries()) == 3
    assert not folder.make_room(1001) and len(folder.entries()) == 3
    assert folder.make_room(200) and [entry.path for entry in folder.entries()] == ["c", "a"]
    assert folder.used_at(folder.entries()[1]) == 9.0 and folder.used_at(_entry(b"", "b")) == 0.0
    busy = folder.begin("c")
    assert busy is not None
    assert folder.make_room(500) and [entry.path for entry in folder.entries()] == ["c"]
    folder.end(busy)


def test_parts_count_with_the_size_that_they_will_have(folder: CacheFolder) -> None:
    """Two large files at once do not both fit."""
    part = folder.begin("k")
    assert part is not None
    folder.write_head(part, _entry(bytes(800)).head)
    part.write(b"begun", 0)
    assert folder.held_bytes() == 800
    assert folder.make_room(200) and not folder.make_room(201)
    folder.end(part)
    assert folder.held_bytes() == 0


def test_another_process_follows_a_part(folder: CacheFolder) -> None:
    """By its head; the lock tells when it is over, and the name whether it was committed."""
    assert folder.follow("k") is None
    part, entry = folder.begin("k"), _entry(b"data")
    assert part is not None and folder.follow("k") is None
    folder.write_head(part, entry.head)
    followed = folder.follow("k")
    assert followed is not None and followed[1] == entry.head
    assert not is_free(followed[0])
    part.write(b"data", 0)
    assert sha256_of(followed[0], 4).hexdigest() == entry.sha256
    part.close()  # as its process does when it dies
    assert is_free(followed[0])
    adopted = folder.adopt("k", followed[0])
    assert adopted is not None
    folder.commit(adopted, entry)
    assert folder.adopt("k", followed[0]) is None
    folder.end(adopted)
    os.close(followed[0])
    assert folder.is_whole(entry)


def test_a_part_begun_anew_is_another_file(folder: CacheFolder) -> None:
    """Its readers see that theirs was given up; its lock is never free meanwhile."""
    part = folder.begin("k")
    assert part is not None
    folder.write_head(part, _entry(b"data").head)
    followed = folder.follow("k")
    assert followed is not None
    part.write(b"bad", 0)
    new = folder.renew(part)
    assert folder.begin("k") is None and folder.follow("k") is None
    assert is_free(followed[0]) and folder.adopt("k", followed[0]) is None
    assert os.fstat(new.fd).st_size == 0
    folder.end(new)
    os.close(followed[0])
    assert _names(folder) == set()


def test_a_folder_that_cannot_be_used_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    """It is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cache folder .*file"):
        CacheFolder(tmp_path / "file", 1)
