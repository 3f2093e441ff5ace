"""What waits for the event book: a bounded queue with a thread of its own, so that no server ever waits for its book.

When it is full, what matters least is dropped (the book's judgement), the oldest first, and then the oldest of all. A
burst of it is one line in the log. Things are handed on in order and in batches, which costs a transaction each, not an
event.

    backlog = Backlog(book.store, is_minor=book.is_minor)
    backlog.start(); backlog.put(read); backlog.close(grace_s=10)
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

ROOM = 10_000
"""What may wait: a rack's boot is some hundreds of reads. Some 10 MB."""
BATCH = 200
"""What is stored at once: other writers of a SQLite database wait that long, a fraction of a second."""
GATHER_S = 0.05
"""The pause after a batch, in which the next one gathers: a transaction for each of 100 reads a second is slow."""
SAY_AGAIN_S = 10.0
"""A burst that does not end is told of this often."""
LAST_S = 2.0
"""How long the batch under way may still take after the deadline."""

T = TypeVar("T")


class Backlog(Generic[T]):
    """Hands what is put to ``store``. ``is_minor``: what is dropped first; it is called with each thing put."""

    def __init__(
        self,
        store: Callable[[Sequence[T]], None],
        *,
        is_minor: Callable[[T], bool],
        room: int = ROOM,
        batch: int = BATCH,
    ) -> None:
        self._store, self._is_minor = store, is_minor
        self._room, self._batch = room, batch
        self._major: deque[tuple[int, T]] = deque()
        self._minor: deque[tuple[int, T]] = deque()
        self._number = 0  # of what was put: gives the order of both queues together
        self._dropped = 0
        self.dropped_total = 0
        """All that were dropped since the start; the other count begins anew when it has been told."""
        self._said_at = 0.0
        self._closing = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="nearboot-book", daemon=True)

    def __len__(self) -> int:
        """How much waits."""
        return len(self._major) + len(self._minor)

    def start(self) -> None:
        self._thread.start()

    def put(self, thing: T) -> None:
        """From any thread; never waits for the book."""
        queue = self._minor if self._is_minor(thing) else self._major
        with self._changed:
            self._number += 1
            queue.append((self._number, thing))
            if len(self) > self._room:
                (self._minor or self._major).popleft()
                self._dropped += 1
                self.dropped_total += 1
            self._changed.notify()

    def close(self, grace_s: float) -> None:
        """Return when all that was put is stored; what is not after ``grace_s`` seconds is dropped."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(grace_s)
        with self._changed:
            self._dropped += len(self)
            self.dropped_total += len(self)
            self._major.clear()
            self._minor.clear()
        if self._thread.is_alive():
            self._thread.join(LAST_S)
        self._say_dropped()

    def _run(self) -> None:
        while batch := self._take():
            try:
                self._store(batch)
            except Exception:  # the book must not end the server
                self.dropped_total += len(batch)
                log.exception("events lost: count=%d", len(batch))
            if not len(self) or time.monotonic() - self._said_at > SAY_AGAIN_S:
                self._say_dropped()
            self._closing.wait(GATHER_S if len(self) < self._batch else 0)

    def _take(self) -> list[T]:
        """The next batch, oldest first; empty when closed and all is done."""
        with self._changed:
            self._changed.wait_for(lambda: len(self) or self._closing.is_set())
            return [self._next() for _ in range(min(self._batch, len(self)))]

    def _next(self) -> T:
        older = not self._major or (bool(self._minor) and self._minor[0][0] < self._major[0][0])
        return (self._minor if older else self._major).popleft()[1]

    def _say_dropped(self) -> None:
        with self._changed:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            self._said_at = time.monotonic()
            why = "the server stopped" if self._closing.is_set() else "the database could not keep up"
            log.warning("events dropped: count=%d, %s", dropped, why)
