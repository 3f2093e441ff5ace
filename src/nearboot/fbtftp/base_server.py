"""A server that asks ``get_handler()`` who answers: subclass ``BaseServer``, then ``run()``.

The port is bound by the constructor, so privileges may be dropped before ``run()``. Packets are ``TftpServer``'s
matter; here are the handlers' threads and the statistics' timer.

    class Server(BaseServer):
        def get_handler(self, server_addr, peer, path, options):
            return Handler(server_addr, peer, path, options, print)

    Server("::", 69, retries=3, timeout=5).run()
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from nearboot.fbtftp.base_handler import BaseHandler, error_code, open_stream
from nearboot.fbtftp.constants import DATAPOINTS_INTERVAL_SECONDS
from nearboot.fbtftp.stats_runner import ServerStats
from nearboot.tftp import Limits, Pace, ReadRequest, Stream, TftpServer

__all__ = ["BaseServer", "ServerStats"]

THREADS = 64
"""Calls of ``get_response_data()`` at once."""
GRACE_S = 5.0
"""How long reads under way may go on after ``close()``."""
OPENING_RESENDS = 2
"""Copies of a first reply to an address that may be forged."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BoundAddress:
    """The server's socket, for those who ask it where it is bound."""

    address: tuple[str, int]

    def getsockname(self) -> tuple[str, int]:
        return self.address


class BaseServer:
    """A TFTP server. ``retries`` is how often a packet is sent again, ``timeout`` the seconds between.

    ``server_stats_callback`` gets the ``ServerStats`` each ``stats_interval_seconds``, in a thread of its own.
    """

    def __init__(  # noqa: PLR0917  # fbtftp's signature
        self,
        address: str,
        port: int,
        retries: int,
        timeout: int,
        server_stats_callback: Callable[[ServerStats], None] | None = None,
        stats_interval_seconds: float = DATAPOINTS_INTERVAL_SECONDS,
    ) -> None:
        self._address = address
        self._retries = retries
        self._timeout = timeout
        self._server_stats_callback = server_stats_callback
        self._server_stats = ServerStats(address, stats_interval_seconds)
        self._metrics_timer: threading.Timer | None = None
        self._engine = TftpServer(self._handle, host=address, port=port, limits=limits(retries, timeout))
        self._port = self._engine.port
        self._listener = BoundAddress((address, self._port))
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="nearboot-fbtftp")
        self._lock = threading.Lock()
        """Held to call ``get_handler``, which fbtftp calls from one thread alone."""
        self._is_running = self._should_stop = self._stops_after_one = False
        self._stops: queue.SimpleQueue[None] = queue.SimpleQueue()
        """What ``run`` waits for; a signal handler may put into it, where an Event could lock itself out."""

    def get_handler(
        self, server_addr: tuple[str, int], peer: tuple[object, ...], path: str, options: dict[str, int | str]
    ) -> BaseHandler | None:
        """To be overridden: the handler of one read. None refuses it."""
        raise NotImplementedError

    def run(self, run_once: bool = False) -> None:
        """Serve until ``close()``; with ``run_once`` until the first read is over."""
        self._is_running, self._stops_after_one = True, run_once
        if self._should_stop:
            self._end()
            return
        self.restart_stats_timer(run_once)
        self._engine.start()
        try:
            self._stops.get()
        finally:
            self._end()

    def close(self) -> None:
        """From any thread, or a signal handler: let ``run()`` return, when reads under way have ended."""
        self._should_stop = True
        self._stops.put(None)
        if not self._is_running:
            self._end()

    def restart_stats_timer(self, run_once: bool = False) -> None:
        """Call the statistics' callback an interval from now, if there is one."""
        if self._server_stats_callback is None or self._should_stop:
            return
        interval = self._server_stats.interval or DATAPOINTS_INTERVAL_SECONDS
        self._metrics_timer = threading.Timer(interval, self._metrics_callback_wrapper, [run_once])
        self._metrics_timer.daemon = True
        self._metrics_timer.start()

    def _metrics_callback_wrapper(self, run_once: bool = False) -> None:
        """A callback that fails is logged, and called again at its time."""
        try:
            if self._server_stats_callback:
                self._server_stats_callback(self._server_stats)
        except Exception:
            log.exception("server_stats_callback failed")
        if not run_once:
            self.restart_stats_timer()

    async def _handle(self, request: ReadRequest) -> Stream:
        opening = self._threads.submit(self._open, request)
        try:
            return await asyncio.wrap_future(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unserved)
            raise

    def _open(self, request: ReadRequest) -> Stream:
        """In a thread: the handler, and its content."""
        handler: BaseHandler | None = None
        try:
            with self._lock:
                handler = self._handler(request)
            if handler is None:
                raise PermissionError("get_handler returned no handler")
            stream = open_stream(handler)
        except Exception as error:
            log.warning("no content: file=%r client=%s error=%r", request.filename, request.client[0], error)
            if handler is not None:
                _report(handler, error)
            self._note_end()
            raise
        return Stream(stream.read, stream.size, lambda: self._close(stream), stream.on_end, stream.is_netascii)

    def _handler(self, request: ReadRequest) -> BaseHandler | None:
        address, port = request.client
        peer = (address, port, 0, 0) if ":" in address else (address, port)
        try:
            options = options_of(request, self._retries, self._timeout)
            return self.get_handler((self._address, self._port), peer, request.filename, options)
        finally:
            self._server_stats.increment_counter("process_count")

    def _close(self, stream: Stream) -> None:
        try:
            stream.close()
        finally:
            self._note_end()

    def _note_end(self) -> None:
        if self._stops_after_one:
            self._stops.put(None)

    def _end(self) -> None:
        self._should_stop = True
        if self._metrics_timer:
            self._metrics_timer.cancel()
        self._engine.stop(GRACE_S)
        self._threads.shutdown(wait=False, cancel_futures=True)


def limits(retries: int, timeout: float) -> Limits:
    """The engine's pace: as often as ``retries`` says, ``timeout`` apart, as fbtftp does."""
    pace = Pace(
        timeout_s=float(timeout),
        longest_wait_s=float(timeout),
        opening_sends=min(retries, OPENING_RESENDS) + 1,
        resends=retries,
        give_up_s=max(60.0, timeout * (retries + 2.0)),
    )
    return Limits(pace=pace)


def options_of(request: ReadRequest, retries: int, timeout: int) -> dict[str, int | str]:
    """fbtftp's options: the server's own first, which no client can change."""
    options: OrderedDict[str, int | str] = OrderedDict(
        mode=request.mode.value, default_timeout=timeout, retries=retries
    )
    for name, value in request.options.items():
        options.setdefault(name, value)
    return options


def _report(handler: BaseHandler, error: Exception) -> None:
    """The session ends before its first block."""
    handler._stats.error = {"error_code": error_code(error), "error_message": str(error)}
    try:
        handler._stats_callback(handler._stats)
    except Exception:
        log.exception("stats_callback failed")


def _close_unserved(opening: Future[Stream]) -> None:
    """The server stopped while the content was being looked for."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
