"""The place tree: what is above, which site, what belongs together."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from nearboot.inventory.terrain import Terrain
from nearboot.model import AdminState, BootServer, Inventory, Location, LocationKind, Slug, Subnet


def location(slug: str, kind: LocationKind, parent: str | None = None, **more: float) -> Location:
    return Location(Slug(slug), kind, parent=Slug(parent) if parent else None, **more)


def subnet(prefix: str, at: str) -> Subnet:
    return Subnet(ip_network(prefix), Slug(at))


TERRAIN = Terrain(
    Inventory(
        locations=(
            location("eu", LocationKind.REGION),
            location("ams", LocationKind.SITE, "eu", latitude=52.4, longitude=4.9),
            location("ams-a", LocationKind.ROOM, "ams"),
            location("ams-a1", LocationKind.RACK, "ams-a"),
            location("ams-b1", LocationKind.RACK, "ams", latitude=52.4),
            location("fra", LocationKind.SITE, "eu"),
            location("lost", LocationKind.RACK, "gone"),
        ),
        subnets=(subnet("10.0.0.0/8", "eu"), subnet("10.1.0.0/16", "ams"), subnet("2001:db8::/32", "fra")),
        boot_servers=(
            BootServer(Slug("a"), Slug("ams-b1")),
            BootServer(Slug("f"), Slug("fra"), state=AdminState.DISABLED),
        ),
    )
)


@pytest.mark.parametrize(
    ("slug", "upwards", "site"),
    [
        pytest.param("ams-a1", ["ams-a1", "ams-a", "ams", "eu"], "ams", id="rack"),
        pytest.param("ams", ["ams", "eu"], "ams", id="site"),
        pytest.param("eu", ["eu"], "eu", id="region"),
        pytest.param("lost", ["lost", "gone"], "lost", id="dangling"),
        pytest.param("nowhere", ["nowhere"], "nowhere", id="unknown"),
    ],
)
def test_upwards_and_site(slug: str, upwards: list[str], site: str) -> None:
    """A site is the outermost place that is no region."""
    assert list(TERRAIN.upwards(Slug(slug))) == upwards
    assert TERRAIN.site(Slug(slug)) == site


@pytest.mark.parametrize(("slug", "near"), [("ams-a1", True), ("ams", True), ("fra", False), ("eu", False)])
def test_boot_servers_are_near_in_the_site_or_above(slug: str, near: bool) -> None:
    """A disabled one counts for nothing; one in a site is not above its region."""
    assert TERRAIN.has_boot_server(Slug(slug)) is near


@pytest.mark.parametrize(
    ("one", "other", "related"),
    [("ams-a1", "ams-b1", True), ("ams-a1", "eu", True), ("eu", "fra", True), ("ams", "fra", False)],
)
def test_related(one: str, other: str, related: bool) -> None:
    """In one site, or one above the other; the order makes no difference."""
    assert TERRAIN.related(Slug(one), Slug(other)) is related
    assert TERRAIN.related(Slug(other), Slug(one)) is related


def test_placed_by_both_coordinates_or_an_alias() -> None:
    """A latitude alone is no place."""
    assert [TERRAIN.is_placed(Slug(s)) for s in ("ams", "ams-b1", "eu", "nowhere")] == [True, False, False, False]


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("10.1.2.3", "10.1.0.0/16"),
        ("10.2.0.1", "10.0.0.0/8"),
        ("11.0.0.1", None),
        ("2001:db8::1", "2001:db8::/32"),
        ("2001:db9::1", None),
    ],
)
def test_subnet_of_address(address: str, prefix: str | None) -> None:
    """The innermost that holds the address."""
    found = TERRAIN.subnet_of(ip_address(address))
    assert (str(found.prefix) if found else None) == prefix
