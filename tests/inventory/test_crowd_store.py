"""Servers counted by kind, and their names by place, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from nearboot.inventory import crowd_store, store
from nearboot.model import Inventory, Location, LocationKind, Server, Slug, Tier

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


def test_names_are_those_of_the_place_itself_in_order(fleet: Session) -> None:
    """However many places are asked for."""
    assert crowd_store.names_at(fleet, [AMS]) == {AMS: ("w1", "w2", "x")}
    many = [Slug(f"p{number}") for number in range(1200)]
    assert crowd_store.names_at(fleet, [*many, RACK]) == {RACK: ("r",)}
    assert crowd_store.names_at(fleet, []) == {}
