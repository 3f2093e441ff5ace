"""The data-plane loop: one epoll, one thread, any number of these side by side (SO_REUSEPORT).

It knows file descriptors, the clock and the timer wheel; not what a datagram means. Who reads a descriptor is a dict
of bound methods, so a packet costs one look-up and one call. Work from other threads comes in through ``call_soon``.

    loop = Loop(); loop.watch(fd, method); threading.Thread(target=loop.run).start(); loop.stop(); thread.join()
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from nearboot.tftp.stats import Stats
from nearboot.tftp.ticker_runner import Ticker
from nearboot.tftp.wheel import Wheel

TICK_S = 0.05
RECEIVE_BUFFER = 2048
FAULT_PAUSE_S = 1.0
NEAR_S = 0.001
"""A client that answers within this is waited for at its own socket."""
ATTEND_S = 0.002
"""How long the other descriptors may go unasked meanwhile."""

log = logging.getLogger(__name__)

OnReadable = Callable[[float], bool | None]
"""Called with ``now`` when its descriptor has something to read. True: the peer's next packet may be waited for
there."""


class Timed(Protocol):
    """What the wheel turns."""

    def on_timer(self, now: float) -> float | None:
        """Do what is due; the next deadline, or None when done."""


class Loop:
    """One epoll loop; ``readers`` and ``wheel`` are for the sessions that live in it."""

    def __init__(self) -> None:
        self.readers: dict[int, OnReadable] = {}
        self.wheel: Wheel[Timed] = Wheel(time.monotonic(), TICK_S)
        self.stats = Stats()
        self.on_tick: list[Callable[[float], bool]] = []
        """Called at each tick; True asks for another one."""
        self.at_end: list[Callable[[], None]] = []
        """Called once, when all that one call of epoll brought is dealt with."""
        self.crowd = 0
        """Transfers that share a line: while there are any, none is waited for at its own socket."""
        self._epoll = select.epoll()
        self._calls: deque[Callable[[float], None]] = deque()
        self._closing: list[Callable[[], None]] = []
        self._running = True
        self._lock = threading.Lock()
        """Held to use or close ``_wake``: its number may be another file's soon after."""
        self._ticker = Ticker(TICK_S)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.watch(self._wake, self._on_wake)
        self.watch(self._ticker.fd, self._on_ticker)

    def watch(self, fd: int, reader: OnReadable) -> None:
        """Call ``reader`` whenever ``fd`` can be read."""
        self.readers[fd] = reader
        self._epoll.register(fd, select.EPOLLIN)

    def watch_writable(self, fd: int, wanted: bool) -> None:
        """Call the reader of ``fd`` also when it can be written: after a send that the kernel had no room for."""
        self._epoll.modify(fd, select.EPOLLIN | select.EPOLLOUT if wanted else select.EPOLLIN)

    def unwatch(self, fd: int, close: Callable[[], None]) -> None:
        """Forget ``fd``, and close it after the batch: an event of it, or of its number's next owner, may be in
        there."""
        self._epoll.unregister(fd)
        self.readers[fd] = _nobody
        self._closing.append(close)

    def call_soon(self, call: Callable[[float], None]) -> None:
        """From any thread: run ``call(now)`` in the loop."""
        self._calls.append(call)
        with self._lock:
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def keep_ticking(self) -> None:
        """From the loop's thread: there is something to wait for, at least until the next tick has looked."""
        if not self._ticker.is_on:
            self._ticker.on()

    def stop(self) -> None:
        """From any thread: return from ``run`` after the batch under way."""
        self.call_soon(self._on_stop)

    def run(self) -> None:
        """Serve until ``stop``. It sleeps until a packet, a tick or a call comes; ticks come only while one is
        needed."""
        poll, readers, monotonic = self._epoll.poll, self.readers, time.monotonic
        before = 0.0
        while self._running:
            events = poll()
            now = monotonic()
            more: bool | None = False
            for fd, _ in events:
                try:
                    more = readers[fd](now)
                except Exception:
                    self._on_fault(fd)
            if more and not self.crowd and now - before < NEAR_S and len(events) == 1:
                self._attend(fd, now + ATTEND_S)
            before = now
            while self.at_end:
                try:
                    self.at_end.pop()()
                except Exception:
                    self._on_fault(-1)
            if self._closing:
                self._close_closing()

    def close(self) -> None:
        """Give the descriptors back; after ``run`` has returned."""
        self._close_closing()
        self._epoll.close()
        self._ticker.close()
        with self._lock:
            os.close(self._wake)
            self._wake = -1

    def _attend(self, fd: int, until: float) -> None:
        """Only one client is there, and it is near: wait for it at its own socket for a while.

        That saves one system call of three for each packet: 1.14 times the speed of a lock-step read.
        """
        reader, monotonic = self.readers[fd], time.monotonic
        try:
            while (now := monotonic()) < until and reader(now):
                pass
        except Exception:
            self._on_fault(fd)

    def _on_ticker(self, now: float) -> None:
        """Turn the wheel, and stop ticking when nothing is left to wait for."""
        self._ticker.clear()
        for item in self.wheel.due(now):
            try:
                deadline = item.on_timer(now)
            except Exception:
                self._on_fault(-1)
                deadline = now + FAULT_PAUSE_S
            if deadline is not None:
                self.wheel.add(item, deadline)
        busy = [call(now) for call in self.on_tick]
        if self.wheel.is_empty and not any(busy):
            self._ticker.off()

    def _on_wake(self, now: float) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        while self._calls:
            try:
                self._calls.popleft()(now)
            except Exception:
                self._on_fault(-1)

    def _on_stop(self, now: float) -> None:
        self._running = False

    def _on_fault(self, fd: int) -> None:
        """A bug of ours: one transfer's matter, never the loop's end."""
        self.stats.faults += 1
        log.exception("fault in the TFTP data plane fd=%d", fd)

    def _close_closing(self) -> None:
        while self._closing:
            self._closing.pop()()


def _nobody(now: float) -> None:
    """The reader of a descriptor that was closed in this batch."""
