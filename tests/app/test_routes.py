"""Routes from what the database holds: inventory, maps, health; and the picture as it would be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from nearboot.app import routes
from nearboot.app.database import reading, writing
from nearboot.config import Config, RoutingConfig
from nearboot.errors import NotFoundError
from nearboot.inventory import route_store
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
