"""Transfer events on a thread of their own: in order, in batches, never in the way of a packet.

The data plane hands over bare tuples at its tick (20 times a second at most: a wake-up for each transfer would pass the
interpreter back and forth); the values are built and ``on_event`` is called here. A receiver that cannot keep up costs
events, not memory and not the end of the server: ``ROOM`` of them wait at most, and ``close`` waits only so long. What
is dropped is counted, and said in one line of the log.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from nearboot.tftp.request import Outcome, ReadRequest, TransferEvent

log = logging.getLogger(__name__)

OnEvent = Callable[[TransferEvent], None]

ROOM = 100_000
"""Events that may wait: some 50 MB."""
LAST_S = 1.0
"""How long the last call of ``on_event`` may take after the deadline."""


class Ended(NamedTuple):
    """A finished request as the data plane knows it; times are monotonic."""

    outcome: Outcome
    started: float
    finished: float
    request: ReadRequest
    size: int | None
    bytes_sent: int
    blksize: int
    windowsize: int
    retransmits: int
    error: str


class EventThread:
    """Calls ``on_event`` for everything put, in order; an exception of it is logged and the next event follows."""

    def __init__(self, on_event: OnEvent, *, room: int = ROOM) -> None:
        self._on_event = on_event
        self._room = room
        self._queue: queue.SimpleQueue[list[Ended] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        """Held to change the counts below."""
        self._waiting = 0
        self._dropped = 0
        self.dropped_total = 0
        """All that were dropped since the start; the other count begins anew when it has been told."""
        self.is_late = False
        """The deadline of ``close`` has passed: what is left is dropped."""
        self._thread = threading.Thread(target=self._run, name="nearboot-tftp-events", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, batch: list[Ended]) -> None:
        """From any thread; a batch that finds no room is dropped."""
        with self._lock:
            if self._waiting + len(batch) > self._room:
                self._dropped += len(batch)
                self.dropped_total += len(batch)
                return
            self._waiting += len(batch)
        self._queue.put(batch)

    def close(self, grace_s: float = 5.0) -> None:
        """Return when all that was put has been handed on; what has not after ``grace_s`` seconds is dropped."""
        self._queue.put(None)
        if not self._thread.is_alive():
            return
        self._thread.join(grace_s)
        self.is_late = True
        self._thread.join(LAST_S)  # a receiver that never returns keeps its thread, not us

    def _run(self) -> None:
        while (batch := self._queue.get()) is not None:
            offset = time.time() - time.monotonic()
            for ended in batch:
                self._hand_on(ended, offset)
            with self._lock:
                self._waiting -= len(batch)
            if self._waiting == 0:
                self._say_dropped()
        self._say_dropped()

    def _hand_on(self, ended: Ended, offset_s: float) -> None:
        if self.is_late:
            with self._lock:
                self._dropped += 1
                self.dropped_total += 1
            return
        try:
            self._on_event(event(ended, offset_s))
        except Exception:
            log.exception("on_event failed file=%r", ended.request.filename)

    def _say_dropped(self) -> None:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            log.warning("events dropped: count=%d, on_event could not keep up", dropped)


def event(ended: Ended, offset_s: float) -> TransferEvent:
    """The public value; ``offset_s`` is wall clock minus monotonic clock."""
    return TransferEvent(
        started_at=datetime.fromtimestamp(ended.started + offset_s, UTC),
        finished_at=datetime.fromtimestamp(ended.finished + offset_s, UTC),
        client=ended.request.client,
        server=ended.request.server,
        filename=ended.request.filename,
        outcome=ended.outcome,
        size=ended.size,
        bytes_sent=ended.bytes_sent,
        blksize=ended.blksize,
        windowsize=ended.windowsize,
        retransmits=ended.retransmits,
        duration_s=ended.finished - ended.started,
        error=ended.error,
    )
