"""The HTTP side of a boot server: boot files and configurations by the same look-up as TFTP, and call-backs.

Not the listener (``runner``) and not the look-up: both ``resolve`` and ``callback`` come in as functions.

    GET, HEAD /<path>        a file below the root or in the cache (Range, ETag, Last-Modified), one that is on its way
                             from an origin, or a rendered configuration
    POST /callback/<token>   an installer reports a phase; GET there changes nothing and is refused
    GET /healthz             whether this server can serve

    app = make_app(root=root, resolve=resolve, callback=callback, health=health, on_exchange=note)
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.staticfiles import NotModifiedResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nearboot.boot.cache_runner import Cached, Streamed
from nearboot.boot.store import find_file
from nearboot.errors import DatabaseError, InputError, NearbootError, NotFoundError, PeerError, ProtocolError
from nearboot.http.callback import MAX_BODY, Report, parse_report
from nearboot.model import Address, EventKind

log = logging.getLogger(__name__)

_TOKEN = re.compile(r"(callback/+)[^/?]+", re.IGNORECASE)

BODY_TIMEOUT_S = 30.0
"""How long a call-back's body may take: it is small, and the client is a machine."""

CHUNK = 512 * 1024
"""Bytes read from disk at a time, each in a thread. Starlette's own 64 KiB cost more in hand-overs than in reading:
160 to 270 MB/s to one client where this gave 530 to 1,100."""

MEDIA_TYPES: Mapping[str, str] = {
    ".efi": "application/efi",  # UEFI HTTP boot tells programs from disk images by it (UEFI 2.10 section 24.7)
    ".cfg": "text/plain; charset=utf-8",
    ".ipxe": "text/plain; charset=utf-8",
}

MAX_STREAMS = 256
"""Clients that may wait for bytes of an origin at once, each in a thread."""

Content = bytes | Path | Cached | Streamed | None
Resolve = Callable[[str, Address | None, Address | None], Awaitable[Content]]
"""Path with its query as asked, client address, address that was asked -> bytes, a path below the root, a file of the
cache, one that is on its way, or None."""
Callback = Callable[[str, Report, Address | None, Address | None], Awaitable[str]]
"""Token, what is reported, client address, address that was asked -> how the run had ended before; empty: it was under
way. ``NotFoundError``: no run has this token. ``ProtocolError``: no such phase."""
Health = Callable[[], Awaitable[str]]
"""What is wrong; empty: nothing."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. ``subject``: the path, or the phase of a call-back (never its token)."""

    kind: EventKind  # HTTP_READ or CALLBACK
    client: Address | None
    server: Address | None  # the local address that was asked
    method: str
    subject: str
    status: int
    bytes: int
    duration_s: float
    outcome: str  # ok, not-found, aborted-by-client, bad-request, template-error, unavailable, error, after-the-end
    fields: Mapping[str, str]  # of a call-back
    user_agent: str = ""


