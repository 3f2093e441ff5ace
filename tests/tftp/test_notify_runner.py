"""What systemd is told: real datagrams at a real socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from nearboot.tftp.notify_runner import VARIABLES, forget_notify, notify, watchdog_s


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The other side, at a path or at an abstract address."""
    monkeypatch.chdir(tmp_path)  # a socket's path has at most 107 bytes
    name = f"@nearboot-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name[1:] if name[0] == "@" else name)
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield sock


def test_lines_arrive_as_one_datagram(systemd: socket.socket) -> None:
    """sd_notify(3): assignments, a line each."""
    assert notify("READY=1", "STATUS=2 workers")
    assert systemd.recv(1000) == b"READY=1\nSTATUS=2 workers"


@pytest.mark.parametrize("name", ["", "vsock:2:1234", "/nowhere/at/all", "relative"])
def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """No socket, one of a kind that we do not speak, or nobody there: a daemon serves all the same."""
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    assert not notify("READY=1")


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [
        pytest.param("20000000", str(os.getpid()), 20.0, id="ours"),
        pytest.param("500000", None, 0.5, id="of no process in particular"),
        pytest.param("20000000", "1", None, id="another's"),
        pytest.param("0", None, None, id="none"),
        pytest.param("soon", None, None, id="no number"),
    ],
)
def test_the_watchdog_of_this_process(
    monkeypatch: pytest.MonkeyPatch, usec: str, pid: str | None, expected: float | None
) -> None:
    """sd_watchdog_enabled(3)."""
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    if pid is None:
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
    else:
        monkeypatch.setenv("WATCHDOG_PID", pid)
    assert watchdog_s() == expected


def test_a_child_speaks_no_more(systemd: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd hears the main process alone."""
    for name in VARIABLES:
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    forget_notify()
    assert not notify("READY=1")
    assert watchdog_s() is None
