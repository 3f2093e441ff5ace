"""``GET /metrics`` and ``GET /healthz`` at an address of their own, in threads of their own.

Not the HTTP server that clients boot from: what a fleet's machines ask, and what its operators measure, have different
doors.

    with MetricsServer("127.0.0.1:9169", exposition.text, lambda: ""): ...
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from nearboot.errors import ConfigError

log = logging.getLogger(__name__)

PATIENCE_S = 10.0
PLAIN = "text/plain; charset=utf-8"

Text = Callable[[str], tuple[bytes, str]]
"""From what the scraper accepts to the metrics and their content type."""


class MetricsServer:
    """Listens from the constructor on. ``listen``: as ``127.0.0.1:9169``; ``setting`` names it in an error.

    ``health`` says what is wrong; empty: nothing. Both functions are called from threads of this.
    """

    def __init__(self, listen: str, text: Text, health: Callable[[], str], *, setting: str) -> None:
        host, port = host_and_port(listen, setting)
        handler = type("Handler", (_Handler,), {"text": staticmethod(text), "health": staticmethod(health)})
        try:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            server = type("Server", (_Server,), {"address_family": family})
            self._server = server((address[0], address[1]), handler)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(f"{setting}: cannot listen on {host} port {port}: {reason}") from error
        self.port: int = self._server.server_address[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}/metrics"
        self._thread = threading.Thread(target=self._server.serve_forever, name="nearboot-metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Take no more requests."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a scraper that holds its connection does not hold up the end

    def handle_error(self, request: object, client_address: object) -> None:
        """A scraper that leaves early is no news; anything else is."""
        log.debug("a scrape failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    text: Text
    health: Callable[[], str]
    timeout = PATIENCE_S
    server_version = "nearboot"
    sys_version = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(HTTPStatus.OK, *self.text(self.headers.get("Accept", "")))
        elif path == "/healthz":
            trouble = self.health()
            status = HTTPStatus.SERVICE_UNAVAILABLE if trouble else HTTPStatus.OK
            self._answer(status, f"{trouble or 'ok'}\n".encode(), PLAIN)
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"there are /metrics and /healthz\n", PLAIN)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


def host_and_port(listen: str, setting: str) -> tuple[str, int]:
    """``127.0.0.1:9169`` or ``[::1]:9169`` in two; ConfigError where it is neither."""
    host, colon, port = listen.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= 65535) or (
        ":" in host and not is_bracketed
    ):
        raise ConfigError(
            f"{setting}: found {listen!r}; expected HOST:PORT, as 127.0.0.1:9169 or [::]:9169, or nothing"
        )
    return host.strip("[]"), int(port)
