"""Successive maps of one source made into one value for each pair, with the noise that selection's margin scales by.

R <- R + a (x - R), a = 1 - exp(-dt / 60 s), over the last maps: a pinger's rounds of a minute are smoothed, and of maps
that come by the hour the last one counts. A round of few probes is no median of its own: it counts as the median of the
last three. Loss is smoothed over 300 s, as a round of 20 probes tells no less than 5 %. A round in which no reply came
changes the loss alone. Only rounds of probes are smoothed, which say when they were and of how many probes: what a
person writes down and corrects counts at once, without what was there before.

What is not here: the other rungs of the ladder (estimate), and which maps may be used (guard).

    for measured in smoothed(maps): measured.sample.rtt_ms, measured.noise_ms
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from math import exp
from statistics import median

from nearboot.model import LatencyMap, LatencySample, Slug

RTT_TAU_S = 60.0
LOSS_TAU_S = 300.0
ENOUGH_PROBES = 10  # their median needs no filter
LEAST_ROUNDS = 3  # before their spread says anything of the noise
LEAST_NOISE_MS = 0.01  # what a clock in user space can tell; 0 would say that the noise is not known

Key = tuple[Slug, Slug, int | None]
Newness = tuple[datetime, float, float]
Order = tuple[datetime, datetime, int, Newness]


@dataclass(frozen=True, slots=True)
class Measured:
    """A sample with the time that it counts from, the publisher of its map and the noise of its rounds (0: unknown)."""

    sample: LatencySample
    at: datetime
    source: str
    noise_ms: float = 0.0


def smoothed(maps: Iterable[LatencyMap]) -> Iterator[Measured]:
    """Each pair of a source's maps once; the order of the maps and of their samples never matters."""
    rounds: dict[Key, list[tuple[Order, Measured]]] = {}
    for latency_map in maps:
        for sample in latency_map.samples:
            found = Measured(sample, sample.measured_at or latency_map.published_at, latency_map.source)
            order = (found.at, latency_map.published_at, latency_map.epoch, newness(found))
            rounds.setdefault((sample.src, sample.dst, sample.family), []).append((order, found))
    for each in rounds.values():
        yield each[0][1] if len(each) == 1 else _joined([found for _, found in sorted(each, key=lambda pair: pair[0])])


def newness(measured: Measured) -> Newness:
    """A total order, so that the order of maps and samples never matters."""
    return measured.at, -(measured.sample.rtt_ms or 0.0), -measured.sample.loss


def _joined(rounds: Sequence[Measured]) -> Measured:
    rounds = rounds[max((n for n, each in enumerate(rounds) if not _is_round(each)), default=0) :]
    last = rounds[-1]
    answered = [each for each in rounds if each.sample.rtt_ms is not None]
    values = _filtered(answered)
    rtt_ms = _average(values, [each.at for each in answered], RTT_TAU_S) if values else None
    loss = _average([each.sample.loss for each in rounds], [each.at for each in rounds], LOSS_TAU_S)
    return replace(last, sample=replace(last.sample, rtt_ms=rtt_ms, loss=loss), noise_ms=_noise(values))


def _is_round(measured: Measured) -> bool:
    return measured.sample.measured_at is not None and measured.sample.count > 0


def _filtered(rounds: Sequence[Measured]) -> list[float]:
    values = [each.sample.rtt_ms or 0.0 for each in rounds]
    return [
        median(values[max(0, n - 2) : n + 1]) if each.sample.count < ENOUGH_PROBES else values[n]
        for n, each in enumerate(rounds)
    ]


def _average(values: Sequence[float], times: Sequence[datetime], tau_s: float) -> float:
    """The moving average at the last time; of two values of one moment the later corrects the first."""
    found = values[0]
    for value, (before, at) in zip(values[1:], pairwise(times), strict=True):
        gap_s = (at - before).total_seconds()
        found += (value - found) * (1 - exp(-gap_s / tau_s) if gap_s > 0 else 1.0)
    return found


def _noise(values: Sequence[float]) -> float:
    """How far a round's value lies from the last one's, in the median."""
    if len(values) < LEAST_ROUNDS:
        return 0.0
    return max(LEAST_NOISE_MS, median(abs(after - before) for before, after in pairwise(values)))
