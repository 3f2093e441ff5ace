"""Boot servers that are full: who comes too late goes to the next nearest. Pure.

A place goes whole, with all its servers. Those that are where they want to be stay; of the others those go first that
would lose most by the second best. Where all are full the first wish stands: an overloaded boot server is better than
none, and the route says so.

    routes = spill(routes, demand={Slug("ams"): 400}, capacity={Slug("boot-ams"): 300}, previous=previous, now=now)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf

from nearboot.model import Candidate, Reason, Route, Slug
from nearboot.routing.hysteresis import Previous

NOT_WISHED = frozenset({"slow-start", "not-pinned"})
"""Reasons of candidates that could serve, and are not to: no spill goes there."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A place with its servers, and the boot servers that it would have with what each costs, the first wish first."""

    location: Slug
    demand: int
    options: Sequence[tuple[Slug, float]]
    settled: bool = False  # it has its first wish now

    @property
    def regret(self) -> float:
        """What the second best costs more."""
        if len(self.options) < 2 or self.options[1][1] == inf:
            return inf
        return self.options[1][1] - self.options[0][1]


def assign(wishes: Iterable[Wish], capacity: Mapping[Slug, int]) -> dict[Slug, Slug]:
    """Which boot server each place gets; one without a capacity takes any number. The order of wishes never matters."""
    load: dict[Slug, int] = {}
    got: dict[Slug, Slug] = {}
    for wish in sorted(wishes, key=lambda wish: (not wish.settled, -wish.regret, wish.location)):
        fits = (name for name, _ in wish.options if load.get(name, 0) + wish.demand <= capacity.get(name, inf))
        name = next(fits, wish.options[0][0])
        load[name] = load.get(name, 0) + wish.demand
        got[wish.location] = name
    return got


def spill(
    routes: Sequence[Route],
    *,
    demand: Mapping[Slug, int],
    capacity: Mapping[Slug, int],
    previous: Previous,
    now: datetime,
) -> tuple[Route, ...]:
    """The routes of one family with those moved on that found their boot server full, each with the reason.

    ``demand``: servers by location; ``capacity``: of the boot servers that have one.
    """
    wishes = [_wish(route, demand, previous) for route in routes if route.chosen and demand.get(route.location)]
    got = assign(wishes, capacity)
    loads: dict[Slug, int] = {}
    for location, name in got.items():
        loads[name] = loads.get(name, 0) + demand[location]
    return tuple(_spilled(route, got.get(route.location), loads, capacity, previous, now=now) for route in routes)


def _wish(route: Route, demand: Mapping[Slug, int], previous: Previous) -> Wish:
    held = previous.choices.get(route.location)
    options = tuple(
        (each.boot_server, inf if each.cost_ms is None else each.cost_ms) for each in route.candidates if _may(each)
    )
    settled = held is not None and held.boot_server == route.chosen
    return Wish(route.location, demand[route.location], options, settled)


def _may(candidate: Candidate) -> bool:
    return candidate.eligible and not any(reason.code in NOT_WISHED for reason in candidate.reasons)


def _spilled(
    route: Route,
    name: Slug | None,
    loads: Mapping[Slug, int],
    capacity: Mapping[Slug, int],
    previous: Previous,
    *,
    now: datetime,
) -> Route:
    """The route with the boot server that its place got in front, and the reasons with it."""
    if name is None or route.chosen is None:
        return route
    wished = route.chosen
    if name == wished:
        if loads[name] <= capacity.get(name, inf):
            return route
        text = f"{name} is over its capacity ({loads[name]} of {capacity[name]} servers): the others are full as well"
        over = Reason("over-capacity", text, {"load": loads[name], "capacity": capacity[name]})
        return replace(route, reasons=(over, *route.reasons))
    text = f"{wished} is full ({loads.get(wished, 0)} of {capacity[wished]} servers): {name} is the next"
    full = Reason("spilled", text, {"instead_of": str(wished), "capacity": capacity[wished]})
    first = next(each for each in route.candidates if each.boot_server == name)
    rest = [_full(each, loads, capacity, first) for each in route.candidates if each is not first]
    ranked = [replace(first, reasons=first.reasons[:-1]), *rest]  # the last reason is why it was not the first
    held = previous.choices.get(route.location)
    moved_at = None if held is None else held.moved_at if held.boot_server == name else now
    return replace(
        route,
        candidates=tuple(replace(each, rank=rank) for rank, each in enumerate(ranked)),
        chosen=name,
        reasons=(*route.reasons[:-1], full),
        moved_at=moved_at,
    )


def _full(each: Candidate, loads: Mapping[Slug, int], capacity: Mapping[Slug, int], first: Candidate) -> Candidate:
    """One that stood in front of the first and had no room says so; the others' reasons hold as they are."""
    name = each.boot_server
    if each.rank >= first.rank or not _may(each) or name not in capacity:
        return each
    load = loads.get(name, 0)
    reason = Reason("full", f"{name} is full: {load} of {capacity[name]} servers", {"load": load})
    return replace(each, reasons=(*each.reasons[: len(each.reasons) - (each.rank > 0)], reason))
