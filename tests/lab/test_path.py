"""Paths: the first link towards each site."""

from __future__ import annotations

from itertools import permutations

from nearboot.lab.path import next_hops
from nearboot.lab.topology import Link
from nearboot.model import Slug


def _link(a: str, b: str, delay_ms: float) -> Link:
    return Link(Slug(a), Slug(b), delay_ms)


def test_the_way_with_the_least_delay_is_taken() -> None:
    """Two short hops beat one long one, and a site's own name is not among its targets."""
    short, shorter, long = _link("ams", "fra", 4), _link("fra", "par", 5), _link("par", "ams", 20)
    assert next_hops([short, shorter, long], Slug("ams")) == {"fra": short, "par": short}
    assert next_hops([short, shorter, long], Slug("par")) == {"fra": shorter, "ams": shorter}


def test_ties_do_not_depend_on_the_order_of_links() -> None:
    """Equal delays are decided by names."""
    links = [_link("a", "b", 1), _link("a", "c", 1), _link("b", "d", 1), _link("c", "d", 1)]
    found = {next_hops(order, Slug("a"))[Slug("d")] for order in permutations(links)}
    assert found == {links[0]}


def test_what_cannot_be_reached_has_no_hop() -> None:
    """No link, no route."""
    assert next_hops([_link("a", "b", 1)], Slug("z")) == {}
