"""Builds an initrd in memory: a gzipped "newc" cpio archive, as the kernel unpacks it. No cpio program, no files.

The same content gives the same bytes: times are 0, entries are in the order of their names, inodes count up.
Format: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst; every field is 8 hexadecimal digits.

    offset 0        6       14     22    30    38      46      54     62          94          102     110
           ┌────────┬───────┬──────┬─────┬─────┬───────┬───────┬──────┬───────────┬───────────┬───────┬──────
           │ 070701 │ inode │ mode │ uid │ gid │ nlink │ mtime │ size │ 4 devices │ name size │ check │ name
           └────────┴───────┴──────┴─────┴─────┴───────┴───────┴──────┴───────────┴───────────┴───────┴──────
    the name (with its NUL) and the data are each padded to a multiple of 4 bytes

    initrd = build({"init": Entry(script, 0o755), "bin/busybox": Entry(busybox, 0o755)})
"""

from __future__ import annotations

import gzip
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

_FIRST_INODE = 1
_CONSOLE = (5, 1)  # /dev/console: without it, init has no standard output
_NULL = (1, 3)


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file: its bytes and its permissions."""

    data: bytes
    mode: int = 0o644


def build(files: Mapping[str, Entry], modules: Mapping[str, bytes] | None = None) -> bytes:
    """Give the initrd with ``files`` (by path without leading slash) and kernel ``modules``.

    Modules go to ``lib/modules/NAME``; ``modules`` (the file) lists their names in the given order, in which they
    are to be loaded.
    """
    content = dict(files)
    if modules:
        content |= {f"lib/modules/{name}": Entry(data) for name, data in modules.items()}
        content["modules"] = Entry("".join(f"{name}\n" for name in modules).encode())
    return gzip.compress(archive(content), 9, mtime=0)


def archive(files: Mapping[str, Entry]) -> bytes:
    """Give the bare cpio archive, with the folders that the files need, ``/dev/console`` and ``/dev/null``."""
    out = bytearray()
    inode = _FIRST_INODE
    for folder in _folders([*files, "dev/console"]):
        out += _record(inode, folder, stat.S_IFDIR | 0o755)
        inode += 1
    for name, device in (("dev/console", _CONSOLE), ("dev/null", _NULL)):
        out += _record(inode, name, stat.S_IFCHR | 0o600, device=device)
        inode += 1
    for name, entry in sorted(files.items()):
        out += _record(inode, name, stat.S_IFREG | entry.mode, data=entry.data)
        inode += 1
    return bytes(out + _record(0, "TRAILER!!!", 0))


def _folders(names: Iterable[str]) -> list[str]:
    """Give all folders, each after the one it stands in: the kernel makes none that is not in the archive."""
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    return sorted(folders - {"."})


def _record(inode: int, name: str, mode: int, *, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    raw = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + raw) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
