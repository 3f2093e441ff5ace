"""What a change would bring, from the database, which stays as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network

import pytest

from nearboot.app import routes
from nearboot.app.database import reading, writing
from nearboot.app.whatif import choices, crowds_of, what_if
from nearboot.config import Config
from nearboot.errors import NotFoundError
from nearboot.inventory import crowd_store, store
from nearboot.inventory.crowd_store import Kind
from nearboot.model import Server, Slug
from nearboot.routing.suppose import Supposed, added, detour


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def _look(config: Config, now: datetime) -> routes.Picture:
    with reading(config) as session:
        return routes.look(session, config, now)


def test_a_drain_moves_the_servers_of_its_place(fleet: Config, now: datetime) -> None:
    """With their names; the database is as it was."""
    before = _look(fleet, now)
    found = what_if(fleet, Supposed(drain=("here",)), names=True, now=now)
    assert [(each.location, each.names, each.after.boot_server) for each in found.moved] == [
        ("here", ("lo-01",), "there-boot")
    ]
    assert [(each.boot_server, each.servers_before, each.servers_after) for each in found.loads] == [
        ("here-boot", 1, 0), ("there-boot", 1, 2),
    ]  # fmt: skip
    assert found.supposed == ("here-boot is draining: it gets no new clients",)
    assert _look(fleet, now).routes == before.routes


def test_suppositions_are_combined(fleet: Config, now: datetime) -> None:
    """One is gone, and one is added that is nearer than the other."""
    supposed = Supposed(remove=("here-boot",), add=(added("new@here,weight=10"),))
    found = what_if(fleet, supposed, names=False, now=now)
    assert [(each.location, each.names, each.after.boot_server) for each in found.moved] == [("here", (), "new")]
    assert [each.boot_server for each in found.loads] == ["here-boot", "new", "there-boot"]


def test_with_all_down_the_nearest_is_used_and_the_places_are_told(fleet: Config, now: datetime) -> None:
    """Fail static: nobody moves, and everybody is at risk."""
    found = what_if(fleet, Supposed(down=("here", "there")), names=False, now=now)
    assert found.moved == ()
    assert [(each.location, each.boot_server, each.troubles) for each in found.stranded] == [
        ("here", "here-boot", ("none-healthy",)), ("there", "there-boot", ("none-healthy",)),
    ]  # fmt: skip
    assert found.changes


def test_a_slow_path_counts_where_it_is_used(fleet: Config, now: datetime) -> None:
    """Nobody uses the path between the sites; inside of one it decides."""
    assert not what_if(fleet, Supposed(detours=(detour("here:there:+80ms"),)), names=False, now=now).changes
    found = what_if(fleet, Supposed(detours=(detour("here:here:+80ms"),)), names=False, now=now)
    assert [each.location for each in found.moved] == ["here"]


def test_unknown_names_are_told(fleet: Config, now: datetime) -> None:
    """With what may have been meant."""
    with pytest.raises(NotFoundError, match="did you mean here-boot"):
        what_if(fleet, Supposed(drain=("her-boot",)), names=False, now=now)


def test_crowds_are_as_large_as_their_servers_files(fleet: Config, now: datetime) -> None:
    """A mean over all servers of a place; where no size is known, an example stands for it."""
    with reading(fleet) as session:
        kinds, inventory = crowd_store.kinds(session), store.read_inventory(session)
    known = crowds_of(kinds, inventory, {"deb/vmlinuz": 1024, "deb/initrd.gz": 1}.get)
    assert [(each.location, each.servers, each.round_trips, each.assumed) for each in known] == [
        ("here", 1, 3.0, 0), ("there", 1, 3.0, 0),
    ]  # fmt: skip
    unknown = crowds_of(kinds, inventory, lambda _: None)
    assert [(each.round_trips, each.assumed) for each in unknown] == [(97_657.0, 1), (97_657.0, 1)]


def test_a_place_counts_over_the_families_that_it_has(fleet: Config, now: datetime) -> None:
    """IPv6 where there is a subnet of it; IPv4 where there is none at all."""
    picture = _look(fleet, now)
    kinds = [Kind(server, 1) for server in picture.inventory.servers]
    assert set(choices(picture, kinds)) == {("here", "", 4), ("there", "", 4)}
    (subnet,) = picture.inventory.subnets
    six = replace(subnet, prefix=ip_network("fd00::/64"))
    dual = replace(picture, inventory=replace(picture.inventory, subnets=(subnet, six)))
    assert set(choices(dual, kinds)) == {("here", "", 4), ("here", "", 6), ("there", "", 4)}


def test_servers_with_pins_are_told_apart(fleet: Config, now: datetime) -> None:
    """A pinned server stays where it is when its place's boot server goes, and moves when its own does."""
    with writing(fleet) as session:
        known = store.read_inventory(session)
        pinned = Server("lo-03", Slug("here"), tier=Slug("lab"), boot_from=(Slug("there-boot"),))
        store.apply(session, replace(known, servers=(*known.servers, pinned)), prune=False)
    found = what_if(fleet, Supposed(drain=("here-boot",)), names=True, now=now)
    assert [(each.whose, each.names) for each in found.moved] == [("", ("lo-01",))]
    found = what_if(fleet, Supposed(remove=("there-boot",)), names=True, now=now)
    assert [(each.location, each.whose, each.names) for each in found.moved] == [
        ("here", "pinned to there-boot", ("lo-03",)), ("there", "", ("lo-02",)),
    ]  # fmt: skip
