"""Choosing boot servers: for each location all of them in one total order, with the reasons. Pure.

The order is: standing (state, address, health), then cost per TFTP block; costs inside the policy's band are equal, and
clients are spread over them by weighted rendezvous hashing of the location. The order of the input never matters;
nothing outside the input is ever chosen; while any boot server is active and has an address, one is.

    routes = select(locations, boot_servers, estimate, health, family=4, policy=Policy(), now=now)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from math import inf, log

from nearboot.model import BootServer, Candidate, Estimate, Health, Location, Reason, Route, Slug
from nearboot.routing.policy import Policy
from nearboot.routing.standing import Standing, standing

Estimates = Callable[[Slug, BootServer], Estimate]
"""The path from clients at a location to a boot server; the family is the caller's."""

_POOL_TEXTS = {
    "none-healthy": "no boot server that could be used is healthy: one that failed its last read is used",
    "only-draining": "no boot server is active: one that is draining is used",
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A boot server as one location sees it. ``cost_ms`` None: nothing is known of the path."""

    server: BootServer
    standing: Standing
    reasons: tuple[Reason, ...]
    estimate: Estimate
    cost_ms: float | None
    score: float

    @property
    def cost(self) -> float:
        """The cost for comparison: the unknown comes last."""
        return inf if self.cost_ms is None else self.cost_ms


def select(
    locations: Iterable[Location],
    boot_servers: Iterable[BootServer],
    estimates: Estimates,
    health: Mapping[Slug, Health],
    *,
    family: int,
    policy: Policy,
    now: datetime,
) -> tuple[Route, ...]:
    """A route for each location, by slug: every boot server ranked, the best chosen, each with its reasons.

    A boot server that ``health`` does not hold counts as up, and the route says so.
    """
    servers = sorted(boot_servers, key=lambda server: server.name)
    stood = [
        (server, *standing(server, health.get(server.name), family=family, policy=policy, now=now))
        for server in servers
    ]
    routes = []
    for location in sorted(locations, key=lambda place: place.slug):
        entries = [
            _entry(location.slug, server, pool, reasons, estimates(location.slug, server), policy=policy)
            for server, pool, reasons in stood
        ]
        routes.append(_route(location.slug, family, entries, policy))
    return tuple(routes)


def spread_score(location: Slug, server: Slug, weight: int) -> float:
    """The weighted rendezvous score of a pair: the highest of a set wins.

    -w / ln(u) with u in (0, 1) from a hash gives each server a share of locations in proportion to its weight, and
    taking one away moves only its own (Schindelhauer and Schomaker 2005). The hash is the same on every machine.
    """
    digest = blake2b(f"{location}\0{server}".encode(), digest_size=8).digest()
    uniform = ((int.from_bytes(digest, "big") >> 11) + 0.5) / 2**53
    return max(weight, 0) / -log(uniform)


def _entry(
    location: Slug,
    server: BootServer,
    pool: Standing,
    reasons: tuple[Reason, ...],
    estimate: Estimate,
    *,
    policy: Policy,
) -> _Entry:
    rtt = estimate.rtt_ms
    cost = None if rtt is None else policy.cost_ms(rtt, estimate.loss, estimate.penalty)
    return _Entry(server, pool, reasons, estimate, cost, spread_score(location, server.name, server.weight))


def _route(location: Slug, family: int, entries: list[_Entry], policy: Policy) -> Route:
    ranked = _order(entries, policy)
    if not ranked or ranked[0].standing is Standing.UNUSABLE:
        found = "all are disabled or without one" if entries else "there is none at all"
        reason = Reason("no-boot-server", f"no boot server with an IPv{family} address can be used: {found}")
        unused = tuple(_candidate(entry, rank, False, ()) for rank, entry in enumerate(ranked))
        return Route(location, family, unused, None, (reason,))
    best = ranked[0]
    pool = [entry for entry in ranked if entry.standing is best.standing]
    nearest = min(pool, key=lambda entry: entry.cost)
    candidates = [_candidate(best, 0, True, ())]
    for rank, entry in enumerate(ranked[1:], start=1):
        lost = _loss_reason(entry, best, nearest, policy)
        candidates.append(_candidate(entry, rank, entry.standing is best.standing, (lost,)))
    reasons = (*_pool_reasons(best), _choice_reason(best, pool, nearest, policy))
    return Route(location, family, tuple(candidates), best.server.name, reasons)


def _order(entries: list[_Entry], policy: Policy) -> list[_Entry]:
    """Pool by pool; in a pool by bands of equal cost, the nearest first; in a band by score."""
    ordered: list[_Entry] = []
    for pool in Standing:
        rest = sorted((entry for entry in entries if entry.standing is pool), key=lambda entry: entry.cost)
        start = 0
        while start < len(rest):
            end = bisect_right(rest, _limit(rest[start], policy), key=lambda entry: entry.cost)
            ordered += sorted(rest[start:end], key=lambda entry: (-entry.score, entry.cost, entry.server.name))
            start = end
    return ordered


def _limit(nearest: _Entry, policy: Policy) -> float:
    """The cost up to which another one is equal to the nearest; all of which nothing is known are equal."""
    return inf if nearest.cost_ms is None else nearest.cost_ms + policy.band(nearest.cost_ms)


def _candidate(entry: _Entry, rank: int, eligible: bool, lost: tuple[Reason, ...]) -> Candidate:
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


def _loss_reason(entry: _Entry, best: _Entry, nearest: _Entry, policy: Policy) -> Reason:
    """Why the boot server lost against the chosen one, with the numbers."""
    chosen = best.server.name
    data = {"cost_ms": entry.cost_ms, "chosen": str(chosen), "chosen_cost_ms": best.cost_ms}
    if entry.standing is not best.standing:
        return Reason("not-eligible", _passed_over(entry, best), data)
    if entry.cost_ms is None and best.cost_ms is not None:
        return Reason(
            "no-estimate", f"nothing is known of the path; {chosen} costs {_ms(best.cost_ms)} per block", data
        )
    if entry.cost <= _limit(nearest, policy):
        text = f"equally near ({_versus(entry, best)}): the spread of locations by weight chose {chosen}"
        return Reason("spread", text, data)
    return Reason("farther", _versus(entry, best), data)


def _passed_over(entry: _Entry, best: _Entry) -> str:
    """What it would have cost to use a boot server that cannot be used."""
    if entry.cost_ms is None:
        return "cannot be used, and nothing is known of the path"
    if entry.cost < best.cost:
        return f"nearer, but cannot be used: {_versus(entry, best)}"
    return f"cannot be used, and is not nearer: {_versus(entry, best)}"


def _versus(entry: _Entry, best: _Entry) -> str:
    return f"{_ms(entry.cost_ms)} per block against {_ms(best.cost_ms)} of {best.server.name}"


def _ms(value: float | None) -> str:
    return "an unknown time" if value is None else f"{value:.3g} ms" if value < 1 else f"{value:.1f} ms"


def _pool_reasons(best: _Entry) -> tuple[Reason, ...]:
    """What is unusual about the pool that had to be chosen from: the same words for each place."""
    found = {
        Standing.DOWN: ("none-healthy",),
        Standing.DRAINING: ("only-draining",),
        Standing.DRAINING_DOWN: ("only-draining", "none-healthy"),
    }
    return tuple(Reason(code, _POOL_TEXTS[code]) for code in found.get(best.standing, ()))


def _choice_reason(best: _Entry, pool: list[_Entry], nearest: _Entry, policy: Policy) -> Reason:
    name = best.server.name
    data = {"cost_ms": best.cost_ms, "rung": best.estimate.rung, "candidates": len(pool)}
    equal = [entry for entry in pool if entry.cost <= _limit(nearest, policy)]
    data["equal"] = len(equal)
    if len(pool) == 1:
        return Reason("only-one", f"{name} is the only one that can be used, at {_ms(best.cost_ms)} per block", data)
    if best.cost_ms is None:
        text = f"nothing is known of any path (no measurement, no coordinates): {name} by the spread of locations"
        return Reason("nothing-known", text, data)
    if len(equal) > 1:
        text = f"{name}, at {_ms(best.cost_ms)} per block, by the spread of locations over {len(equal)} equally near"
        return Reason("nearest-spread", text, data)
    return Reason("nearest", f"{name} is the nearest, at {_ms(best.cost_ms)} per block", data)
