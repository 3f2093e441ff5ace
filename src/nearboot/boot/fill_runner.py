"""Downloads that grow while they are read, and the readers that follow them.

A reader waits for bytes; it gets an error where the download fails, and goes on by itself, from an origin, where the
download cannot be kept (a full disk). No reader ever gets bytes of two versions. The last bytes of a file are there
only when all of it was checked.

    download = Download(fd, head); download.advance(65536); download.finish()
    reader = Reader(download, go_on); reader.read(1024)
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from enum import Enum

from nearboot.boot.cache_store import sha256_of
from nearboot.boot.freshness import Head
from nearboot.boot.origin_client import Body, Progress
from nearboot.errors import PeerError

GoOn = Callable[[Head, Progress], Body]
"""Opens the rest of a file at an origin."""


class State(Enum):
    """Where a download stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REPLACED = "replaced"  # what came is of no use: another download begins anew
    UNKEPT = "unkept"  # the disk takes no more


class Download:
    """A file that grows, by the thread that fetches it; ``fd`` (to read it) is closed with the last who uses this."""

    def __init__(self, fd: int, head: Head) -> None:
        self.fd = fd
        self.head = head
        self.state = State.RUNNING
        self.ready = 0
        self.error = ""
        self.next: Download | None = None
        self._changed = threading.Condition()

    def advance(self, ready: int) -> None:
        """So many bytes may be read."""
        with self._changed:
            self.ready = ready
            self._changed.notify_all()

    def finish(self) -> None:
        """All is there."""
        self._end(State.DONE)

    def fail(self, error: str) -> None:
        """The rest will never come."""
        self._end(State.FAILED, error)

    def replace(self, new: Download) -> None:
        """What came is of no use; those who took nothing of it yet may go on with ``new``."""
        self.next = new
        self._end(State.REPLACED, "the file changed while it came")

    def give_up(self) -> None:
        """It cannot be stored: each reader fetches the rest for itself."""
        self._end(State.UNKEPT)

    def wait(self, at: int) -> State:
        """Wait for a byte at ``at``, or for the end; RUNNING and DONE with ``ready`` above ``at``: there is more."""
        with self._changed:
            self._changed.wait_for(lambda: self.ready > at or self.state is not State.RUNNING)
            return self.state

    def _end(self, state: State, error: str = "") -> None:
        with self._changed:
            if self.state is State.RUNNING:
                self.state, self.error = state, error
            self._changed.notify_all()

    def __del__(self) -> None:
        os.close(self.fd)


class Reader:
    """One client's way through a download."""

    def __init__(self, download: Download, go_on: GoOn) -> None:
        self.size = download.head.size
        self._download: Download | None = download
        self._go_on = go_on
        self._at = 0
        self._passage: Passage | None = None

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes, b"" at the end; waits for them. ``PeerError`` where they never come."""
        while self._passage is None:
            assert self._download is not None, "a closed reader is not read"
            state = self._download.wait(self._at)
            if self._at < self._download.ready and state is not State.REPLACED:
                return self._take(self._download, count)
            match state:
                case State.DONE:
                    return b""
                case State.UNKEPT:
                    self._leave(self._download)
                case State.REPLACED if self._at == 0 and (new := self._download.next) and new.head.size == self.size:
                    self._download = new
                case _:
                    raise PeerError(self._download.error)
        return self._passage.read(count)

    def close(self) -> None:
        self._download = None
        if self._passage is not None:
            self._passage.close()

    def _take(self, download: Download, count: int) -> bytes:
        data = os.pread(download.fd, min(count, download.ready - self._at), self._at)
        if not data:
            raise PeerError("the cache lost what it had")
        self._at += len(data)
        return data

    def _leave(self, download: Download) -> None:
        """From here on from an origin; the descriptor is let go, and with the last one its room on the disk."""
        progress = Progress(self._at, sha256_of(download.fd, self._at))
        self._passage = Passage(self._go_on(download.head, progress))
        self._download = None


class Passage:
    """A file that goes from an origin to one client and is not kept; what is held is one chunk."""

    def __init__(self, body: Body) -> None:
        self.size = body.head.size
        self._body = body
        self._chunks: Iterator[bytes] = body.chunks()
        self._rest = b""

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes, b"" at the end."""
        if not self._rest:
            self._rest = next(self._chunks, b"")
        data, self._rest = self._rest[:count], self._rest[count:]
        return data

    def close(self) -> None:
        self._body.close()
