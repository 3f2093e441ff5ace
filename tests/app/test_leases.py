"""``nearboot serve leases``: rows that Kea appends become events, and open a run that nobody announced."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from nearboot.app import inventory, kea, leases, provision
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
    log = follower.log.read_text()
    assert "Traceback" not in log
    assert " INFO nearboot.app.leases dhcp-lease 127.0.0.1 client=52:54:00:00:00:01 server=lo-01\n" in log


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_file_that_is_not_there_yet_is_told_and_waited_for(
    fleet: Config, daemon: Callable[..., Any], tmp_path: Path
) -> None:
    """A typing error must not look like a quiet night."""
    file = tmp_path / "kea-leases4.csv"
    follower = daemon("leases", file)
    assert f"WARNING nearboot.app.leases file={file} is not there yet" in follower.log.read_text()
    file.write_text(HEADER + _row("127.0.0.1", "52:54:00:00:00:01", int(time.time()) + 3600))
    assert follower.end() == 0
    assert [event.server for event in _leases(fleet)] == ["lo-01"]


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


OWN, FOREIGN = "52:54:00:00:00:01", "52:54:00:00:00:02"
POOLS = """
subnets:
  - {prefix: 127.0.0.0/8, location: here, kea_id: 7}
  - {prefix: 192.0.2.0/24, location: there, kea_id: 8}
"""


def _lease(address: str, mac: str, at: datetime, *, subnet_id: int = 7, lifetime_s: int = 3600) -> Lease:
    return Lease(ip_address(address), mac_from_text(mac), None, subnet_id, at, lifetime_s, LeaseState.ASSIGNED)


@pytest.mark.parametrize(
    ("address", "mac", "subnet_id", "boot_server"),
    [
        pytest.param("127.0.0.1", OWN, 7, "here-boot", id="reserved, at home"),
        pytest.param("127.0.0.9", FOREIGN, 7, "there-boot", id="reserved, and sent home by its reservation"),
        pytest.param("192.0.2.9", OWN, 8, "there-boot", id="from a pool: as the subnet says"),
        pytest.param("203.0.113.9", OWN, 99, "here-boot", id="a subnet that is not inventoried"),
    ],
)
def test_the_boot_server_is_the_one_that_kea_names(
    fleet: Config, tmp_path: Path, now: datetime, *, address: str, mac: str, subnet_id: int, boot_server: str
) -> None:
    """By the reservation where there is one in that subnet, by the subnet where there is none."""
    (tmp_path / "pools.yaml").write_text(POOLS)
    inventory.load(fleet, [str(tmp_path / "pools.yaml")], prune=False, dry_run=False, actor="ada", now=now)
    kea.generate(fleet, tmp_path / "kea", kea.settings(fleet), actor="ada", now=now)
    with database(fleet) as engine:
        leases.note(engine, _lease(address, mac, now, subnet_id=subnet_id), now)
    assert [event.boot_server for event in _leases(fleet)] == [boot_server]


def test_a_system_that_runs_renews_and_opens_no_run(fleet: Config, daemon: Callable[..., Any], tmp_path: Path) -> None:
    """Also where it got its lease before we began; after its expiry it is a new one."""
    file, at = tmp_path / "kea-leases4.csv", int(time.time())
    file.write_text(HEADER + _row("127.0.0.1", OWN, at + 3600) + _row("127.0.0.9", FOREIGN, at - 7200))
    follower = daemon("leases", file)
    with file.open("a") as kea_file:
        kea_file.write(_row("127.0.0.1", OWN, at + 3602) + _row("127.0.0.9", FOREIGN, at + 3602))
    assert follower.end() == 0
    assert {(e.server, e.detail.get("renewal", False), e.run_id is None) for e in _leases(fleet)} == {
        ("lo-01", True, True),
        ("lo-02", False, False),
    }


def test_a_lease_is_renewed_by_the_client_that_holds_it(now: datetime) -> None:
    """Another client's, one that has expired, and one that was given back, are new."""
    second = timedelta(seconds=1)
    held = leases.Held()
    assert not held.take(_lease("192.0.2.7", OWN, now))
    assert held.take(_lease("192.0.2.7", OWN, now + 1800 * second))
    assert not held.take(_lease("192.0.2.8", OWN, now + 1801 * second))
    assert not held.take(_lease("192.0.2.7", FOREIGN, now + 1802 * second))
    assert not held.take(_lease("192.0.2.7", FOREIGN, now + 9000 * second)), "it had expired"
    assert not held.take(_lease("192.0.2.7", FOREIGN, now + 9001 * second, lifetime_s=0)), "it is deleted"
    assert not held.take(_lease("192.0.2.7", FOREIGN, now + 9002 * second))


def test_what_is_held_is_read_with_what_a_clean_up_set_aside(tmp_path: Path, now: datetime) -> None:
    """Kea's result of the last clean-up holds what the file itself no longer does; a broken row is passed over."""
    file = tmp_path / "kea-leases4.csv"
    expire = int(now.timestamp()) + 3600
    file.with_name(file.name + ".2").write_text(HEADER + _row("127.0.0.1", OWN, expire))
    file.write_text(HEADER + "broken\n" + _row("127.0.0.9", FOREIGN, expire))
    held = leases.Held.of(file)
    assert held.take(_lease("127.0.0.1", OWN, now + timedelta(minutes=1)))
    assert held.take(_lease("127.0.0.9", FOREIGN, now + timedelta(minutes=1)))
    assert not leases.Held.of(tmp_path / "none.csv").take(_lease("127.0.0.1", OWN, now))
