"""The order of boot servers as one location sees them."""

from __future__ import annotations

from math import inf

from nearboot.model import BootServer, Estimate, Slug
from nearboot.routing.entry import Entry, limit, order
from nearboot.routing.policy import Policy
from nearboot.routing.standing import Standing


def _entry(name: str, cost: float | None, score: float = 1.0, standing: Standing = Standing.UP) -> Entry:
    return Entry(BootServer(Slug(name), Slug("x")), standing, (), Estimate(cost, 0.0, "measured"), cost, score)


def test_pools_then_bands_then_scores() -> None:
    """A band begins at its nearest; the unknown comes last; the down ones after all that are up."""
    entries = [
        _entry("unknown", None),
        _entry("far", 10.3, 9.0),
        _entry("near", 10.0, 1.0),
        _entry("as-near", 10.1, 2.0),
        _entry("down", 0.1, standing=Standing.DOWN),
    ]
    ordered = order(entries, Policy(band_ms=0.2, band_share=0))
    assert [entry.server.name for entry in ordered] == ["as-near", "near", "far", "unknown", "down"]


def test_of_nothing_known_all_are_equal() -> None:
    """Their limit is infinite."""
    unknown = _entry("unknown", None)
    assert (unknown.cost, limit(unknown, Policy()), unknown.seen.cost_ms) == (inf, inf, inf)
