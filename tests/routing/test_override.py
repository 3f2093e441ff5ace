"""Pins and bans."""

from __future__ import annotations

from nearboot.model import Candidate, Reason, Slug
from nearboot.routing.override import Override, pick

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


def _candidate(name: Slug, rank: int, *, eligible: bool = True, code: str = "") -> Candidate:
    reasons = (Reason(code, ""),) if code else ()
    return Candidate(name, rank, eligible, 1.0, 1.0, 0.0, "measured", reasons)


def test_an_override_picks_of_what_was_weighed() -> None:
    """A pinned one that could serve, else the best that is not forbidden, never one that nobody may have."""
    weighed = [
        _candidate(A, 0),
        _candidate(B, 1),
        _candidate(C, 2, eligible=False, code="draining"),
        _candidate(Slug("off"), 3, eligible=False, code="disabled"),
    ]
    assert pick(weighed, Override(pin=frozenset({B, C}))) == B
    assert pick(weighed, Override(pin=frozenset({C}))) == A
    assert pick(weighed, Override(forbid=frozenset({A, B}))) == C
    assert pick(weighed, Override(forbid=frozenset({A, B, C}))) is None
