"""The heatmap: order, cells, labels."""

from __future__ import annotations

import pytest

from nearboot.app import heatmap
from nearboot.model import Location, LocationKind, Slug

EU, US = Location(Slug("eu"), LocationKind.REGION), Location(Slug("us"), LocationKind.REGION)
SITES = [
    Location(Slug("nyc"), LocationKind.SITE, parent=US.slug, latitude=40.0, longitude=-74.0),
    Location(Slug("sfo"), LocationKind.SITE, parent=US.slug, latitude=37.0, longitude=-122.0),
    Location(Slug("ams"), LocationKind.SITE, parent=EU.slug, latitude=52.0, longitude=5.0),
    Location(Slug("dub"), LocationKind.SITE, parent=EU.slug, latitude=53.0, longitude=-6.0),
    Location(Slug("nowhere"), LocationKind.SITE),
]


def test_what_is_near_stands_together() -> None:
    """By what contains it, there from west to east; without coordinates last."""
    places = [site.slug for site in SITES]
    assert heatmap.ordered(reversed(places), [EU, US, *SITES]) == ["sfo", "nyc", "dub", "ams", "nowhere"]


@pytest.mark.parametrize("count", [1, 2, 16, 17, 50])
def test_any_number_of_places_is_drawn(count: int) -> None:
    """With numbers while there is room for them; each place has its label; one with a boot server is bold."""
    places = [Slug(f"place-{number}") for number in range(count)]
    values = {(a, b): 1.0 + i for i, a in enumerate(places) for b in places[::2] if a != b}
    figure = heatmap.draw(places, values, bold={places[0]}, subtitle="x")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == places
    assert [label.get_fontweight() for label in axes.get_yticklabels()][:2] == ["bold", "normal"][:count]
    assert len(axes.texts) == (len(values) if count <= heatmap.NUMBERED else 0)


def test_unmeasured_pairs_are_hatched_and_explained() -> None:
    """Only where there are some."""
    a, b = Slug("a"), Slug("b")
    assert heatmap.draw([a, b], {(a, b): 1.0}, bold=(), subtitle="").legends
    assert not heatmap.draw([a, b], {(a, b): 1.0, (b, a): 2.0}, bold=(), subtitle="").legends
