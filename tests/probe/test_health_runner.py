"""A boot server is healthy when a whole small file comes from it; nothing else counts, and nothing raises."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from nearboot.model import BootServer, Health, Slug
from nearboot.probe.health_runner import MAX_BYTES, Reading, probe_all
from nearboot.tftp import StaticRoot, TftpServer

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "small").write_bytes(b"fine\n")
    (tmp_path / "empty").touch()
    return tmp_path


@pytest.fixture
def server(root: Path) -> Iterator[TftpServer]:
    with TftpServer(None, host="127.0.0.1", port=0, fast=StaticRoot(root).lookup) as server:
        yield server


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A port on which packets arrive and nobody answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind(("127.0.0.1", 0))
        port.setblocking(False)
        yield port


@pytest.fixture
def site(root: Path) -> Iterator[str]:
    """The URL of an HTTP server of the same folder."""
    handler = type("Handler", (_Quiet,), {"folder": str(root)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    folder = ""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, directory=self.folder)

    def log_message(self, *args: object) -> None:
        pass


def _boot_server(name: str, port: int, address: str | None = "127.0.0.1", http_url: str = "") -> BootServer:
    found = ip_address(address) if address else None
    return BootServer(Slug(name), Slug("x"), ipv4=found, http_url=http_url, tftp_port=port)  # type: ignore[arg-type]  # an IPv4 one


def _probe(
    server: BootServer,
    *,
    file: str = "small",
    timeout_s: float = 5.0,
    attempts: int = 2,
    sha256: str = "",
    http: bool = True,
) -> Health:
    reading = Reading(file, sha256, timeout_s, attempts, http)
    (found,) = asyncio.run(probe_all([server], reading, vantage="v", clock=lambda: NOW))
    return found


def test_a_whole_file_is_health(server: TftpServer) -> None:
    """How long it took is told; the time comes from the clock that was given."""
    health = _probe(_boot_server("a", server.port))
    assert (health.healthy, health.detail, health.checked_at, health.vantage) == (
        True,
        "read 5 bytes of small",
        NOW,
        "v",
    )
    assert health.duration_ms is not None and health.duration_ms > 0


@pytest.mark.parametrize(
    ("file", "problem"),
    [pytest.param("none", "file not found", id="missing"), pytest.param("empty", "empty is empty", id="empty")],
)
def test_an_answer_that_is_no_file_is_none(server: TftpServer, file: str, problem: str) -> None:
    """A server that runs but has lost its disk is not healthy."""
    health = _probe(_boot_server("a", server.port), file=file)
    assert not health.healthy and health.duration_ms is None
    assert health.detail.startswith(f"{file} from 127.0.0.1: ") and problem in health.detail


def test_silence_is_asked_again_before_it_counts(silent: socket.socket) -> None:
    """As often as attempts says; each attempt is a new transfer of its own port."""
    health = _probe(_boot_server("a", silent.getsockname()[1]), timeout_s=0.05, attempts=3)
    assert not health.healthy
    senders = set()
    while True:
        try:
            senders.add(silent.recvfrom(512)[1])
        except BlockingIOError:
            break
    assert len(senders) == 3


def test_one_without_an_address_is_told() -> None:
    """Nothing is sent."""
    health = _probe(_boot_server("a", 69, address=None))
    assert (health.healthy, health.detail) == (False, "small from None: it has no address")


def test_results_come_in_the_order_of_the_servers(server: TftpServer, silent: socket.socket) -> None:
    """All at once: the slow one holds up none."""
    servers = [_boot_server("slow", silent.getsockname()[1]), _boot_server("quick", server.port)]
    found = asyncio.run(probe_all(servers, Reading("small", timeout_s=0.3), vantage="v", clock=lambda: NOW))
    assert [(health.boot_server, health.healthy) for health in found] == [("slow", False), ("quick", True)]


def test_another_content_is_no_health(server: TftpServer) -> None:
    """What came and what was expected are told, and the setting that says so."""
    assert _probe(_boot_server("a", server.port), sha256=sha256(b"fine\n").hexdigest()).healthy
    wanted = sha256(b"other").hexdigest()
    found = _probe(_boot_server("a", server.port), sha256=wanted)
    assert not found.healthy
    assert found.detail == (
        f"small from 127.0.0.1: wrong content: 5 bytes of SHA-256 {sha256(b'fine' + bytes([10])).hexdigest()[:12]}..., "
        f"expected {wanted[:12]}... (setting health.sha256)"
    )


def test_http_is_read_too_where_there_is_some(server: TftpServer, site: str) -> None:
    """Kernels come that way: one that is half there is not there."""
    found = _probe(_boot_server("a", server.port, http_url=site))
    assert (found.healthy, found.detail) == (True, "read 5 bytes of small by TFTP and HTTP")


@pytest.mark.parametrize(
    ("path", "problem"),
    [pytest.param("/none", "HTTP status 404", id="missing"), pytest.param("/big", "more than 1048576 bytes", id="big")],
)
def test_what_http_says_is_told(server: TftpServer, site: str, root: Path, path: str, problem: str) -> None:
    """With the URL that was read."""
    (root / "big").mkdir()
    (root / "big" / "small").write_bytes(bytes(MAX_BYTES + 1))
    found = _probe(_boot_server("a", server.port, http_url=f"{site}{path}"))
    assert (found.healthy, found.detail) == (False, f"{site}{path}/small: {problem}")


def test_http_that_listens_and_is_silent_is_not_waited_for(server: TftpServer) -> None:
    """No longer than an attempt may take."""
    with socket.create_server(("127.0.0.1", 0)) as port:
        url = f"http://127.0.0.1:{port.getsockname()[1]}"
        found = _probe(_boot_server("a", server.port, http_url=url), timeout_s=0.3, attempts=1)
        assert (found.healthy, found.detail) == (False, f"{url}/small: no whole file within 0.3 s")


def test_http_that_refuses_is_told_and_may_be_left_out(server: TftpServer) -> None:
    """By the setting health.http."""
    with socket.create_server(("127.0.0.1", 0)) as port:
        url = f"http://127.0.0.1:{port.getsockname()[1]}"
    assert _probe(_boot_server("a", server.port, http_url=url)).detail.startswith(f"{url}/small: ")
    assert _probe(_boot_server("a", server.port, http_url=url), http=False).healthy
