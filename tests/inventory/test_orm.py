"""What the database itself refuses, on both databases: doubles, orphans, values out of range."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from nearboot.inventory.boot_orm import AuditRow
from nearboot.inventory.orm import (
    BmcRow,
    BootServerRow,
    HardwareModelRow,
    InterfaceRow,
    LocationRow,
    Row,
    ServerRow,
    SubnetRow,
    TierRow,
)


def location(**over: Any) -> LocationRow:
    return LocationRow(**{"slug": "ams", "kind": "site", "name": "", "aliases": []} | over)


def server(**over: Any) -> ServerRow:
    return ServerRow(**{"name": "s1", "location_id": 1, "serial": "", "uuid": "", "domain": "", "params": {}} | over)


def interface(**over: Any) -> InterfaceRow:
    return InterfaceRow(**{"server_id": 1, "position": 0, "name": "eth0", "boot": True} | over)


def subnet(**over: Any) -> SubnetRow:
    plain = {"prefix": "10.0.0.0/24", "family": 4, "kea_id": 1, "location_id": 1, "name": "", "domain": ""}
    return SubnetRow(**plain | {"dns": [], "ntp": [], "pools": [], "relays": []} | over)


def boot_server(**over: Any) -> BootServerRow:
    plain = {"name": "b", "location_id": 1, "http_url": "", "weight": 1, "tftp_port": 69, "state": "active"}
    return BootServerRow(**plain | over)


@pytest.fixture
def place(session: Session) -> Session:
    """One location (id 1) and one server (id 1)."""
    session.add(location(id=1))
    session.flush()
    session.add(server(id=1))
    session.flush()
    return session


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([location()], id="slug-twice"),
        pytest.param([location(slug="x", kind="planet")], id="kind-unknown"),
        pytest.param([location(slug="x", parent_id=99)], id="parent-missing"),
        pytest.param([location(id=7, slug="x", parent_id=7)], id="own-parent"),
        pytest.param([location(slug="x", latitude=91.0)], id="latitude"),
        pytest.param([server(name="s2", location_id=99)], id="server-nowhere"),
        pytest.param([server(name="s1")], id="server-twice"),
        pytest.param([server(name="s2", tier_id=99)], id="tier-missing"),
        pytest.param([interface(server_id=99)], id="interface-orphan"),
        pytest.param([interface(), interface()], id="interface-name-twice"),
        pytest.param([interface(mac="m"), interface(name="eth1", mac="m")], id="mac-twice"),
        pytest.param([interface(duid="d"), interface(name="eth1", duid="d")], id="duid-twice"),
        pytest.param([interface(ipv4="a"), interface(name="eth1", ipv4="a")], id="ipv4-twice"),
        pytest.param([interface(ipv6="a"), interface(name="eth1", ipv6="a")], id="ipv6-twice"),
        pytest.param([BmcRow(server_id=1, address="x", protocol="telnet", username="", credential="")], id="bmc"),
        pytest.param([subnet(), subnet(kea_id=2)], id="prefix-twice"),
        pytest.param([subnet(), subnet(prefix="10.0.1.0/24")], id="kea-id-twice"),
        pytest.param([subnet(kea_id=0)], id="kea-id-global"),
        pytest.param([subnet(kea_id=4294967295)], id="kea-id-unused"),
        pytest.param([subnet(family=5)], id="family"),
        pytest.param([boot_server(weight=0)], id="weight"),
        pytest.param([boot_server(tftp_port=65536)], id="port"),
        pytest.param([boot_server(state="asleep")], id="state"),
        pytest.param([TierRow(slug="t", name=None)], id="not-null"),
        pytest.param([HardwareModelRow(slug="m", manufacturer="", name="", firmware="cga", console="")], id="firmware"),
    ],
)
def test_the_database_refuses(place: Session, rows: list[Row]) -> None:
    """A MAC once, a prefix once, no orphan: held by the database, whoever writes."""
    with pytest.raises(IntegrityError):
        for row in rows:
            place.add(row)
            place.flush()


def test_a_location_in_use_is_not_deleted_and_a_server_takes_its_interfaces_along(place: Session) -> None:
    place.add(interface())
    place.flush()
    with pytest.raises(IntegrityError), place.begin_nested():
        place.delete(place.get_one(LocationRow, 1))
        place.flush()
    place.delete(place.get_one(ServerRow, 1))
    place.flush()
    place.expire_all()
    assert place.query(InterfaceRow).count() == 0


def test_a_kea_id_may_be_used_once_a_family(place: Session) -> None:
    """Dhcp4 and Dhcp6 number their subnets apart; the largest id needs more than 32 bits signed."""
    place.add(subnet(kea_id=4294967294))
    place.add(subnet(kea_id=4294967294, prefix="fd00::/64", family=6))
    place.flush()


def test_times_come_back_aware_and_in_utc(session: Session) -> None:
    at = datetime(2026, 7, 1, 12, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    session.add(AuditRow(at=at, actor="a", action="b", subject="c", detail=""))
    session.commit()
    session.expire_all()
    found = session.query(AuditRow).one().at
    assert found == at
    assert found.tzinfo is UTC


def test_naive_times_are_refused(session: Session) -> None:
    session.add(AuditRow(at=datetime(2026, 7, 1), actor="a", action="b", subject="c", detail=""))
    with pytest.raises(StatementError, match="no time zone"):
        session.flush()