def make_app(
    *, root: Path, resolve: Resolve, callback: Callback, health: Health, on_exchange: Callable[[Exchange], None]
) -> Starlette:
    """Put the application together; ``on_exchange`` is called after each answer and must not block."""
    site = _Site(root, resolve, callback, health, CapacityLimiter(MAX_STREAMS))
    routes = [
        Route("/healthz", site.healthz, methods=["GET"]),
        Route("/callback/{token}", site.report, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
        Route("/{path:path}", site.read, methods=["GET", "HEAD"]),
    ]
    handlers = {NearbootError: _refused, ClientDisconnect: _gone}
    return Starlette(
        routes=routes,
        middleware=[Middleware(_Observed, on_exchange=on_exchange)],
        exception_handlers=handlers,
    )


@dataclass(frozen=True, slots=True)
class _Site:
    """The endpoints, with what they need."""

    root: Path
    resolve: Resolve
    callback: Callback
    health: Health
    streams: CapacityLimiter

    async def healthz(self, request: Request) -> Response:
        problem = await self.health()
        return JSONResponse({"status": problem or "ok"}, status_code=503 if problem else 200)

    async def read(self, request: Request) -> Response:
        content = await self.resolve(_asked(request.scope), *_addresses(request.scope))
        if isinstance(content, Path):
            content = await run_in_threadpool(_confined, self.root, content)
        if content is None:
            return _text(request, 404, "not-found", "not found")
        if isinstance(content, bytes):
            # Made for this client and this moment: no cache may keep it.
            headers = {"Cache-Control": "no-store"}
            return Response(content, media_type="text/plain; charset=utf-8", headers=headers)
        if isinstance(content, Streamed):
            return _Growing(request, content, self.streams)
        return await _file(request, Path(content.file) if isinstance(content, Cached) else content)

    async def report(self, request: Request) -> Response:
        if request.method != "POST":
            return _text(request, 405, "bad-request", "a call-back is a POST", {"Allow": "POST"})
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await _bounded_body(request)
        except TimeoutError:
            return _text(request, 408, "bad-request", f"no body within {BODY_TIMEOUT_S:.0f} s")
        if body is None:
            return _text(request, 413, "bad-request", f"a call-back has at most {MAX_BODY} bytes")
        told = parse_report(request.headers.get("content-type", ""), body)
        note = _note(request.scope)
        note.subject, note.fields = told.phase, told.fields
        ended = await self.callback(request.path_params["token"], told, *_addresses(request.scope))
        if ended:
            return _text(request, 409, "after-the-end", f"too late: {ended}")
        return PlainTextResponse("ok\n")


@dataclass(slots=True)
class _Note:
    """What is gathered while a request is answered."""

    subject: str
    fields: Mapping[str, str]
    status: int = 0
    bytes: int = 0
    ended: bool = False
    outcome: str = ""


class _Observed:
    """An ASGI layer that sees what is really sent, and tells it when all is over."""

    def __init__(self, app: ASGIApp, on_exchange: Callable[[Exchange], None]) -> None:
        self.app = app
        self.on_exchange = on_exchange

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/healthz":
            await self.app(scope, receive, send)
            return
        is_callback = scope["path"].startswith("/callback/")
        note = scope[_NOTE] = _Note("" if is_callback else _redacted(_asked(scope)), {})
        started = time.perf_counter()

        async def observe(message: Message) -> None:
            if message["type"] == "http.response.start":
                note.status = message["status"]
            elif message["type"] == "http.response.body":
                note.bytes += len(message.get("body", b"")) if scope["method"] != "HEAD" else 0
                note.ended = not message.get("more_body", False)
            await send(message)

        try:
            await self.app(scope, receive, observe)
        except Exception:  # a bug: the layer outside of this one answers it
            note.status, note.outcome, note.ended = 500, "error", True
            raise
        finally:
            kind = EventKind.CALLBACK if is_callback else EventKind.HTTP_READ
            self.on_exchange(_exchange(scope, note, kind, time.perf_counter() - started))


_NOTE = "nearboot.note"


def _exchange(scope: Scope, note: _Note, kind: EventKind, duration_s: float) -> Exchange:
    client, server = _addresses(scope)
    if not note.ended:
        outcome = note.outcome or "aborted-by-client"
    else:
        outcome = note.outcome or ("ok" if note.status < 400 else "bad-request" if note.status < 500 else "error")
    return Exchange(
        kind=kind,
        client=client,
        server=server,
        method=scope["method"],
        subject=note.subject,
        status=note.status,
        bytes=note.bytes,
        duration_s=duration_s,
        outcome=outcome,
        fields=note.fields,
        user_agent=Headers(scope=scope).get("user-agent", ""),
    )


_REFUSALS: tuple[tuple[type[NearbootError], int, str], ...] = (
    (ProtocolError, 400, "bad-request"),
    (NotFoundError, 404, "not-found"),
    (InputError, 500, "template-error"),
    (PeerError, 503, "unavailable"),
    (DatabaseError, 503, "unavailable"),
    (NearbootError, 500, "error"),
)
"""Which status and outcome each error becomes; a fault of ours is never told as "not found"."""


async def _refused(request: Request, error: Exception) -> Response:
    status, outcome = next((status, outcome) for kind, status, outcome in _REFUSALS if isinstance(error, kind))
    # The peer's own faults are told to it; ours are for the operator, by the outcome and the log.
    text = str(error) if status < 500 else "this request cannot be answered; see the server's log"
    return _text(request, status, outcome, text)


async def _gone(request: Request, error: Exception) -> Response:
    return _text(request, 400, "aborted-by-client", "the body ended early")


def _text(request: Request, status: int, outcome: str, text: str, headers: Mapping[str, str] | None = None) -> Response:
    _note(request.scope).outcome = outcome
    return PlainTextResponse(text + "\n", status_code=status, headers=headers)


def _note(scope: Scope) -> _Note:
    note = scope[_NOTE]
    assert isinstance(note, _Note)
    return note


def _redacted(path: str) -> str:
    """A path without the token that a mistyped call-back URL may hold: subjects are shown, tokens never."""
    return _TOKEN.sub(r"\1...", path)


def _asked(scope: Scope) -> str:
    path: str = scope["path"]
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _addresses(scope: Scope) -> tuple[Address | None, Address | None]:
    """Client and own address; IPv4 that came in through an IPv6 socket is IPv4."""
    client, server = scope.get("client"), scope.get("server")
    return _address(client[0] if client else ""), _address(server[0] if server else "")


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _confined(root: Path, path: Path) -> Path | None:
    """The file if it is below the root, whoever named it: a second lock behind the look-up's own."""
    try:
        relative = path.relative_to(root.resolve()) if path.is_absolute() else path
    except ValueError:
        return None
    return find_file(root, relative.as_posix())


async def _file(request: Request, path: Path) -> Response:
    try:
        stat = await run_in_threadpool(path.stat)
    except OSError:
        return _text(request, 404, "not-found", "not found")
    response = FileResponse(path, stat_result=stat, media_type=_media_type(request))
    response.chunk_size = CHUNK
    if _not_modified(request.headers, response.headers):
        return NotModifiedResponse(response.headers)
    return response


class _Growing(Response):
    """A file that is read while it is sent, whole: a Range may be answered so (RFC 9110 section 14.2).

    Where the rest never comes the connection is closed before the announced end, as the client must be told.
    """

    def __init__(self, request: Request, streamed: Streamed, limiter: CapacityLimiter) -> None:
        super().__init__(media_type=_media_type(request))
        self.raw_headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        if streamed.size is not None:
            self.headers["content-length"] = str(streamed.size)
        self._request = request
        self._streamed = streamed
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while scope["method"] != "HEAD" and (chunk := await self._read()):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if await self._request.is_disconnected():
                    return
            await send({"type": "http.response.body", "body": b""})
        except PeerError as error:
            _note(scope).outcome = "unavailable"
            log.warning("path=%s is cut off: %s", scope["path"], error)
        finally:
            self._streamed.close()

    async def _read(self) -> bytes:
        return await to_thread.run_sync(self._streamed.read, CHUNK, limiter=self._limiter)


def _media_type(request: Request) -> str:
    """By the name that was asked for."""
    return MEDIA_TYPES.get(Path(request.url.path).suffix.lower(), "application/octet-stream")


def _not_modified(asked: Headers, file: Mapping[str, str]) -> bool:
    """Whether the client has this version (RFC 9110 section 13.2.2: If-None-Match goes before If-Modified-Since)."""
    tags = asked.get("if-none-match")
    if tags is not None:
        return tags.strip() == "*" or file["etag"] in [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    since = asked.get("if-modified-since")
    try:
        return since is not None and parsedate_to_datetime(since) >= parsedate_to_datetime(file["last-modified"])
    except (TypeError, ValueError):  # not a date: as if absent (RFC 9110 section 13.1.3)
        return False


async def _bounded_body(request: Request) -> bytes | None:
    """The body, or None as soon as it is seen to be too long."""
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > MAX_BODY:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)
