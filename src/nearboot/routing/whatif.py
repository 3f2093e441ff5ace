"""What a change would bring: who moves, what each boot server carries, how long boots take, who is left with none.

Compares two selections of routes; it makes neither, and knows no database.

    found = compare(before, after, crowds, loads=names)
    found.changes, found.effects[0].before.boot_server
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isclose

from nearboot.model import Route, Slug
from nearboot.routing.summary import trouble

Whose = tuple[Slug, str]
"""A location, and of which of its servers: "" of all but those with pins or bans, which are told by these."""

Key = tuple[Slug, str, int]
"""The same with an address family."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a place gets: its boot server (None: none can be used), at which cost, known how, and what is wrong."""

    boot_server: Slug | None
    cost_ms: float | None  # of a TFTP block; None: unknown
    rung: str = ""
    troubles: tuple[str, ...] = ()

    @classmethod
    def of(cls, route: Route) -> Choice:
        """The choice that a route makes."""
        best = next((each for each in route.candidates if each.boot_server == route.chosen), None)
        return cls(
            route.chosen,
            best.cost_ms if best and route.chosen else None,
            best.rung if best and route.chosen else "",
            trouble(route),
        )


@dataclass(frozen=True, slots=True)
class Crowd:
    """The servers of a place. ``round_trips``: how often one of them waits in the mean while it boots.

    ``assumed``: of how many servers the files' sizes are not known, so that an example stands for them.
    """

    location: Slug
    servers: int
    round_trips: float
    assumed: int = 0
    whose: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """A place that would get another boot server, or the same one at another cost."""

    location: Slug
    family: int
    servers: int
    before: Choice
    after: Choice
    before_s: float | None  # one boot's files
    after_s: float | None
    whose: str = ""
    names: tuple[str, ...] = ()  # of the servers, where they were asked for

    @property
    def moved(self) -> bool:
        """Whether it is another boot server."""
        return self.before.boot_server != self.after.boot_server


@dataclass(frozen=True, slots=True)
class Load:
    """What a boot server carries, before and after. ``before`` None: it is not there; ``after`` the same."""

    boot_server: Slug
    family: int
    servers_before: int
    servers_after: int
    places_before: int
    places_after: int
    capacity: int | None = None  # servers; None: any number


@dataclass(frozen=True, slots=True)
class Times:
    """How long the boots of all servers take: each alone, as the path allows. ``worst_at``: where it is longest."""

    mean_s: float | None
    worst_s: float | None
    worst_at: Slug | None
    unknown: int  # servers of which nothing can be said


