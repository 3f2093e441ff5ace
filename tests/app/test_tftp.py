"""``nearboot serve tftp`` as a process: files, rendered configurations, errors; each read is an event of its server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from nearboot.app import provision
from nearboot.app.database import reading
from nearboot.app.tftp import static_root
from nearboot.config import Config
from nearboot.errors import ConfigError, PeerError
from nearboot.inventory import boot_store
from nearboot.model import EventKind, Phase, Run
from nearboot.tftp.client import read

Daemon = Callable[..., Any]


@pytest.fixture
def opened(fleet: Config, now: datetime) -> Run:
    """An open run of the server at the loopback address."""
    return provision.start(fleet, ["lo-01"], reason="test", actor="ada", now=now)[0]


@pytest.fixture
def tftp(fleet: Config, daemon: Daemon) -> Any:
    """The daemon, which is told which boot server it is."""
    words = ["--host", "127.0.0.1", "--port", 0, "--root", fleet.root, "--boot-server", "there-boot"]
    return daemon("tftp", *words)


def _read(port: int, path: str) -> bytes:
    return asyncio.run(read("127.0.0.1", port, path, timeout_s=5))


def test_a_boot_is_served_and_becomes_a_timeline(fleet: Config, opened: Run, tftp: Any) -> None:
    """Configuration by MAC and by address, kernel, a missing file; then the run has advanced and has these events."""
    pxelinux = _read(tftp.port, "pxelinux.cfg/01-52-54-00-00-00-01").decode()
    assert "deb/vmlinuz" in pxelinux
    assert f"/callback/{opened.token}" in pxelinux
    grub = _read(tftp.port, "grub/grub.cfg").decode()
    assert "# lo-01: GRUB" in grub and f"/callback/{opened.token}" in grub
    assert _read(tftp.port, "/deb/vmlinuz") == (fleet.root / "deb" / "vmlinuz").read_bytes()
    with pytest.raises(PeerError, match="ERROR 1"):
        _read(tftp.port, "no-such-file")
    with pytest.raises(PeerError, match="ERROR 1"):
        _read(tftp.port, "pxelinux.cfg/01-52-54-00-00-00-99")
    with pytest.raises(PeerError, match="ERROR 2"):
        _read(tftp.port, "../../etc/passwd")
    assert tftp.end() == 0, "SIGTERM is how a daemon is meant to end; by then all events are written"

    with reading(fleet) as session:
        events = [e for e in boot_store.events(session, run_id=opened.id) if e.kind is EventKind.TFTP_READ]
        run = boot_store.open_run(session, "lo-01")
    assert [(e.subject, e.outcome, e.phase) for e in events] == [
        ("pxelinux.cfg/01-52-54-00-00-00-01", "ok", Phase.CONFIG),
        ("grub/grub.cfg", "ok", Phase.CONFIG),
        ("deb/vmlinuz", "ok", Phase.KERNEL),
        ("no-such-file", "not-found", None),
        ("pxelinux.cfg/01-52-54-00-00-00-99", "not-found", Phase.CONFIG),
        ("../../etc/passwd", "refused", None),
    ]
    assert {(e.server, e.boot_server, e.client) for e in events} == {("lo-01", "there-boot", "127.0.0.1")}
    assert events[2].detail["bytes"] == 256 * 300
    assert run is not None and run.phase is Phase.KERNEL
    log = tftp.log.read_text()
    assert " boot-server=there-boot " in tftp.ready
    assert " tftp-read grub/grub.cfg client=127.0.0.1 server=lo-01 bytes=" in log
    assert " tftp-read ../../etc/passwd client=127.0.0.1 " in log and " bytes=0 outcome=refused seconds=" in log
    assert "Traceback" not in tftp.log.read_text()


def test_a_configuration_asked_for_by_mac_is_of_its_server_wherever_it_asks_from(fleet: Config, tftp: Any) -> None:
    """An address that nobody knows: the MAC in the file's name says whose boot it is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.77", 0))
        client.settimeout(10)
        client.sendto(b"\0\1pxelinux.cfg/01-52-54-00-00-00-02\0octet\0", ("127.0.0.1", tftp.port))
        data, transfer = client.recvfrom(2000)
        assert data.startswith(b"\0\3\0\1")
        client.sendto(b"\0\5\0\0enough\0", transfer)
    assert tftp.end() == 0
    with reading(fleet) as session:
        (event,) = boot_store.events(session)
    assert (event.server, event.client, event.outcome) == ("lo-02", "127.0.0.77", "aborted-by-client")


@pytest.mark.parametrize("backend", ["sqlite"])
def test_without_a_name_the_boot_server_is_the_address_asked(fleet: Config, opened: Run, daemon: Daemon) -> None:
    """One process may answer for several boot servers."""
    tftp = daemon("tftp", "--host", "127.0.0.1", "--port", 0, "--root", fleet.root)
    assert _read(tftp.port, "nearboot-health") == b"ok\n"
    assert tftp.end() == 0
    with reading(fleet) as session:
        events = boot_store.events(session, run_id=opened.id)
    assert [e.boot_server for e in events if e.kind is EventKind.TFTP_READ] == ["here-boot"]


def test_a_missing_root_is_a_configuration_error(tmp_path: Path) -> None:
    """It is said before anything listens."""
    with pytest.raises(ConfigError, match="folder of boot files is not there"):
        static_root(tmp_path / "missing")
