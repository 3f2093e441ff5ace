"""A boot server is healthy when a whole small file comes from it; nothing else counts, and nothing raises."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from nearboot.model import BootServer, Health, Slug
from nearboot.probe.health_runner import probe, probe_all
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


def _boot_server(name: str, port: int, address: str | None = "127.0.0.1") -> BootServer:
    found = ip_address(address) if address else None
    return BootServer(Slug(name), Slug("x"), ipv4=found, tftp_port=port)  # type: ignore[arg-type]  # an IPv4 one


def _probe(server: BootServer, *, file: str = "small", timeout_s: float = 5.0, attempts: int = 2) -> Health:
    how = {"timeout_s": timeout_s, "attempts": attempts}
    return asyncio.run(probe(server, file=file, vantage="v", clock=lambda: NOW, **how))  # type: ignore[arg-type]  # numbers


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
    found = asyncio.run(probe_all(servers, file="small", timeout_s=0.3, attempts=1, vantage="v", clock=lambda: NOW))
    assert [(health.boot_server, health.healthy) for health in found] == [("slow", False), ("quick", True)]
