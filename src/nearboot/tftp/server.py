"""The TFTP server: sockets and threads put together around the data plane.

    with TftpServer(handler, host="::", port=69, fast=root.lookup, on_event=print) as server:
        print(server.port)

One data-plane thread (a ``Worker``), one for handlers, one for events; the last two sleep when there is nothing to do.
"""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from nearboot.tftp.event_runner import EventThread, OnEvent
from nearboot.tftp.guard import Known
from nearboot.tftp.handler_runner import HandlerThread
from nearboot.tftp.limits import Limits
from nearboot.tftp.listener_runner import Listener, bound
from nearboot.tftp.live import LiveTransfer, live_transfers
from nearboot.tftp.one_port_runner import OnePort
from nearboot.tftp.request import Fast, Handler
from nearboot.tftp.request_runner import Reception
from nearboot.tftp.runner import Loop

EVENTS_S = 1.0
RESPONDS_S = 1.0
"""A data plane that was not heard of for so long is stuck: what it waits for must not block."""


class TftpServer:
    """A read-only TFTP server (RFC 1350, 2347, 2348, 2349, 7440). ``port`` is the real one, also where 0 was asked.

    ``known`` (must not block) says of an address whether it is a client; requests of others are dropped.
    The socket is bound by the constructor, so an address in use is an OSError here and nowhere else. ``sockets``: those
    to serve on instead, bound already (``activation_runner``); they are the server's from here on.
    """

    def __init__(
        self,
        handler: Handler | None,
        *,
        host: str = "::",
        port: int = 69,
        fast: Fast | None = None,
        on_event: OnEvent | None = None,
        limits: Limits | None = None,
        known: Known | None = None,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        self._handlers = HandlerThread(handler) if handler else None
        self._events = EventThread(on_event) if on_event else None
        self.host: str = sockets[0].getsockname()[0] if sockets else host
        try:
            sockets = sockets or (bound(host, port),)
        except OSError:
            self._close_threads()
            raise
        self.port: int = sockets[0].getsockname()[1]
        self._worker = Worker(
            sockets, limits=limits or Limits(), fast=fast, handlers=self._handlers, events=self._events, known=known
        )

    def start(self) -> None:
        """Serve, in threads of its own."""
        if self._events:
            self._events.start()
        if self._handlers:
            self._handlers.start()
        self._worker.start()

    def stop(self, grace_s: float = 5.0) -> None:
        """Take no more requests, let transfers end for ``grace_s`` seconds, fail the rest, hand on the events.

        A receiver that lags has the rest of that time for them, and a second at least.
        """
        deadline = time.monotonic() + grace_s
        self._worker.stop(grace_s)
        self._close_threads(max(deadline - time.monotonic(), EVENTS_S))

    def counters(self) -> dict[str, int]:
        """Totals since the start, and what is going on now: ``active`` transfers, ``cached_bytes``."""
        dropped = self._events.dropped_total if self._events else 0
        return self._worker.counters() | {"events_dropped": dropped}

    def transfers(self) -> tuple[LiveTransfer, ...]:
        """The transfers under way; from any thread."""
        return self._worker.transfers()

    def responds(self, within_s: float = RESPONDS_S) -> bool:
        """Whether the data plane turns; from any thread but its own and those that it waits for."""
        return self._worker.responds(within_s)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(grace_s=0.0 if error else 5.0)

    def _close_threads(self, grace_s: float = EVENTS_S) -> None:
        if self._handlers:
            self._handlers.close()
        if self._events:
            self._events.close(grace_s)


def raise_file_limit() -> None:
    """Let this process have as many sockets as it may: a transfer takes one, and the soft limit is 1,024 mostly."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Worker:
    """One data plane: a loop, its listeners and sessions, in one thread. Several can share a port (SO_REUSEPORT)."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        *,
        limits: Limits,
        fast: Fast | None,
        handlers: HandlerThread | None,
        events: EventThread | None,
        known: Known | None = None,
    ) -> None:
        self._loop = Loop()
        self._reception = Reception(
            self._loop, limits=limits, fast=fast, handlers=handlers, wants_events=events is not None, known=known
        )
        self._doors = self._opened(sockets, single=limits.single_port)
        self._events = events
        self._deadline: float | None = None
        self._loop.on_tick.append(self._on_tick)
        self._thread = threading.Thread(target=self._loop.run, name="nearboot-tftp-data", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """Drain and end; idempotent."""
        if self._thread.is_alive():
            self._loop.call_soon(lambda now: self._begin_stop(now + grace_s))
            self._thread.join()
        elif self._deadline is None:
            self._begin_stop(time.monotonic())
            self._end(time.monotonic())
        else:
            return
        self._loop.close()

    def counters(self) -> dict[str, int]:
        reception = self._reception
        cache = reception.cache
        live = {"active": len(reception.table), "cached_bytes": cache.held_bytes}
        return self._loop.stats.snapshot() | {"cache_hits": cache.hits, "cache_misses": cache.misses} | live

    def transfers(self) -> tuple[LiveTransfer, ...]:
        """From any thread: the copy of the table's values is one step of the interpreter."""
        return live_transfers(self._reception.table.sessions(), time.time() - time.monotonic())

    def responds(self, within_s: float) -> bool:
        """From any other thread: whether the loop comes to a call in time."""
        came = threading.Event()
        self._loop.call_soon(lambda now: came.set())
        return came.wait(within_s if self._thread.is_alive() else 0.0)

    def _opened(self, sockets: Sequence[socket.socket], *, single: bool) -> Sequence[Listener | OnePort]:
        on_datagram = self._reception.on_datagram
        if not single:
            return [Listener(sock, self._loop, on_datagram) for sock in sockets]
        doors = tuple(OnePort(sock, self._loop, on_datagram) for sock in sockets)
        self._reception.carriers.one_ports = doors
        return doors

    def _begin_stop(self, deadline: float) -> None:
        if self._deadline is None:
            for door in self._doors:
                door.close_door()
        self._deadline = deadline
        self._loop.keep_ticking()

    def _on_tick(self, now: float) -> bool:
        """Whether to tick on: while stopping, though no timer runs."""
        self._reception.on_tick(now)
        if self._deadline is not None and (len(self._reception.table) == 0 or now >= self._deadline):
            self._end(now)
        self._flush()
        return self._deadline is not None

    def _end(self, now: float) -> None:
        self._reception.close("the server stopped", now)
        self._flush()
        self._loop.stop()

    def _flush(self) -> None:
        if self._events and self._reception.ended:
            self._events.put(self._reception.ended)
            self._reception.ended = []
