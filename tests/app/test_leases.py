"""``nearboot serve leases``: rows that Kea appends become events, and open a run that nobody announced."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from nearboot.app import kea, leases, provision
from nearboot.app.database import database, reading
from nearboot.config import Config
from nearboot.inventory import boot_store
from nearboot.kea.leases import Lease, LeaseState
from nearboot.model import Event, EventKind, mac_from_text

HEADER = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"


def _row(address: str, mac: str, expire: int) -> str:
    return f"{address},{mac},,3600,{expire},1,0,0,lo-01,0,\n"


def _leases(config: Config) -> list[Event]:
    with reading(config) as session:
        return [e for e in boot_store.events(session) if e.kind is EventKind.DHCP_LEASE]


def test_rows_that_kea_appends_become_events(
    fleet: Config, daemon: Callable[..., Any], tmp_path: Path, now: datetime
) -> None:
    """What stood there before is not told again; a broken row is passed over; the boot server is the route's."""
    kea.generate(fleet, tmp_path / "kea", kea.settings(fleet), actor="ada", now=now)
    file = tmp_path / "kea-leases4.csv"
    expire = int(time.time()) + 3600
    file.write_text(HEADER + _row("127.0.0.7", "52:54:00:00:00:02", expire))
    follower = daemon("leases", file)
    with file.open("a") as kea_file:
        kea_file.write("broken\n" + _row("127.0.0.1", "52:54:00:00:00:01", expire))
    assert follower.end() == 0, "what stood in the file by then is told before it ends"
    found = _leases(fleet)
    assert {(e.server, e.client, e.subject, e.boot_server) for e in found} == {
        ("lo-01", "52:54:00:00:00:01", "127.0.0.1", "here-boot")
    }
    (run,) = provision.runs(fleet)
    assert (run.server, run.reason, run.id) == ("lo-01", "booted by itself", found[0].run_id)
    assert "Traceback" not in follower.log.read_text()


def test_an_assignment_to_a_stranger_is_kept_without_a_server(fleet: Config) -> None:
    """It opens no run; the MAC is in the event."""
    mac = mac_from_text("02:00:00:00:00:77")
    at = datetime.now(UTC) - timedelta(hours=1)
    lease = Lease(ip_address("127.0.0.77"), mac, None, 1, at, 3600, LeaseState.ASSIGNED)
    with database(fleet) as engine:
        leases.note(engine, lease, datetime.now(UTC))
    (event,) = _leases(fleet)
    assert (event.server, event.client, event.run_id) == (None, mac, None)
    assert abs(event.at - at) < timedelta(seconds=1), "an old row stands at its own time"
    assert provision.runs(fleet) == ()
