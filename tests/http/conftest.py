"""A real server on a free loopback port: uvicorn in a thread of its own, with a real file root behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from nearboot.boot.cache_runner import Cached, Streamed
from nearboot.boot.request import parse
from nearboot.boot.resolve import resolve
from nearboot.boot.store import BootFiles
from nearboot.errors import DatabaseError, Fault, InputError, NotFoundError, PeerError
from nearboot.http.callback import Report
from nearboot.http.runner import serve
from nearboot.http.server import Content, Exchange, make_app
from nearboot.model import Address

WAIT_S = 20.0
KERNEL = bytes(range(256)) * 1024  # 256 KiB, no two neighbours alike


@contextmanager
def running(app: ASGIApp, host: str = "127.0.0.1", grace_s: float = 1.0) -> Iterator[tuple[str, int]]:
    """Serve an application in a thread; yields its address and port."""
    address: Future[tuple[str, int]] = Future()
    control: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        control.set_result((asyncio.get_running_loop(), stop))
        await serve(app, host, 0, ready=lambda *found: address.set_result(found), stop=stop, grace_s=grace_s)

    def thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            if not address.done():
                address.set_exception(error)
            raise

    worker = threading.Thread(target=thread)
    worker.start()
    try:
        yield address.result(WAIT_S)
    finally:
        loop, stop = control.result(WAIT_S)
        loop.call_soon_threadsafe(stop.set)
        worker.join(WAIT_S)
        assert not worker.is_alive()


@dataclass
class Site:
    """A served site, what it was told, and what it reported."""

    files: BootFiles
    url: str = ""
    reports: list[tuple[str, Report, Address | None, Address | None]] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    seen: threading.Condition = field(default_factory=threading.Condition)
    problem: str = ""
    cached: dict[str, Cached | Streamed] = field(default_factory=dict)

    async def resolve(self, path: str, client: Address | None, server: Address | None) -> Content:
        """The look-up as the composition root wires it, and paths that show each kind of trouble."""
        troubles = {
            "/trouble/template": InputError([Fault("grub.cfg.j2", 3, "disk", "no value", "one")]),
            "/trouble/origin": PeerError("the origin does not answer"),
            "/trouble/database": DatabaseError("the database is gone"),
            "/trouble/bug": RuntimeError("a bug"),
        }
        if path in troubles:
            raise troubles[path]
        if path in self.cached:
            return self.cached[path]
        if path == "/whoami":
            return f"{client} {server}".encode()
        if path == "/outside":
            return self.files.root.parent / "secret"
        return self.files.content(resolve(parse(path), None))

    async def callback(self, token: str, report: Report, client: Address | None, asked: Address | None) -> str:
        """One run is known, and one that has ended."""
        if token == "ended-token":
            return "run 6 ended: provisioned"
        if token != "good-token":
            raise NotFoundError("run", "with this token")
        self.reports.append((token, report, client, asked))
        return ""

    async def health(self) -> str:
        """What the test wants it to be."""
        return self.problem

    def note(self, exchange: Exchange) -> None:
        """Keep what was reported."""
        with self.seen:
            self.exchanges.append(exchange)
            self.seen.notify_all()

    def exchange(self, count: int = 1) -> Exchange:
        """The count-th exchange, waited for: it is reported after the client has its answer."""
        with self.seen:
            assert self.seen.wait_for(lambda: len(self.exchanges) >= count, WAIT_S)
            return self.exchanges[count - 1]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A file root with a kernel, a program, links, and a secret next to it."""
    root = tmp_path / "srv"
    (root / "images").mkdir(parents=True)
    (root / "images" / "vmlinuz").write_bytes(KERNEL)
    (root / "ipxe.efi").write_bytes(b"MZ")
    (root / "empty").write_bytes(b"")
    (root / "nearboot-health").write_text("ok\n")
    (tmp_path / "secret").write_text("secret")
    (root / "escape").symlink_to("../secret")
    return root


class Switch:
    """One listener for a whole file of tests: each test puts its own application behind it."""

    url = ""
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on to the test's application; what that one reports late stays with that test."""
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def switch() -> Iterator[Switch]:
    """A running listener."""
    switch = Switch()
    with running(switch) as (host, port):
        switch.url = f"http://{host}:{port}"
        yield switch


@pytest.fixture
def site(root: Path, switch: Switch) -> Site:
    """A served site."""
    templates = {"grub-stub.cfg.j2": "stub from {{ template }}\n", "ipxe-stub.ipxe.j2": "#!ipxe\n"}
    site = Site(BootFiles(root, templates), switch.url)
    switch.app = make_app(
        root=root, resolve=site.resolve, callback=site.callback, health=site.health, on_exchange=site.note
    )
    return site


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    """A client of the running site."""
    with httpx.Client(base_url=site.url, timeout=WAIT_S, trust_env=False) as client:
        yield client
