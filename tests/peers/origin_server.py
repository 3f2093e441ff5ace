"""A real HTTP origin on the loopback interface: ETag, Last-Modified, Range, If-Range, conditions, and faults by switch.

origin = OriginServer("near"); origin.files["deb/vmlinuz"] = data; origin.url
origin.cut_at = 300_000      # answers break off there;  origin.gate.clear(): they wait at origin.gate_at
origin.kill()                # nothing listens any more, all connections are gone;  origin.revive()
"""

from __future__ import annotations

import hashlib
import re
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODIFIED = "Mon, 02 Mar 2026 10:00:00 GMT"
CHUNK = 65536


class OriginServer:
    """One origin. Everything may be changed while it runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.statuses: list[int] = []
        self.status: int | None = None
        self.cut_at: int | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.gate_at = 0
        self.reached = threading.Event()
        """An answer has come to the closed gate."""
        self.headers: dict[str, str] = {}
        self.redirects: dict[str, str] = {}
        self.has_ranges = self.has_length = True
        self.port = 0
        self._open: set[socket.socket] = set()
        self._server: ThreadingHTTPServer | None = None
        self.revive()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/files"

    def etag(self, path: str) -> str:
        return f'"{hashlib.md5(self.files[path]).hexdigest()}"'

    def gets(self, path: str) -> int:
        return [asked for asked, _ in self.requests].count(path)

    def revive(self) -> None:
        origin = self

        class Handler(_Handler):
            owner = origin

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 256

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that went away, or a connection that was killed."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def kill(self) -> None:
        if self._server is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = None
        self.cut()

    def cut(self) -> None:
        """Reset all connections, as a machine that dies."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: OriginServer

    def setup(self) -> None:
        super().setup()
        self.owner._open.add(self.connection)

    def finish(self) -> None:
        self.owner._open.discard(self.connection)
        with suppress(OSError):
            super().finish()
        self.connection.close()

    def do_GET(self) -> None:
        owner = self.owner
        path = self.path.removeprefix("/files/")
        owner.requests.append((path, {name.lower(): value for name, value in self.headers.items()}))
        if path in owner.redirects:
            self._say(301, {"Location": owner.redirects[path]})
            return
        if owner.status is not None or path not in owner.files:
            self._say(owner.status or 404)
            return
        data, etag = owner.files[path], owner.etag(path)
        headers = {"ETag": etag, "Last-Modified": MODIFIED, **owner.headers}
        headers = {name: value for name, value in headers.items() if value}
        is_same = self.headers.get("If-None-Match") == headers.get("ETag", "none")
        if is_same or ("ETag" not in headers and self.headers.get("If-Modified-Since") == headers.get("Last-Modified")):
            self._say(304, headers)
            return
        at = self._start(headers)
        if at:
            headers["Content-Range"] = f"bytes {at}-{len(data) - 1}/{len(data)}"
        self._say(206 if at else 200, headers, data[at:])

    def _start(self, headers: dict[str, str]) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        wanted = self.headers.get("If-Range", headers.get("ETag"))
        fits = wanted in (headers.get("ETag"), headers.get("Last-Modified"))
        return int(match[1]) if match and self.owner.has_ranges and fits else 0

    def _say(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        owner = self.owner
        owner.statuses.append(status)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if owner.has_length or status != 200:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        start = 0 if status == 200 else -1
        self._send(body, start)

    def _send(self, body: bytes, start: int) -> None:
        owner = self.owner
        at = 0
        while at < len(body):
            end = min(at + CHUNK, len(body))
            if start == 0 and owner.cut_at is not None:
                end = min(end, max(owner.cut_at, at))
            if at >= owner.gate_at and not owner.gate.is_set():
                self.wfile.flush()
                owner.reached.set()
                owner.gate.wait()
            self.wfile.write(body[at:end])
            at = end
            if start == 0 and owner.cut_at is not None and at >= owner.cut_at:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""
