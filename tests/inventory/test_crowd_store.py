"""Servers counted by kind, and their names by place, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from nearboot.inventory import crowd_store, store
from nearboot.model import BootServer, Inventory, Location, LocationKind, Server, Slug, Tier

AMS, RACK, WEB = Slug("ams"), Slug("r1"), Slug("web")
FLEET = Inventory(
    locations=(Location(AMS, LocationKind.SITE), Location(RACK, LocationKind.RACK, parent=AMS)),
    tiers=(Tier(WEB),),
    servers=(
        Server("w2", AMS, tier=WEB), Server("w1", AMS, tier=WEB), Server("x", AMS), Server("r", RACK, tier=WEB),
    ),
)  # fmt: skip


@pytest.fixture
def fleet(session: Session) -> Session:
    """Three servers at a site, one in a rack of it."""
    store.apply(session, FLEET, prune=False)
    return session


def test_servers_that_are_alike_are_counted_together(fleet: Session) -> None:
    """By place, tier, model and profile; a rack's are not its site's."""
    found = {(kind.example.location, kind.example.tier): kind.count for kind in crowd_store.kinds(fleet)}
    assert found == {(AMS, WEB): 2, (AMS, None): 1, (RACK, WEB): 1}
    assert [kind.count for kind in crowd_store.kinds(fleet, tier=WEB)] == [2, 1]


def test_servers_are_those_of_the_place_itself_by_name(fleet: Session) -> None:
    """However many places are asked for; with their tier, and no interfaces."""
    assert [(each.name, each.tier) for each in crowd_store.servers_at(fleet, [AMS])] == [
        ("w1", WEB), ("w2", WEB), ("x", None),
    ]  # fmt: skip
    many = [Slug(f"p{number}") for number in range(1200)]
    assert [each.name for each in crowd_store.servers_at(fleet, [*many, RACK])] == ["r"]
    assert crowd_store.servers_at(fleet, []) == []


def test_pins_and_bans_make_a_kind(fleet: Session) -> None:
    """Whoever boots from elsewhere is counted apart."""
    known = store.read_inventory(fleet)
    boot = BootServer(Slug("boot"), AMS)
    servers = tuple(replace(each, boot_from=(boot.name,)) if each.name == "w1" else each for each in known.servers)
    store.apply(fleet, replace(known, servers=servers, boot_servers=(boot,)), prune=False)
    found = [(kind.example.boot_from, kind.count) for kind in crowd_store.kinds(fleet) if kind.example.location == AMS]
    assert sorted(found) == [((), 1), ((), 1), (("boot",), 1)]
    assert {each.name for each in crowd_store.servers_at(fleet, [AMS]) if each.boot_from} == {"w1"}
