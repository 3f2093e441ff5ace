"""Events advance the run of their server; a boot that nobody announced gets a run; a lost event ends nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_address

import pytest
from sqlalchemy import Engine

from nearboot.app import events
from nearboot.app.database import database, reading, writing
from nearboot.config import Config
from nearboot.inventory import boot_store
from nearboot.model import Event, EventKind, Phase, Run

HERE = ip_address("127.0.0.1")


def _record(config: Config, event: Event) -> Event:
    with writing(config) as session:
        return events.record(session, event)


def _open(config: Config) -> Run | None:
    with reading(config) as session:
        return boot_store.open_run(session, "lo-01")


def _read(at: datetime, subject: str, client: str = "127.0.0.1") -> Event:
    return Event(at, EventKind.TFTP_READ, client=client, subject=subject)


def test_a_lease_opens_a_run_and_a_read_does_not(fleet: Config, now: datetime) -> None:
    """A server that boots by itself is traced as well; one that only reads a file is not booting."""
    assert _record(fleet, Event(now, EventKind.TFTP_READ, server="lo-01", subject="deb/vmlinuz")).run_id is None
    stored = _record(fleet, Event(now, EventKind.DHCP_LEASE, server="lo-01", subject="127.0.0.1"))
    run = _open(fleet)
    assert run is not None
    assert (run.id, run.phase, run.reason) == (stored.run_id, Phase.DHCP, "booted by itself")


def test_a_run_advances_by_what_is_read(fleet: Config, now: datetime) -> None:
    """The kernel of an image of the inventory is known by its path."""
    with writing(fleet) as session:
        events.begin(session, "lo-01", now, reason="test")
    for second, subject in enumerate(("bootnetx64.efi", "grub/grub.cfg", "deb/vmlinuz", "grub/grub.cfg")):
        _record(fleet, Event(now + timedelta(seconds=second), EventKind.TFTP_READ, server="lo-01", subject=subject))
    run = _open(fleet)
    assert run is not None and run.phase is Phase.KERNEL


def test_an_event_of_a_stranger_is_kept(fleet: Config, now: datetime) -> None:
    """Without a server and without a run."""
    stored = _record(fleet, Event(now, EventKind.DHCP_LEASE, client="02:00:00:00:00:07", subject="127.0.0.7"))
    assert stored.id and stored.run_id is None


@pytest.mark.parametrize(
    ("me", "asked", "boot_server"),
    [
        pytest.param("there-boot", HERE, "there-boot", id="its name wins"),
        pytest.param(None, HERE, "here-boot", id="by the address asked"),
        pytest.param(None, ip_address("192.0.2.9"), None, id="an address of none"),
        pytest.param(None, None, None, id="nothing known"),
    ],
)
def test_a_read_names_its_boot_server(
    fleet: Config, now: datetime, me: str | None, asked: object, boot_server: str | None
) -> None:
    """And its server, by the client's address."""
    with database(fleet) as engine:
        address = ip_address(str(asked)) if asked else None
        events.EventBook(engine, me=me).note_read(_read(now, "deb/vmlinuz"), asked=address)
    with reading(fleet) as session:
        (stored,) = boot_store.events(session)
    assert (stored.server, stored.boot_server, stored.phase) == ("lo-01", boot_server, Phase.KERNEL)


def test_a_database_that_refuses_is_logged(
    empty_database_url: str, open_engine: Callable[[str], Engine], now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    """Serving goes on without its book; here the tables are gone."""
    with caplog.at_level(logging.ERROR):
        events.EventBook(open_engine(empty_database_url)).note_read(_read(now, "deb/vmlinuz"), asked=None)
    assert "event lost: kind=tftp-read client=127.0.0.1 subject=deb/vmlinuz" in caplog.text
    assert "Traceback" not in caplog.text
