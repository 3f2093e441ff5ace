"""A trace compares a boot with what DHCP told in that very boot, else with the routes."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from nearboot.app import kea, provision
from nearboot.app.database import writing
from nearboot.app.events import record
from nearboot.app.trace import of_server
from nearboot.config import Config
from nearboot.errors import NotFoundError
from nearboot.model import Event, EventKind, Slug

THERE = Slug("there-boot")


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def _record(config: Config, at: datetime, kind: EventKind, subject: str, boot_server: Slug) -> None:
    with writing(config) as session:
        record(session, Event(at, kind, "lo-01", client="127.0.0.1", boot_server=boot_server, subject=subject))


def test_reads_from_elsewhere_are_pointed_out(fleet: Config, now: datetime, tmp_path: Path) -> None:
    """Unless DHCP named that boot server in this boot: the routes may have changed since."""
    kea.generate(fleet, tmp_path, kea.settings(fleet), actor="ada", now=now)
    provision.start(fleet, ["lo-01"], reason="x", actor="ada", now=now)
    _record(fleet, now + timedelta(seconds=2), EventKind.TFTP_READ, "deb/vmlinuz", THERE)
    found = of_server(fleet, "lo-01", run_id=None, now=now + timedelta(seconds=9))
    assert found is not None
    assert [(m.boot_server, m.expected) for m in found.mismatches] == [(THERE, "here-boot")]
    _record(fleet, now + timedelta(seconds=1), EventKind.DHCP_LEASE, "127.0.0.1", THERE)
    found = of_server(fleet, "lo-01", run_id=None, now=now + timedelta(seconds=9))
    assert found is not None
    assert found.mismatches == ()
    assert found.boot_servers == (THERE,)


def test_no_run_is_no_trace(fleet: Config, now: datetime) -> None:
    """Nor is the number of another server's run; a server that is not there is an error."""
    assert of_server(fleet, "lo-01", run_id=None, now=now) is None
    (other,) = provision.start(fleet, ["lo-02"], reason="x", actor="ada", now=now)
    assert of_server(fleet, "lo-01", run_id=other.id, now=now) is None
    with pytest.raises(NotFoundError):
        of_server(fleet, "lo-03", run_id=None, now=now)
