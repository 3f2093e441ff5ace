"""The way up the place tree ends, whatever the tree is."""

from __future__ import annotations

import pytest

from nearboot.model import Location, LocationKind, Slug
from nearboot.model.place import parents_of, upwards

PARENTS = parents_of(
    [
        Location(Slug("emea"), LocationKind.REGION),
        Location(Slug("ams"), LocationKind.SITE, parent=Slug("emea")),
        Location(Slug("r1"), LocationKind.RACK, parent=Slug("ams")),
        Location(Slug("lost"), LocationKind.RACK, parent=Slug("gone")),
        Location(Slug("a"), LocationKind.ROOM, parent=Slug("b")),
        Location(Slug("b"), LocationKind.ROOM, parent=Slug("a")),
    ]
)


@pytest.mark.parametrize(
    ("start", "way"),
    [
        pytest.param("r1", ["r1", "ams", "emea"], id="to the region"),
        pytest.param("emea", ["emea"], id="the outermost"),
        pytest.param("lost", ["lost", "gone"], id="unknown parent"),
        pytest.param("nowhere", ["nowhere"], id="unknown place"),
        pytest.param("a", ["a", "b"], id="cycle"),
    ],
)
def test_upwards(start: str, way: list[str]) -> None:
    """Innermost first, each place once."""
    assert list(upwards(Slug(start), PARENTS)) == way
