"""The place tree and distances."""

from __future__ import annotations

import pytest

from nearboot.latency.place import Places, great_circle_km
from nearboot.model import Location, LocationKind, Slug

AMSTERDAM, WASHINGTON = (52.374, 4.890), (38.895, -77.036)
PLACES = Places.of(
    [
        Location(Slug("eu"), LocationKind.REGION, latitude=50.0, longitude=10.0),
        Location(Slug("esams"), LocationKind.SITE, parent=Slug("eu"), latitude=52.374, longitude=4.890),
        Location(Slug("oe12"), LocationKind.RACK, parent=Slug("esams")),
        Location(Slug("bare"), LocationKind.SITE, parent=Slug("eu")),
        Location(Slug("hall"), LocationKind.ROOM),
        Location(Slug("h1"), LocationKind.RACK, parent=Slug("hall")),
        Location(Slug("loop-a"), LocationKind.ROOM, parent=Slug("loop-b")),
        Location(Slug("loop-b"), LocationKind.ROOM, parent=Slug("loop-a")),
    ]
)


def test_great_circle_is_the_published_distance() -> None:
    """Amsterdam to Washington is 6,198 km on any great-circle calculator, within the sphere's 0.5 %."""
    assert great_circle_km(AMSTERDAM, WASHINGTON) == pytest.approx(6198, rel=0.005)
    assert great_circle_km((0, 0), (0, 180)) == pytest.approx(20015, rel=0.001)
    assert great_circle_km(AMSTERDAM, AMSTERDAM) == 0


@pytest.mark.parametrize(
    ("slug", "site"),
    [("oe12", "esams"), ("esams", "esams"), ("eu", "eu"), ("h1", "hall"), ("nowhere", "nowhere")],
)
def test_site_is_found_upwards(slug: str, site: str) -> None:
    """A rack's site; without one the outermost place below the region; an unknown place is its own."""
    assert PLACES.site(Slug(slug)) == site


def test_ancestry_ends_at_a_cycle() -> None:
    """A cycle of parents does not hang anybody."""
    assert PLACES.ancestry(Slug("loop-a")) == ("loop-a", "loop-b")


def test_coordinates_come_from_the_site_and_never_from_the_region() -> None:
    """A rack stands where its site stands; a region is too wide to stand for a site."""
    assert PLACES.coordinates(Slug("oe12")) == AMSTERDAM
    assert PLACES.coordinates(Slug("bare")) is None
    assert PLACES.distance_km(Slug("oe12"), Slug("bare")) is None
    assert PLACES.distance_km(Slug("oe12"), Slug("esams")) == 0
