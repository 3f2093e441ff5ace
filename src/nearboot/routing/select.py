"""Choosing boot servers: for each location all of them in one total order, with the reasons. Pure.

The order is: standing (state, address, health), then cost per TFTP block; costs inside the policy's band are equal, and
clients are spread over them by weighted rendezvous hashing of the location. Pins narrow the choice, a boot server that
came back waits for its turn, and a location that has a boot server leaves it only for one that is clearly nearer. The
order of the input never matters; nothing outside the input is ever chosen; while any boot server is active, has an
address and is not forbidden, one is.

    routes = select(locations, boot_servers, estimate, health, family=4, policy=Policy(), now=now)

For fleets of thousands of locations the same choice is made by grid, without the sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nearboot.model import BootServer, Candidate, Estimate, Health, Location, Reason, Route, Slug
from nearboot.routing.entry import Entry, order
from nearboot.routing.hysteresis import NOTHING_BEFORE, Held, Hysteresis, Previous
from nearboot.routing.override import Override
from nearboot.routing.policy import Policy
from nearboot.routing.slow_start import turn
from nearboot.routing.spread import key, score, uniform
from nearboot.routing.standing import Standing, Stood, stand
from nearboot.routing.verdict import Verdict

Estimates = Callable[[Slug, BootServer], Estimate]
"""The path from clients at a location to a boot server; the family is the caller's."""

NO_OVERRIDE = Override()


@dataclass(frozen=True, slots=True)
class Past:
    """What was before: the last decision, when boot servers came back, and whether the latency maps are out of date."""

    previous: Previous = NOTHING_BEFORE
    since: Mapping[Slug, datetime] = field(default_factory=dict)  # one that it does not hold has always been there
    frozen: bool = False


NO_PAST = Past()


def select(
    locations: Iterable[Location],
    boot_servers: Iterable[BootServer],
    estimates: Estimates,
    health: Mapping[Slug, Health],
    *,
    family: int,
    policy: Policy,
    now: datetime,
    past: Past = NO_PAST,
    override: Override = NO_OVERRIDE,
) -> tuple[Route, ...]:
    """A route for each location, by slug: every boot server ranked, the best chosen, each with its reasons.

    A boot server that ``health`` does not hold counts as up, and the route says so.
    """
    stood, general = stand(boot_servers, health, family=family, policy=policy, now=now, override=override)
    chooser = _Chooser(stood, general, estimates, family, policy, now, past, override)
    keys = {each.server.name: key(each.server.name) for each in stood}
    return tuple(chooser.route(location.slug, keys) for location in sorted(locations, key=lambda place: place.slug))


@dataclass(frozen=True, slots=True)
class _Chooser:
    """What is the same for all locations."""

    stood: tuple[Stood, ...]
    general: tuple[Reason, ...]
    estimates: Estimates
    family: int
    policy: Policy
    now: datetime
    past: Past
    override: Override

    def route(self, location: Slug, keys: Mapping[Slug, int]) -> Route:
        here = key(location)
        entries = [self._entry(location, each, here, keys[each.server.name]) for each in self.stood]
        ranked = order(entries, self.policy)
        if not ranked or ranked[0].standing is Standing.UNUSABLE:
            return _unanswered(location, self.family, ranked)
        verdict = self._decide(location, ranked)
        best = verdict.best
        candidates = [_candidate(best, 0, True, ())]
        for rank, entry in enumerate((each for each in ranked if each is not best), start=1):
            eligible = entry.standing is best.standing
            candidates.append(_candidate(entry, rank, eligible, (verdict.lost(entry),)))
        reasons = (*self.general, *verdict.reasons())
        chosen = best.server.name
        return Route(location, self.family, tuple(candidates), chosen, reasons, self._moved_at(location, chosen))

    def _entry(self, location: Slug, each: Stood, here: int, there: int) -> Entry:
        server, estimate = each.server, self.estimates(location, each.server)
        rtt = estimate.rtt_ms
        cost = None if rtt is None else self.policy.cost_ms(rtt, estimate.loss, estimate.penalty)
        fresh, turn_s = self._turn(server.name, here, there)
        spread = score(uniform(here, there), server.weight)
        return Entry(server, each.standing, each.reasons, estimate, cost, spread, fresh, turn_s)

    def _turn(self, name: Slug, here: int, there: int) -> tuple[bool, float]:
        """Whether this location could not use the boot server last time, and how long it still has to wait for it."""
        previous, since = self.past.previous, self.past.since.get(name)
        at = None if since is None else turn(here, there, since, self.policy)
        fresh = name not in previous.usable or bool(at and previous.decided_at and at > previous.decided_at)
        return fresh, max(0.0, (at - self.now).total_seconds()) if at else 0.0

    def _decide(self, location: Slug, ranked: list[Entry]) -> Verdict:
        """Narrow those that can serve down to those that may take the location, and take the first."""
        pool = [entry for entry in ranked if entry.standing is ranked[0].standing]
        held = Hysteresis.of(self.past.previous, location, policy=self.policy, now=self.now, frozen=self.past.frozen)
        had = held.held.boot_server if held else None
        pinned = [entry for entry in pool if entry.server.name in self.override.pin] or pool
        ready = [entry for entry in pinned if entry.turn_s <= 0 or entry.server.name == had] or pinned
        kept = next((entry for entry in ready if entry.server.name == had), None)
        field = ready
        if held is not None and kept is not None:
            field = [entry for entry in ready if entry is kept or held.challenges(entry.seen, kept.seen)]
        best = order(field, self.policy)[0]
        nearest = min(field, key=lambda entry: entry.cost)
        return Verdict(location, best, nearest, field, pool, self.override, held if kept else None, self.policy)

    def _moved_at(self, location: Slug, chosen: Slug) -> datetime | None:
        held = self.past.previous.choices.get(location)
        if held is None:
            return None
        return held.moved_at if held.boot_server == chosen else self.now


def previous_of(routes: Iterable[Route], decided_at: datetime | None) -> Previous:
    """What the routes of one family say to the next decision."""
    every = [route for route in routes if route.chosen is not None]
    choices = {route.location: Held(route.chosen, route.moved_at) for route in every if route.chosen is not None}
    usable = frozenset(c.boot_server for route in every for c in route.candidates if c.eligible)
    return Previous(choices, usable, decided_at)


def _unanswered(location: Slug, family: int, ranked: list[Entry]) -> Route:
    found = "all are disabled, forbidden or without one" if ranked else "there is none at all"
    reason = Reason("no-boot-server", f"no boot server with an IPv{family} address can be used: {found}")
    unused = tuple(_candidate(entry, rank, False, ()) for rank, entry in enumerate(ranked))
    return Route(location, family, unused, None, (reason,))


def _candidate(entry: Entry, rank: int, eligible: bool, lost: tuple[Reason, ...]) -> Candidate:
    return Candidate(
        entry.server.name,
        rank,
        eligible,
        entry.cost_ms,
        entry.estimate.rtt_ms,
        None if entry.cost_ms is None else entry.estimate.loss,
        entry.estimate.rung,
        (*entry.reasons, *lost),
    )