@dataclass(frozen=True, slots=True)
class Stranded:
    """A place that is left without a boot server, or with none that is sound: ``troubles`` as of routes."""

    location: Slug
    family: int
    servers: int
    boot_server: Slug | None
    troubles: tuple[str, ...]
    already: bool  # it is so before the change too
    whose: str = ""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answer. ``effects``: places with servers or without, those with the most servers first."""

    supposed: tuple[str, ...]
    servers: int
    assumed: int  # of how many the files' sizes are not known
    effects: tuple[Effect, ...]
    loads: tuple[Load, ...]
    times_before: Mapping[int, Times]  # by family
    times_after: Mapping[int, Times]
    stranded: tuple[Stranded, ...]

    @property
    def changes(self) -> bool:
        """Whether anything would differ for anyone."""
        return bool(self.effects) or any(not each.already for each in self.stranded)

    @property
    def moved(self) -> tuple[Effect, ...]:
        """The places that would get another boot server."""
        return tuple(each for each in self.effects if each.moved)


def heads(places: Iterable[Effect | Stranded]) -> int:
    """How many servers these are; one that would be so over both families counts once."""
    return sum({(each.location, each.whose): each.servers for each in places}.values())


def compare(
    before: Mapping[Key, Choice],
    after: Mapping[Key, Choice],
    crowds: Iterable[Crowd],
    *,
    boot_servers: Mapping[Slug, int | None],
    supposed: Sequence[str] = (),
) -> WhatIf:
    """Compare what the places get. ``boot_servers``: the capacity of all that are there before or after.

    Both mappings have the same keys: those of the families that a place uses. A place without a crowd has no servers.
    """
    by_place = {(crowd.location, crowd.whose): crowd for crowd in crowds}
    effects = [_effect(key, before[key], after[key], by_place.get(key[:2])) for key in sorted(before)]
    families = sorted({family for _, _, family in before})
    return WhatIf(
        tuple(supposed),
        sum(crowd.servers for crowd in by_place.values()),
        sum(crowd.assumed for crowd in by_place.values()),
        tuple(sorted(filter(None, effects), key=_most_first)),
        _loads(before, after, by_place, boot_servers),
        {family: _times(before, by_place, family) for family in families},
        {family: _times(after, by_place, family) for family in families},
        _stranded(before, after, by_place),
    )


def _effect(key: Key, old: Choice, new: Choice, crowd: Crowd | None) -> Effect | None:
    same = old.boot_server == new.boot_server and old.troubles == new.troubles and _alike(old.cost_ms, new.cost_ms)
    if same:
        return None
    servers = crowd.servers if crowd else 0
    return Effect(key[0], key[2], servers, old, new, _seconds(old, crowd), _seconds(new, crowd), key[1])


def _most_first(each: Effect | Stranded) -> tuple[int, Slug, str, int]:
    return -each.servers, each.location, each.whose, each.family


def _alike(a: float | None, b: float | None) -> bool:
    return a == b if a is None or b is None else isclose(a, b, rel_tol=1e-6)


def _seconds(choice: Choice, crowd: Crowd | None) -> float | None:
    if choice.cost_ms is None or crowd is None or not crowd.round_trips:
        return None
    return choice.cost_ms * crowd.round_trips / 1000


def _loads(
    before: Mapping[Key, Choice],
    after: Mapping[Key, Choice],
    crowds: Mapping[Whose, Crowd],
    capacity: Mapping[Slug, int | None],
) -> tuple[Load, ...]:
    counts: dict[tuple[int, Slug], list[int]] = {}
    for side, choices in enumerate((before, after)):
        for (location, whose, family), choice in choices.items():
            if choice.boot_server is not None:
                row = counts.setdefault((family, choice.boot_server), [0, 0, 0, 0])
                row[side] += _count(crowds, (location, whose))
                row[2 + side] += not whose
    families = sorted({family for _, _, family in before})
    every = [(name, family) for family in families for name in sorted(capacity)]
    rows = [(name, family, counts.get((family, name), [0, 0, 0, 0])) for name, family in every]
    return tuple(Load(name, family, r[0], r[1], r[2], r[3], capacity[name]) for name, family, r in rows)


def _times(choices: Mapping[Key, Choice], crowds: Mapping[Whose, Crowd], family: int) -> Times:
    total, known, unknown = 0.0, 0, 0
    worst: tuple[float, Slug] | None = None
    for (location, whose, each), choice in sorted(choices.items(), key=lambda item: item[0]):
        crowd = crowds.get((location, whose))
        if each != family or crowd is None:
            continue
        taken = _seconds(choice, crowd)
        if taken is None:
            unknown += crowd.servers
            continue
        total, known = total + taken * crowd.servers, known + crowd.servers
        if worst is None or taken > worst[0]:
            worst = taken, location
    mean = total / known if known else None
    return Times(mean, worst[0] if worst else None, worst[1] if worst else None, unknown)


def _stranded(
    before: Mapping[Key, Choice], after: Mapping[Key, Choice], crowds: Mapping[Whose, Crowd]
) -> tuple[Stranded, ...]:
    found = [
        Stranded(
            location,
            family,
            _count(crowds, (location, whose)),
            new.boot_server,
            new.troubles,
            before[location, whose, family].troubles == new.troubles,
            whose,
        )
        for (location, whose, family), new in after.items()
        if new.troubles
    ]
    return tuple(sorted(found, key=_most_first))


def _count(crowds: Mapping[Whose, Crowd], whose: Whose) -> int:
    return crowds[whose].servers if whose in crowds else 0
