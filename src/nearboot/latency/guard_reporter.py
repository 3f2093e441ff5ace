"""Who disagrees: a round trip is the same from both ends, so two reports of one path must agree.

A reporter whose reports differ from what all others report of the same paths is alone with its truth: its reports are
left out, those of the others stand. Of a single pair whose directions differ by more than two, the doubtful direction
is left out, and the ladder answers with the other one.

Of 28,664 city pairs measured from both ends, 231 differ by more than two; in 224 of them the shorter direction was the
one nearer to what distance and the two places' other pairs let expect. The shorter one is thus believed, unless it is
faster than glass: then it is too good to be true.

    kept, found, reasons = outliers(latency_map)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import exp, log
from statistics import median

from nearboot.latency.place import Places
from nearboot.latency.rows import counted
from nearboot.model import LatencyMap, LatencySample, Reason, Slug

ASYMMETRY = 2.0  # directions of a pair that differ by more than this factor
FIBRE_MS_PER_KM = 0.01
MIN_PARTNERS = 3  # of two who disagree nobody can tell who is wrong
MADS = 5.0  # median absolute deviations among all reporters
WORTH_A_NOTE = log(1.25)
ALONE = log(1.6)  # half round trips (a factor of two) are past this
LEAP = log(4.0)  # against a reporter's own last map, where nobody measures back
MAX_NAMED = 5

Key = tuple[Slug, Slug, int | None]
Numbers = dict[str, str | int | float | bool | None]
Report = tuple[LatencySample, str]
"""A sample that is left out, and why."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A map without the reports that are not believed."""

    map: LatencyMap
    refused: tuple[Report, ...] = ()
    reasons: tuple[Reason, ...] = ()


def outliers(latency_map: LatencyMap, others: Iterable[LatencySample] = ()) -> Heard:
    """Leave out the reports of who disagrees with what all others report of the same paths; note who nearly does.

    ``others``: what the maps of other sources say, as where each place publishes a map of its own.
    """
    rtts = _rtts(others) | _rtts(latency_map.samples)
    deviations = _deviations(rtts, lambda key: rtts.get((key[1], key[0], key[2])))
    reporters = {sample.src for sample in latency_map.samples}
    odd = {src: value for src, value in _odd(deviations, WORTH_A_NOTE).items() if src in reporters}
    return _without(latency_map, odd, deviations, "what the others report of the same paths", ALONE)


def leaps(new: LatencyMap, last: LatencyMap) -> Heard:
    """Leave out a reporter that alone left its own last map behind by more than four times, and whom nobody measures
    back: what it says is believed when its next map says the same."""
    before, now = _rtts(last.samples), _rtts(new.samples)
    measured_back = {dst for _, dst, _ in now}
    deviations = _deviations(now, before.get)
    odd = {src: value for src, value in _odd(deviations, LEAP).items() if src not in measured_back}
    return _without(new, odd, deviations, f"its own last map (epoch {last.epoch})", LEAP)


def asymmetry(latency_map: LatencyMap, places: Places, others: Iterable[LatencySample] = ()) -> Heard:
    """Leave out the doubtful direction of each pair whose directions differ by more than two."""
    rtts = _rtts(others) | _rtts(latency_map.samples)
    refused: list[Report] = []
    kept: list[LatencySample] = []
    worst: tuple[float, Slug, Slug] | None = None
    for sample in latency_map.samples:
        back = rtts.get((sample.dst, sample.src, sample.family))
        ratio = max(sample.rtt_ms / back, back / sample.rtt_ms) if back and sample.rtt_ms else 1.0
        if ratio <= ASYMMETRY or not _doubtful(sample, back or 0.0, places):
            kept.append(sample)
            continue
        refused.append((sample, f"{sample.rtt_ms:.4g} ms one way and {back:.4g} ms the other: {ratio:.3g} times"))
        worst = max(worst or (ratio, sample.src, sample.dst), (ratio, sample.src, sample.dst))
    if worst is None:
        return Heard(latency_map)
    text = (
        f"{counted(len(refused), 'pair')} differ by more than {ASYMMETRY:g} times between directions, the worst "
        f"{worst[0]:.3g} times ({worst[1]} → {worst[2]}): the doubtful direction is left out"
    )
    data: Numbers = {"pairs": len(refused), "worst": round(worst[0], 2), "src": worst[1], "dst": worst[2]}
    return Heard(replace(latency_map, samples=tuple(kept)), tuple(refused), (Reason("asymmetry", text, data),))


def _doubtful(sample: LatencySample, back_ms: float, places: Places) -> bool:
    """Whether of the two directions this is the one that is left out."""
    assert sample.rtt_ms is not None
    km = places.distance_km(sample.src, sample.dst) or 0.0
    shorter = min(sample.rtt_ms, back_ms)
    too_good = shorter < km * FIBRE_MS_PER_KM
    return (sample.rtt_ms == shorter) if too_good else (sample.rtt_ms != shorter)


def _rtts(samples: Iterable[LatencySample]) -> dict[Key, float]:
    return {(s.src, s.dst, s.family): s.rtt_ms for s in samples if s.rtt_ms}


def _deviations(rtts: Mapping[Key, float], other: Callable[[Key], float | None]) -> dict[Slug, tuple[float, int]]:
    """For each reporter with enough partners the median logarithm of its reports over the others, and how many."""
    logs: dict[Slug, list[float]] = {}
    for key, rtt in rtts.items():
        if against := other(key):
            logs.setdefault(key[0], []).append(log(rtt / against))
    return {src: (median(found), len(found)) for src, found in logs.items() if len(found) >= MIN_PARTNERS}


def _odd(deviations: Mapping[Slug, tuple[float, int]], least: float) -> dict[Slug, float]:
    """The few that stand apart from all reporters, by a least deviation and by five median absolute deviations."""
    values = [value for value, _ in deviations.values()]
    if len(values) <= MIN_PARTNERS:
        return {}
    middle = median(values)
    limit = max(least, MADS * median(abs(value - middle) for value in values))
    return {src: value - middle for src, (value, _) in deviations.items() if abs(value - middle) > limit}


def _without(
    latency_map: LatencyMap,
    odd: Mapping[Slug, float],
    deviations: Mapping[Slug, tuple[float, int]],
    against: str,
    alone: float,
) -> Heard:
    reasons: list[Reason] = []
    refused: dict[Slug, str] = {}
    for src, value in sorted(odd.items(), key=lambda item: (-abs(item[1]), item[0])):
        left_out = abs(value) > alone
        times, pairs = exp(value), deviations[src][1]
        end = "its reports are left out" if left_out else "kept, but doubtful"
        text = f"the reports of {src} are {times:.3g} times {against} in the median of {pairs} pairs: {end}"
        data: Numbers = {"reporter": src, "times": round(times, 4), "pairs": pairs, "left_out": left_out}
        code = "outlier-reporter" if left_out else "doubtful-reporter"
        reasons.append(Reason(code, text, data))
        if left_out:
            refused[src] = f"{src} reports {times:.3g} times {against}"
    if not refused:
        return Heard(latency_map, (), tuple(reasons))
    kept = tuple(sample for sample in latency_map.samples if sample.src not in refused)
    gone = tuple((sample, refused[sample.src]) for sample in latency_map.samples if sample.src in refused)
    return Heard(replace(latency_map, samples=kept), gone, tuple(reasons))
