"""Transfer events on a thread of their own: in order, in batches, never in the way of a packet.

The data plane hands over bare tuples at its tick (20 times a second at most: a wake-up for each transfer would pass the
interpreter back and forth); the values are built and ``on_event`` is called here.
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

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._queue: queue.SimpleQueue[list[Ended] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="nearboot-tftp-events", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, batch: list[Ended]) -> None:
        """From any thread."""
        self._queue.put(batch)

    def close(self) -> None:
        """Return when all that was put has been handed on."""
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while (batch := self._queue.get()) is not None:
            offset = time.time() - time.monotonic()
            for ended in batch:
                try:
                    self._on_event(event(ended, offset))
                except Exception:
                    log.exception("on_event failed file=%r", ended.request.filename)


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
