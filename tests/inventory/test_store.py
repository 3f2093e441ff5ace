"""Questions to the inventory, asked of both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from nearboot.errors import NotFoundError
from nearboot.inventory import store
from nearboot.inventory.boot_store import add_event
from nearboot.model import AdminState, Duid, Event, EventKind, Inventory, Mac, Server, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def loaded(session: Session, sample: Inventory) -> Session:
    store.apply(session, sample)
    return session


def name(server: Server | None) -> str | None:
    return server.name if server else None


def lease(session: Session, server: str | None, address: str, at: datetime, **detail: int) -> None:
    add_event(session, Event(at, EventKind.DHCP_LEASE, server, subject=address, detail=detail))


def test_a_server_is_found_by_name_in_any_case(loaded: Session) -> None:
    assert store.server(loaded, "WEB-AMS-01").interfaces[1].ipv4 == ip_address("10.10.0.11")


def test_an_unknown_name_comes_with_the_nearest(loaded: Session) -> None:
    with pytest.raises(NotFoundError, match="no server named 'web-ams-02'; did you mean web-ams-01"):
        store.server(loaded, "web-ams-02")
    with pytest.raises(NotFoundError, match="no boot server named 'ams'"):
        store.boot_server(loaded, "ams")


def test_a_server_is_found_by_mac_duid_and_address(loaded: Session) -> None:
    assert name(store.server_by_mac(loaded, Mac("52:54:00:00:01:02"))) == "web-ams-01"
    assert name(store.server_by_mac(loaded, Mac("52:54:00:00:01:99"))) is None
    assert name(store.server_by_duid(loaded, Duid("00:03:00:01:52:54:00:00:01:01"))) == "web-ams-01"
    assert name(store.server_by_address(loaded, ip_address("10.10.0.11"), NOW)) == "web-ams-01"
    assert name(store.server_by_address(loaded, ip_address("fd10::11"), NOW)) == "web-ams-01"
    assert name(store.server_by_address(loaded, ip_address("10.10.0.150"), NOW)) is None


def test_a_server_is_found_by_its_uuid_unless_several_have_it(loaded: Session) -> None:
    """Boards of one batch may all have the vendor's default UUID."""
    uuid = "4c4c4544-0042-4410-8056-b4c04f313233"
    assert name(store.server_by_uuid(loaded, uuid)) == "web-ams-01"
    other = replace(store.server(loaded, "db-fra-01"), uuid=uuid)
    store.apply(loaded, Inventory(servers=(other,)))
    assert store.server_by_uuid(loaded, uuid) is None


def test_a_leased_address_belongs_to_who_leased_it_last(loaded: Session) -> None:
    """At the time asked about; a stranger's lease ends the one before."""
    address = ip_address("10.10.0.150")
    lease(loaded, "web-ams-01", "10.10.0.150", NOW)
    lease(loaded, "db-fra-01", "10.10.0.150", NOW + timedelta(hours=1))
    lease(loaded, None, "10.10.0.150", NOW + timedelta(hours=2))
    lease(loaded, "db-fra-01", "10.10.0.151", NOW + timedelta(hours=2))
    asked = [store.server_by_address(loaded, address, NOW + timedelta(minutes=m)) for m in (-1, 0, 59, 60, 119, 120)]
    assert [name(each) for each in asked] == [None, "web-ams-01", "web-ams-01", "db-fra-01", "db-fra-01", None]


def test_a_lease_is_of_use_for_its_lifetime(loaded: Session) -> None:
    """From just before it was noticed (the first read is quicker than the lease file) until it has run out."""
    lease(loaded, "web-ams-01", "10.10.0.150", NOW, valid_lifetime_s=3600)
    asked = [
        store.server_by_address(loaded, ip_address("10.10.0.150"), NOW + timedelta(seconds=s))
        for s in (-60, -1, 3600, 3601)
    ]
    assert [name(each) for each in asked] == [None, "web-ams-01", "web-ams-01", None]


def test_servers_are_selected_by_place_tier_model_and_name(loaded: Session) -> None:
    def names(**selection: object) -> list[str]:
        return [each.name for each in store.servers(loaded, **selection)]  # type: ignore[arg-type]  # one at a time

    assert names() == ["db-fra-01", "web-ams-01"]
    assert names(location=Slug("emea")) == ["db-fra-01", "web-ams-01"]
    assert names(location=Slug("ams")) == ["web-ams-01"]
    assert names(tier=Slug("db")) == ["db-fra-01"]
    assert names(model=Slug("r640"), location=Slug("fra")) == []
    assert names(names=["db-fra-01", "none"]) == ["db-fra-01"]
    assert names(names=[]) == []
    with pytest.raises(NotFoundError, match="no location named 'asm'; did you mean ams"):
        names(location=Slug("asm"))


def test_boot_servers_are_found_by_address(loaded: Session) -> None:
    for text in ("10.10.0.2", "fd10::2"):
        found = store.boot_server_by_address(loaded, ip_address(text))
        assert found == store.boot_server(loaded, "ams-boot")
    assert store.boot_server_by_address(loaded, ip_address("10.10.0.3")) is None


def test_a_boot_servers_state_changes_and_tells_what_it_was(loaded: Session) -> None:
    assert store.set_boot_server_state(loaded, "ams-boot", AdminState.DRAINING) is AdminState.ACTIVE
    assert store.set_boot_server_state(loaded, "ams-boot", AdminState.ACTIVE) is AdminState.DRAINING
    assert [each.state for each in store.boot_servers(loaded)] == [AdminState.ACTIVE, AdminState.DISABLED]
    with pytest.raises(NotFoundError):
        store.set_boot_server_state(loaded, "none", AdminState.ACTIVE)


@pytest.mark.parametrize(
    ("only", "names"),
    [
        pytest.param({}, ["db-fra-01", "web-ams-01"], id="all"),
        pytest.param({"location": Slug("ams")}, ["web-ams-01"], id="place and below"),
    ],
)
def test_names_alone_are_those_of_the_servers(loaded: Session, only: dict[str, Slug], names: list[str]) -> None:
    """The same selections give the same, in the same order."""
    assert store.server_names(loaded, **only) == [each.name for each in store.servers(loaded, **only)] == names


def test_names_are_looked_up_without_reading_the_servers(loaded: Session) -> None:
    """One statement, of one column: a fleet's interfaces and BMCs take a second to read."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(loaded.get_bind(), "before_cursor_execute", note)
    store.server_names(loaded)
    (statement,) = statements
    assert statement.split() == ["SELECT", "servers.name", "FROM", "servers"]


def test_every_noun_can_be_listed(loaded: Session) -> None:
    found = store.read_inventory(loaded)
    assert store.locations(loaded) == found.locations
    assert store.tiers(loaded) == found.tiers
    assert store.models(loaded) == found.models
    assert store.subnets(loaded) == found.subnets
    assert store.origins(loaded) == found.origins
    assert store.images(loaded) == found.images
    assert store.profiles(loaded) == found.profiles
    assert store.boot_servers(loaded) == found.boot_servers
    assert store.servers(loaded) == found.servers


def test_a_subnet_is_found_by_its_number_in_kea(loaded: Session) -> None:
    """Or not at all."""
    found = store.subnet_by_kea_id(loaded, 7, family=4)
    assert found is not None and str(found.prefix) == "10.20.0.0/24"
    assert store.subnet_by_kea_id(loaded, 4711, family=4) is None
