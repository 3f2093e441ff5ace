"""Addresses by the thousand, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from nearboot.inventory import boot_store
from nearboot.inventory.apply_store import apply
from nearboot.inventory.known_store import boot_server_addresses, fixed_addresses, leases_known
from nearboot.model import Event, EventKind, Inventory

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def loaded(session: Session, sample: Inventory) -> Session:
    apply(session, sample)
    return session


def lease(address: str, *, minutes: float = 0, server: str | None = "web-ams-01", lifetime_s: object = 3600) -> Event:
    detail = {} if lifetime_s is None else {"valid_lifetime_s": lifetime_s}
    at = NOW + timedelta(minutes=minutes)
    return Event(at, EventKind.DHCP_LEASE, server=server, client="52:54:00:00:01:01", subject=address, detail=detail)


def test_the_inventory_gives_addresses_of_both_families(loaded: Session) -> None:
    """A server without any is there all the same: it may have a lease."""
    assert fixed_addresses(loaded) == ({"web-ams-01", "db-fra-01"}, {"10.10.0.11", "fd10::11"})
    assert boot_server_addresses(loaded) == {"10.10.0.2", "fd10::2", "10.20.0.2"}


def test_leases_come_in_the_order_of_their_assignment_with_whose_they_are(loaded: Session) -> None:
    """A stranger's too: it may have got the address that a server had."""
    boot_store.add_events(
        loaded,
        [
            lease("10.10.0.101", minutes=2),
            lease("10.10.0.100", minutes=1, server=None),
            Event(NOW, EventKind.TFTP_READ, client="10.10.0.11", subject="10.10.0.102"),
        ],
    )
    found = leases_known(loaded, since=NOW - HOUR)
    assert [(each.address, each.server) for each in found] == [("10.10.0.100", None), ("10.10.0.101", "web-ams-01")]
    assert [each.until for each in found] == [NOW + HOUR + timedelta(minutes=n) for n in (1, 2)]


def test_leases_are_asked_for_by_time_and_number(loaded: Session) -> None:
    """A reader goes on from where it was."""
    old, first, second = boot_store.add_events(
        loaded, [lease("10.10.0.100", minutes=-90), lease("10.10.0.101"), lease("10.10.0.102")]
    )
    assert old.id and first.id and second.id
    assert [each.number for each in leases_known(loaded, since=NOW - HOUR)] == [first.id, second.id]
    assert [each.number for each in leases_known(loaded, since=NOW - HOUR, after=first.id)] == [second.id]


@pytest.mark.parametrize(
    ("lifetime_s", "later_s", "holds"),
    [
        pytest.param(3600, 3600, True, id="to-its-end"),
        pytest.param(3600, 3601, False, id="over"),
        pytest.param(2**32 - 1, 10**9, True, id="for-ever-in-dhcp"),
        pytest.param(None, 10**9, True, id="no-lifetime"),
    ],
)
def test_a_lease_holds_for_its_lifetime(loaded: Session, lifetime_s: object, later_s: int, *, holds: bool) -> None:
    boot_store.add_event(loaded, lease("10.10.0.100", lifetime_s=lifetime_s))
    (found,) = leases_known(loaded, since=NOW)
    assert found.holds(NOW + timedelta(seconds=later_s)) is holds
