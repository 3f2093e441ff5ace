"""The order of the nouns, of places and of prefixes."""

from __future__ import annotations

from ipaddress import ip_network

from nearboot.inventory.noun import NOUNS, location_depths, prefix_order
from nearboot.model import Location, LocationKind, Slug, Subnet


def test_a_noun_refers_only_to_earlier_ones_and_to_itself() -> None:
    """So that writing in this order never meets a reference to what is not there yet."""
    names = [noun.attribute for noun in NOUNS]
    for n, noun in enumerate(NOUNS):
        assert {target for _, target in noun.refers} <= set(names[: n + 1])


def test_depths_end_also_where_locations_form_a_cycle() -> None:
    def location(slug: str, parent: str | None) -> Location:
        return Location(Slug(slug), LocationKind.SITE, parent=Slug(parent) if parent else None)

    places = [location("c", "b"), location("b", "a"), location("a", None), location("x", "y"), location("y", "x")]
    assert location_depths(places) == {"a": 0, "b": 1, "c": 2, "x": 5, "y": 5}


def test_prefixes_are_ordered_as_numbers() -> None:
    texts = ["fd00::/64", "10.20.0.0/24", "9.0.0.0/8", "10.3.0.0/24", "10.3.0.0/16"]
    subnets = sorted((Subnet(ip_network(text), Slug("x")) for text in texts), key=prefix_order)
    assert [str(subnet.prefix) for subnet in subnets] == [
        "9.0.0.0/8", "10.3.0.0/16", "10.3.0.0/24", "10.20.0.0/24", "fd00::/64",
    ]  # fmt: skip
