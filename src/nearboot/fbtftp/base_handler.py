"""A handler answers one read: subclass ``BaseHandler``, and return a ``ResponseData`` from ``get_response_data()``.

It is no process and has no socket (fbtftp's is and has): the server runs ``get_response_data()`` in a thread, and the
TFTP engine sends what comes of it. An attribute that it needs may be set before or after ``super().__init__()``.

    class Handler(BaseHandler):
        def get_response_data(self):
            return StringResponseData(f"hello {self._peer[0]}")
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable, Mapping

from nearboot.fbtftp.constants import ERR_ACCESS_VIOLATION, ERR_FILE_NOT_FOUND, ERR_UNDEFINED, MODE_NETASCII
from nearboot.fbtftp.netascii import NetasciiReader
from nearboot.fbtftp.stats_runner import SessionStats
from nearboot.tftp import Stream, Tally

__all__ = ["BaseHandler", "ResponseData", "SessionStats", "StringResponseData", "open_stream"]

SERVER_KEYS = ("retries", "default_timeout")
"""Of the options dict; the rest is the client's."""


class ResponseData:
    """Content to send: a file-like object. ``read(n)`` gives b"" at the end; ``size()`` may be None: not known."""

    def read(self, n: int) -> bytes:
        raise NotImplementedError

    def size(self) -> int | None:
        """Asked only for clients that want tsize."""
        raise NotImplementedError

    def close(self) -> None:
        """Called once, at the end of the session."""
        raise NotImplementedError


class StringResponseData(ResponseData):
    """A text as content, in Latin-1."""

    def __init__(self, string: str) -> None:
        self._data = string.encode("latin-1")
        self._reader = io.BytesIO(self._data)

    def read(self, n: int) -> bytes:
        return self._reader.read(n)

    def size(self) -> int:
        return len(self._data)

    def close(self) -> None:
        """Nothing is open."""


class BaseHandler:
    """One client's read. ``stats_callback`` gets the ``SessionStats`` once, at the end, however it went.

    ``options`` has ``mode``, ``default_timeout`` and ``retries``, then what the client asked for, in order.
    """

    daemon = True

    def __init__(
        self,
        server_addr: tuple[str, int],
        peer: tuple[object, ...],
        path: str,
        options: Mapping[str, int | str],
        stats_callback: Callable[[SessionStats], None],
    ) -> None:
        self._server_addr = server_addr
        self._peer = peer
        self._path = path
        self._options = options
        self._stats_callback = stats_callback
        self._timeout = int(options["default_timeout"])
        self._retries = int(options["retries"])
        self._response_data: ResponseData | NetasciiReader | None = None
        self._stats = SessionStats(server_addr, peer, path)
        self._stats.options_in = OrderedDict(
            (name, str(value)) for name, value in options.items() if name not in SERVER_KEYS
        )

    def get_response_data(self) -> ResponseData:
        """To be overridden: the content. FileNotFoundError is ERROR 1, PermissionError ERROR 2, all else ERROR 0."""
        raise NotImplementedError


def open_stream(handler: BaseHandler) -> Stream:
    """The handler's content as a stream, whose end is told to the callback; raises what the handler raises."""
    is_netascii = handler._options["mode"] == MODE_NETASCII
    data: ResponseData | NetasciiReader = handler.get_response_data()
    try:
        if is_netascii:
            data = NetasciiReader(data)
        size = data.size() if "tsize" in handler._options else None
    except Exception:
        data.close()
        raise
    handler._response_data = data
    handler._stats.error = {"error_code": ERR_UNDEFINED, "error_message": "the client went before the first reply"}
    return Stream(
        data.read,
        size,
        lambda: _close(handler, data),
        lambda tally: tell(handler._stats, tally),
        is_netascii,
    )


def error_code(error: BaseException) -> int:
    """The code of the ERROR that the client gets."""
    if isinstance(error, FileNotFoundError):
        return ERR_FILE_NOT_FOUND
    return ERR_ACCESS_VIOLATION if isinstance(error, PermissionError) else ERR_UNDEFINED


def tell(stats: SessionStats, tally: Tally) -> None:
    """Write down how the transfer went."""
    stats.options = stats.options_acked = OrderedDict(tally.options)
    stats.blksize = tally.blksize
    stats.packets_sent = tally.packets_sent
    stats.packets_acked = tally.packets_acked
    stats.bytes_sent = tally.bytes_sent
    stats.retransmits = tally.retransmits
    stats.error = {}
    if tally.error:
        code = ERR_UNDEFINED if tally.error_code is None else tally.error_code
        stats.error = {"error_code": code, "error_message": tally.error}


def _close(handler: BaseHandler, data: ResponseData | NetasciiReader) -> None:
    """The session is over: the content is closed also when the callback fails."""
    try:
        handler._stats_callback(handler._stats)
    finally:
        data.close()
