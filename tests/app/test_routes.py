"""Routes from what the database holds: inventory, maps, health; and the picture as it would be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from nearboot.app import routes
from nearboot.app.database import reading, writing
from nearboot.config import Config, RoutingConfig
from nearboot.errors import NotFoundError
from nearboot.inventory import route_store, store
from nearboot.model import AdminState, Firmware, Health, Server, Slug

HERE, THERE = Slug("here-boot"), Slug("there-boot")


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def _look(config: Config, now: datetime) -> routes.Picture:
    with reading(config) as session:
        return routes.look(session, config, now)


def _set_health(config: Config, name: Slug, at: datetime, *, healthy: bool) -> None:
    with writing(config) as session:
        route_store.set_health(session, Health(name, at, healthy))


def test_each_place_has_a_route_of_each_family(fleet: Config, now: datetime) -> None:
    """None of the boot servers has an IPv6 address."""
    picture = _look(fleet, now)
    assert picture.route(Slug("here"), 4).chosen == HERE
    assert picture.route(Slug("there"), 4).chosen == THERE
    assert picture.route(Slug("here"), 6).chosen is None
    with pytest.raises(NotFoundError):
        picture.route(Slug("nowhere"), 4)


def test_health_decides_before_nearness(fleet: Config, now: datetime) -> None:
    """With none healthy the nearest is kept."""
    _set_health(fleet, HERE, now, healthy=False)
    assert _look(fleet, now).route(Slug("here"), 4).chosen == THERE
    _set_health(fleet, THERE, now, healthy=False)
    kept = _look(fleet, now).route(Slug("here"), 4)
    assert kept.chosen == HERE
    assert kept.reasons[0].code != "nearest"


def test_what_would_be_changes_nothing(fleet: Config, now: datetime) -> None:
    """Who would move is known before the database is touched."""
    before = _look(fleet, now)
    after = routes.with_state(before, HERE, AdminState.DISABLED)
    assert {(a.location, a.chosen, b.chosen) for a, b in routes.moves(before, after)} == {("here", HERE, THERE)}
    assert _look(fleet, now).routes == before.routes
    assert routes.moves(before, before) == []


def test_the_configuration_sets_the_policy(fleet: Config, now: datetime) -> None:
    """Two boot servers within the band are equally near: the weight decides, not half a millisecond."""
    wide = replace(fleet, routing=RoutingConfig(band_ms=50.0))
    assert routes.policy(wide).band_ms == 50.0
    assert _look(wide, now + timedelta(hours=1)).policy.rto_ms == 1000.0


def test_the_boot_file_follows_the_firmware(fleet: Config, now: datetime) -> None:
    """BIOS machines get another program than UEFI ones; one without a model may be either."""
    inventory = _look(fleet, now).inventory
    bios = replace(inventory, models=tuple(replace(m, firmware=Firmware.BIOS) for m in inventory.models))
    server = inventory.servers[0]
    assert routes.boot_files(server, inventory, 4) == {"": "grubnetx64.efi"}
    assert routes.boot_files(server, bios, 4) == {"": "pxelinux.0"}
    assert routes.boot_files(server, bios, 6) == {}, "no BIOS boots over IPv6"
    stray = Server("x", Slug("here"))
    assert routes.boot_files(stray, inventory, 4) == {"BIOS": "pxelinux.0", "UEFI x64": "grubnetx64.efi"}
    assert routes.boot_files(stray, inventory, 6) == {"UEFI x64": "grubnetx64.efi"}


def test_sizes_of_what_is_read_are_those_known(fleet: Config, now: datetime) -> None:
    """A file that the root does not hold is left out."""
    inventory = _look(fleet, now).inventory
    sizes = {"deb/vmlinuz": 7}
    assert routes.image_files(inventory.servers[0], inventory, sizes.get) == sizes


def test_what_was_decided_is_kept_for_little_gains(fleet: Config, now: datetime) -> None:
    """The routes that Kea was told are where the next decision begins; one that is back takes its places one by one."""
    _set_health(fleet, HERE, now, healthy=False)
    _decide(fleet, now)
    away = _look(fleet, now).route(Slug("here"), 4)
    assert (away.chosen, away.moved_at) == (THERE, None)
    later = now + timedelta(minutes=1)
    _set_health(fleet, HERE, later, healthy=True)
    waits = _look(fleet, later).route(Slug("here"), 4)
    assert waits.chosen == THERE
    assert "slow-start" in {reason.code for each in waits.candidates for reason in each.reasons}
    _decide(fleet, later)
    later += timedelta(seconds=120)
    home = _look(fleet, later).route(Slug("here"), 4)
    assert (home.chosen, home.moved_at) == (HERE, later)
    _decide(fleet, later)
    assert _look(fleet, later + timedelta(hours=1)).route(Slug("here"), 4).moved_at == later


def test_a_margin_holds_what_was_decided(fleet: Config, now: datetime) -> None:
    """The nearer one could be used then already: it is not nearer by what the settings ask; nor while maps are old."""
    with writing(fleet) as session:
        picture = routes.look(session, fleet, now)
        kept = [replace(route, chosen=THERE) if route.chosen == HERE else route for route in picture.routes]
        route_store.set_routes(session, kept, now)
    assert _look(fleet, now).route(Slug("here"), 4).chosen == HERE
    wide = replace(fleet, routing=RoutingConfig(margin_ms=1000.0))
    assert _look(wide, now).route(Slug("here"), 4).chosen == THERE
    late = _look(fleet, now + timedelta(hours=7)).route(Slug("here"), 4)
    assert (late.chosen, late.reasons[0].code) == (THERE, "kept")
    assert late.reasons[0].text.endswith("no location moves while the latency maps are out of date")


def _decide(config: Config, now: datetime) -> None:
    """What kea generate keeps."""
    with writing(config) as session:
        picture = routes.look(session, config, now)
        route_store.set_routes(session, picture.routes, now)


def test_a_server_has_its_own_pins_and_bans_and_its_tiers(fleet: Config, now: datetime) -> None:
    """Over the location's route, and explained."""
    picture = _look(fleet, now)
    server = next(server for server in picture.inventory.servers if server.location == "here")
    assert picture.own_route(server, 4) == picture.route(Slug("here"), 4)
    assert routes.own_routes(picture) == {}
    tiers = tuple(replace(tier, boot_from=(THERE,)) for tier in picture.inventory.tiers)
    pinned = replace(picture, inventory=replace(picture.inventory, tiers=tiers))
    assert pinned.own_route(server, 4).chosen == THERE
    assert set(routes.own_routes(pinned)) == {server.name for server in picture.inventory.servers}
    lines = routes.explained(pinned, server, family=4, files={})
    assert lines.route.reasons[0].text == "pinned to there-boot by tier lab"
    own = replace(server, boot_from=(HERE,))
    assert pinned.own_route(own, 4).chosen == HERE
    assert pinned.own_route(replace(own, never_boot_from=(HERE,)), 4).chosen == THERE


def test_a_full_boot_server_sends_the_next_place_on(fleet: Config, now: datetime) -> None:
    """Two places with a server each, and room for one; also where only one of the places is asked for."""
    with reading(fleet) as session:
        inventory = store.read_inventory(session)
        near, far = (each for each in inventory.boot_servers)
        small = replace(inventory, boot_servers=(replace(near, capacity=1), replace(far, state=AdminState.DISABLED)))
        both = replace(inventory, boot_servers=(replace(near, capacity=1), replace(far, capacity=1)))
        tight = routes.look(session, fleet, now, inventory=small, places=[Slug("there")])
        fits = routes.look(session, fleet, now, inventory=both)
    (four, _) = tight.routes
    assert (four.chosen, four.reasons[0].code) == (HERE, "over-capacity"), "the only one takes all, and says so"
    assert {route.chosen for route in fits.routes if route.family == 4} == {HERE, THERE}
    drained = routes.with_state(fits, THERE, AdminState.DRAINING)
    assert "over-capacity" in {reason.code for route in drained.routes for reason in route.reasons}
