"""What a round of probes says: a line for each target, a pair for each place, and the edge list that publishes it.

A target that answers nothing while another at its place answers is a host that is down, not a bad path: it has its line
and stays out of the pair (UdpPinger's dead targets). A pinger that hears of nobody suspects its own network.

    lines = [summary(target, tally) for target, tally in round.tallies.items()]
    edge_list("ams", pairs(lines), measured_at)
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import ceil
from statistics import fmean, median

from nearboot.probe.ping_round import Tally, Target

COLUMNS = ("src", "dst", "rtt_ms", "min_ms", "p95_ms", "jitter_ms", "loss", "count", "timestamp", "family")
"""Of the edge list; the units are in the names, the time is ISO 8601, the loss a share."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One target's round. Times are None where nothing came back; jitter needs two replies."""

    target: Target
    sent: int
    received: int
    rtt_ms: float | None = None  # the median
    min_ms: float | None = None
    p95_ms: float | None = None
    jitter_ms: float | None = None  # mean difference of a round trip from the one before (RFC 5481's PDV is another)
    unsent: int = 0  # probes that the kernel had no way for
    unusable: int = 0  # replies that cannot be true
    problem: str = ""  # why the kernel had no way

    @property
    def loss(self) -> float:
        """The share of probes without a reply."""
        return 1 - self.received / self.sent if self.sent else 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """All targets of a place, of one address family, together."""

    location: str
    family: int
    summary: Summary


def summary(target: Target, tally: Tally) -> Summary:
    """A tally in numbers."""
    rtts = [each / 1e6 for each in tally.rtts_ns]
    if not rtts:
        return Summary(target, tally.sent, 0, unsent=tally.unsent, unusable=tally.unusable, problem=tally.problem)
    steps = [abs(after - before) for before, after in pairwise(rtts)]
    ordered = sorted(rtts)
    return Summary(
        target,
        tally.sent,
        len(rtts),
        rtt_ms=median(ordered),
        min_ms=ordered[0],
        p95_ms=ordered[ceil(0.95 * len(ordered)) - 1],  # the nearest rank: a round trip that was measured
        jitter_ms=fmean(steps) if steps else None,
        unsent=tally.unsent,
        unusable=tally.unusable,
        problem=tally.problem,
    )


def pairs(tallies: Sequence[tuple[Target, Tally]]) -> list[Pair]:
    """One pair for each place and family that probes went to, in order of their names."""
    groups: dict[tuple[str, int], list[tuple[Target, Tally]]] = {}
    for target, tally in tallies:
        if tally.sent:
            groups.setdefault((target.location, target.family), []).append((target, tally))
    return [Pair(*key, _together(group)) for key, group in sorted(groups.items())]


def is_alone(found: Sequence[Pair]) -> bool:
    """Whether the pinger hears of nobody: its own network is to blame, rather than all the others at once."""
    return len(found) > 1 and not any(pair.summary.received for pair in found)


def heard(found: Sequence[Pair]) -> list[Pair]:
    """The pairs to publish: those of a family in which nobody answers are left out where there are several.

    A machine without IPv6 would call all places unreachable else.
    """
    families = {pair.family for pair in found}
    silent = {family for family in families if is_alone([pair for pair in found if pair.family == family])}
    return [pair for pair in found if pair.family not in silent]


def edge_list(src: str, found: Sequence[Pair], measured_at: datetime) -> str:
    """The pairs as the edge list that ``nearboot latency load`` reads; a place's way to itself is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for pair in (each for each in found if each.location != src):
        item = pair.summary
        times = (item.rtt_ms, item.min_ms, item.p95_ms, item.jitter_ms)
        cells = ["" if value is None else f"{value:.4f}" for value in times]
        stamp = measured_at.isoformat(timespec="seconds")
        writer.writerow([src, pair.location, *cells, f"{item.loss:.4f}", item.sent, stamp, pair.family])
    return text.getvalue()


def _together(group: Sequence[tuple[Target, Tally]]) -> Summary:
    alive = [(target, tally) for target, tally in group if tally.rtts_ns] or list(group)
    merged = Tally()
    for _, tally in alive:
        merged.sent += tally.sent
        merged.rtts_ns += tally.rtts_ns
        merged.unsent += tally.unsent
        merged.unusable += tally.unusable
    return summary(alive[0][0], merged)
