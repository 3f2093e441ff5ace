"""A boot server as one location sees it, and the order of several. Pure.

order(entries, policy)      # pool by pool; in a pool by bands of equal cost, the nearest first; in a band by score
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from nearboot.model import BootServer, Estimate, Reason
from nearboot.routing.hysteresis import Seen
from nearboot.routing.policy import Policy
from nearboot.routing.standing import Standing


@dataclass(frozen=True, slots=True)
class Entry:
    """A boot server as one location sees it. ``cost_ms`` None: nothing is known of the path."""

    server: BootServer
    standing: Standing
    reasons: tuple[Reason, ...]
    estimate: Estimate
    cost_ms: float | None
    score: float
    fresh: bool = False  # it could not be used by this location when it was decided last
    turn_s: float = 0.0  # how long it still has to wait for this location after it came back

    @property
    def cost(self) -> float:
        """The cost for comparison: the unknown comes last."""
        return inf if self.cost_ms is None else self.cost_ms

    @property
    def seen(self) -> Seen:
        """What hysteresis goes by."""
        return Seen(self.cost, self.estimate.noise_ms, self.fresh)


def order(entries: Iterable[Entry], policy: Policy) -> list[Entry]:
    """Pool by pool; in a pool by bands of equal cost, the nearest first; in a band by score."""
    ordered: list[Entry] = []
    every = list(entries)
    for pool in Standing:
        rest = sorted((entry for entry in every if entry.standing is pool), key=lambda entry: entry.cost)
        start = 0
        while start < len(rest):
            end = bisect_right(rest, limit(rest[start], policy), key=lambda entry: entry.cost)
            ordered += sorted(rest[start:end], key=lambda entry: (-entry.score, entry.cost, entry.server.name))
            start = end
    return ordered


def limit(nearest: Entry, policy: Policy) -> float:
    """The cost up to which another one is equal to the nearest; all of which nothing is known are equal."""
    return inf if nearest.cost_ms is None else nearest.cost_ms + policy.band(nearest.cost_ms)
