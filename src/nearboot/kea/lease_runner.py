"""Follows Kea's lease file while Kea writes it, across its clean-ups and our own restarts.

Kea appends; from time to time (lease file clean-up, LFC) it renames the file to ``.1`` and begins a new one, which
holds a header and nothing old. So each row is read once: from the open file until its end, then from the new one.

    await follow(path, on_lease=store_event, stop=stop, start=saved_position)
"""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nearboot.errors import ProtocolError
from nearboot.kea.leases import Lease, LeaseReader

_ROTATED = ".1"  # what the clean-up names the file that it works on; it removes it when done


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file has been read: after ``offset`` octets of the file with that inode.

    ``checksum`` is of the last line read: a new file may get an old one's inode, but not its line at that place.
    """

    inode: int
    offset: int
    checksum: int


OnLease = Callable[[Lease, Position], Awaitable[None]]
OnProblem = Callable[[ProtocolError], None]


async def follow(
    path: Path,
    *,
    on_lease: OnLease,
    stop: asyncio.Event,
    start: Position | None = None,
    skip_existing: bool = False,
    poll_s: float = 0.2,
    on_problem: OnProblem | None = None,
) -> None:
    """Hand over every row that is appended until ``stop`` is set; the rows there by then are still handed over.

    Begins after ``start`` (the position that came with the last row handled before a restart), or at the file's
    beginning, or (``skip_existing``) at its present end. Waits for a file that does not exist yet. Rows that cannot
    be read go to ``on_problem`` and are passed over.
    """
    tail = _Tail(path, on_lease, on_problem)
    try:
        await tail.resume(start, skip_existing=skip_existing)
        while True:
            last = stop.is_set()
            await tail.catch_up()
            if last:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(poll_s):
                    await stop.wait()
    finally:
        tail.close()


class _Tail:
    """One open lease file, and the reader that knows its columns."""

    def __init__(self, path: Path, on_lease: OnLease, on_problem: OnProblem | None) -> None:
        self._path, self._on_lease, self._on_problem = path, on_lease, on_problem
        self._file: BinaryIO | None = None
        self._reader = LeaseReader()
        self._offset = 0

    async def resume(self, start: Position | None, *, skip_existing: bool) -> None:
        """Open what was being read when ``start`` was saved, also if it has been renamed since."""
        if start is not None and (found := _find(self._path, start)):
            self._open(found)
            self._pass_over(start.offset)
        elif start is None and skip_existing and self._path.exists():
            self._open(self._path)
            self._pass_over(self._path.stat().st_size)

    async def catch_up(self) -> None:
        """Read to the end of the open file, then of each one that has taken its place."""
        while True:
            if self._file is None:
                if not self._path.exists():
                    return
                self._open(self._path)
            replaced = self._is_replaced()  # asked first: what was written before the renaming is read below
            await self._drain()
            if not replaced:
                return
            self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, path: Path) -> None:
        self._file = path.open("rb")
        self._reader, self._offset = LeaseReader(), 0

    def _pass_over(self, size: int) -> None:
        """Go past the complete lines of the first ``size`` octets; only the header is of interest there."""
        assert self._file is not None
        while self._offset < size and (line := self._file.readline()).endswith(b"\n"):
            self._offset += len(line)
            if line.startswith(b"address,"):
                self._reader.read(line.decode())
        self._file.seek(self._offset)

    async def _drain(self) -> None:
        assert self._file is not None
        self._file.seek(self._offset)
        while (line := self._file.readline()).endswith(b"\n"):  # Kea may be halfway through a line: leave it
            self._offset += len(line)
            await self._handle(line)

    async def _handle(self, line: bytes) -> None:
        assert self._file is not None
        try:
            lease = self._reader.read(line.decode("utf-8", "replace"))
        except ProtocolError as error:
            if self._on_problem is not None:
                self._on_problem(error)
            return
        if lease is not None:
            inode = os.fstat(self._file.fileno()).st_ino
            await self._on_lease(lease, Position(inode, self._offset, zlib.crc32(line)))

    def _is_replaced(self) -> bool:
        """Tell whether the path now leads to another file, or to the same one begun anew."""
        assert self._file is not None
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False  # between the renaming and the new file: wait for it
        return now.st_ino != os.fstat(self._file.fileno()).st_ino or now.st_size < self._offset


def _find(path: Path, position: Position) -> Path | None:
    """Find the file that a position belongs to: in place, or already set aside by the clean-up."""
    for candidate in (path, path.with_name(path.name + _ROTATED)):
        try:
            if candidate.stat().st_ino == position.inode and _holds(candidate, position):
                return candidate
        except FileNotFoundError:
            continue
    return None


def _holds(path: Path, position: Position) -> bool:
    with path.open("rb") as file:
        head = file.read(position.offset)
    lines = head.splitlines(keepends=True)
    return len(head) == position.offset and bool(lines) and zlib.crc32(lines[-1]) == position.checksum
