"""A route in a few words, for tables: why its boot server was chosen, and how its path is known.

The sentences with the numbers are the route's reasons; who asks about one server gets them from explain.

    why(route)                                       # "nearest; none healthy"
    known_by(estimate, ("ams-r1", "ams", "emea"))    # "measured for ams"
"""

from __future__ import annotations

from collections.abc import Collection

from nearboot.model import Estimate, Route, Slug

TROUBLE = {  # the codes of reasons that make a route a bad one
    "none-healthy": "none healthy",
    "only-draining": "only draining ones left",
    "no-boot-server": "none can be used",
    "over-capacity": "over capacity",
    "panic": "health not believed",
    "pin-unusable": "the pinned one cannot be used",
}
CHOICE = {  # the codes of reasons of a choice, but for those with numbers
    "nearest": "nearest",
    "nothing-known": "spread, as nothing is known",
    "kept": "stays, as no other is clearly nearer",
    "pinned": "pinned",
    "spilled": "the nearest is full",
}
KNOWN = {  # the rungs of the missing-pair ladder
    "local": "same site",
    "measured": "measured",
    "other-family": "measured over the other IP version",
    "reverse": "measured the other way",
    "parent": "measured for {}",
    "neighbours": "its neighbours",
    "geo": "distance",
    "default": "nothing known",
}
ASSUMED = frozenset({"local", "neighbours", "geo"})
"""Rungs whose round trip nobody has measured."""


def why(route: Route) -> str:
    """The reasons of a route in short, the choice first."""
    words = [_choice(reason.code, reason.data.get("equal"), len(route.candidates)) for reason in route.reasons]
    return "; ".join([*filter(None, words), *(TROUBLE[code] for code in trouble(route))])


def trouble(route: Route) -> tuple[str, ...]:
    """The codes of what is wrong with a route, however well it was chosen; mostly nothing."""
    return tuple(reason.code for reason in route.reasons if reason.code in TROUBLE)


def known_by(estimate: Estimate, inside: Collection[Slug]) -> str:
    """How a path is known. ``inside``: its location, and then what contains that, innermost first."""
    return KNOWN.get(estimate.rung, estimate.rung).format(_measured_for(estimate, list(inside)))


def _choice(code: str, equal: object, candidates: int) -> str:
    if code == "only-one":
        return "only one left" if candidates > 1 else "only one"
    if code == "nearest-spread":
        return f"spread over {equal} equally near"
    return CHOICE.get(code, "")


def _measured_for(estimate: Estimate, inside: list[Slug]) -> str:
    """The place that contains this one, or the boot server's, and has the sample."""
    ends = estimate.via or ()
    outer = [end for end in ends if end in inside[1:]] or [end for end in ends if end not in inside]
    return outer[0] if outer else "what contains it"
