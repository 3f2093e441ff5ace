"""Files: a root that is served read-only, and the sources that frames are filled from.

Not the data plane and no protocol. A file is found by its path, opened part by part without following symlinks once
they are resolved, and from then on it is what was found: (device, inode, size, mtime). A file that is replaced is a
new content; reads that are under way go on with the old one.

    root = StaticRoot("/srv/tftp")
    TftpServer(root.read, host="::", port=69, fast=root.lookup)
"""

from __future__ import annotations

import os
import stat
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

from nearboot.tftp.content import Content, FileContent, MemorySource, OpenStream, Source, Stream, to_netascii
from nearboot.tftp.path import clean
from nearboot.tftp.request import ReadRequest

OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""O_NONBLOCK: opening a FIFO would wait for a writer otherwise."""
MAX_KNOWN = 4096
"""Names remembered; one is about 500 bytes."""
READ_AHEAD = 4 << 20
MAX_NETASCII = 4 << 20
"""netascii is converted in memory; it is for configuration files."""


class StaticRoot:
    """A directory served read-only; nothing outside of it is ever opened. ``on_note`` hears of odd file names."""

    def __init__(self, root: str | Path, *, on_note: Callable[[str], None] | None = None) -> None:
        self.root = os.path.realpath(root)
        self._on_note = on_note
        self._known: OrderedDict[str, tuple[str, FileContent]] = OrderedDict()
        if not Path(self.root).is_dir():
            raise NotADirectoryError(f"root {str(root)!r} is not a directory")

    async def read(self, request: ReadRequest) -> Content:
        """The Handler of this root."""
        return self.lookup(request)

    def lookup(self, request: ReadRequest) -> FileContent:
        """The Fast of this root: one stat for a file that is known and unchanged (2 µs; resolving anew takes 40)."""
        name = request.filename
        known = self._known.get(name)
        if known is not None:
            path, content = known
            if is_same(os.stat(path), content):  # noqa: PTH116  # Path.stat takes 1 µs more, for each request
                return content
        return self._find(name)

    def _find(self, name: str) -> FileContent:
        cleaned = clean(name)
        if cleaned.note and self._on_note:
            self._on_note(f"file={name!r} {cleaned.note}")
        asked = str(Path(self.root, *cleaned.parts))
        real = os.path.realpath(asked)
        if os.path.commonpath((self.root, real)) != self.root:
            raise PermissionError(f"{name!r} leaves the root")
        content = self._identify(real)
        self._known[name] = (asked, content)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return content

    def _identify(self, real: str) -> FileContent:
        fd = open_below(self.root, os.path.relpath(real, self.root).split("/"))
        try:
            return identity(real, os.fstat(fd))
        finally:
            os.close(fd)


def file_content(path: str | Path) -> FileContent:
    """The regular file at ``path`` as content; for handlers that know a file by path (a cache of images)."""
    return identity(str(path), Path(path).stat())


def identity(path: str, status: os.stat_result) -> FileContent:
    if not stat.S_ISREG(status.st_mode):
        raise FileNotFoundError(f"{path!r} is not a regular file")
    return FileContent(path, status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)


def is_same(status: os.stat_result, content: FileContent) -> bool:
    return (
        status.st_mtime_ns == content.mtime_ns
        and status.st_size == content.size
        and status.st_ino == content.inode
        and status.st_dev == content.device
    )


def open_below(root: str, parts: Sequence[str]) -> int:
    """Open a file for reading, each part without following a symlink: what was resolved cannot be swapped meanwhile."""
    directory = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
            os.close(directory)
            directory = inner
        kind = stat.S_IFMT(os.stat(parts[-1], dir_fd=directory, follow_symlinks=False).st_mode)
        if kind not in (stat.S_IFREG, stat.S_IFLNK):  # opening a device may do something; the link is refused below
            raise FileNotFoundError(f"{parts[-1]!r} is not a regular file")
        return os.open(parts[-1], OPEN_FLAGS, dir_fd=directory)
    finally:
        os.close(directory)


class FileSource:
    """An open file, closed when its last user lets go; a transfer under way keeps the file it began with."""

    def __init__(self, content: FileContent) -> None:
        self._fd = -1
        self._fd = os.open(content.path, OPEN_FLAGS)
        self._content = content
        if not is_same(os.fstat(self._fd), content):
            raise FileChangedError(content.path)

    def read_into(self, views: Sequence[memoryview], offset: int) -> None:
        """One preadv where the file system gives all at once, as it does but for a file that shrank."""
        wanted = sum(map(len, views))
        done = os.preadv(self._fd, views, offset) if wanted else 0
        if done != wanted:
            self._read_rest(views, offset, done)
        if not is_same(os.fstat(self._fd), self._content):
            raise FileChangedError(self._content.path)
        os.posix_fadvise(self._fd, offset + wanted, READ_AHEAD, os.POSIX_FADV_WILLNEED)

    def _read_rest(self, views: Sequence[memoryview], offset: int, done: int) -> None:
        """View by view, from where the first read stopped: a signal, or a file system that gives less."""
        for view in views:
            have = min(done, len(view))
            done -= have
            while have < len(view):
                got = os.preadv(self._fd, [view[have:]], offset + have)
                if not got:
                    raise FileChangedError(self._content.path)
                have += got
            offset += len(view)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


class FileChangedError(OSError):
    """The file is no longer the one that was found, so its blocks would not fit together."""


def open_source(content: Content) -> Source:
    """The Opener of the frame cache."""
    if isinstance(content, Stream | OpenStream):
        raise OSError("a stream is read once, by its own transfer")
    return MemorySource(content) if isinstance(content, bytes) else FileSource(content)


def netascii(content: Content) -> Content:
    """The whole ``content`` with RFC 1350's line ends. A stream was turned when it was opened."""
    if isinstance(content, Stream | OpenStream):
        return content
    if isinstance(content, FileContent):
        if content.size > MAX_NETASCII:
            raise PermissionError(f"{content.path!r} is too large for netascii")
        whole = bytearray(content.size)
        FileSource(content).read_into([memoryview(whole)] if whole else [], 0)
        content = bytes(whole)
    return to_netascii(content)
