"""Pins and bans."""

from __future__ import annotations

from nearboot.model import Slug
from nearboot.routing.override import Override

A, B, C = Slug("a"), Slug("b"), Slug("c")


def test_nothing_decided_is_nothing() -> None:
    """So that it costs nothing to ask."""
    assert not Override()
    assert Override(pin=frozenset({A}))
    assert Override(forbid=frozenset({A}))


def test_a_servers_own_goes_over_its_tiers() -> None:
    """Its pin replaces the tier's; bans add up, and win over any pin."""
    own = Override(frozenset({A, C}), frozenset({B}), "server web1")
    tier = Override(frozenset({B}), frozenset({C}), "tier web")
    assert own.over(tier) == Override(frozenset({A}), frozenset({B, C}), "server web1 and tier web")
    assert Override().over(tier) == tier
    assert own.over(Override()).pin == {A, C}
