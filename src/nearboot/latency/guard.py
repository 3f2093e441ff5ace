"""What a latency map may not say: values outside all reason, and round trips faster than light.

A pair that breaks a rule is refused and reported, the rest of the map stands. Where one location explains most of the
impossible pairs, its coordinate is the likelier error, and is named.

    guarded = check(latency_map, inventory.locations, now=now)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from nearboot.latency.place import Places
from nearboot.latency.rows import MAX_AHEAD, loss_problem, rtt_problem
from nearboot.model import LatencyMap, LatencySample, Location, Quarantine, Reason, Slug

VACUUM_MS_PER_KM = 2 / 299.792458  # a round trip at the speed of light
FIBRE_MS_PER_KM = 0.01  # two thirds of it: glass
# One violation has two ends that explain it equally well; two pairs may meet in a place by chance.
MIN_VIOLATIONS_TO_BLAME = 3


@dataclass(frozen=True, slots=True)
class Guarded:
    """A map without its impossible pairs. ``distrusted``: locations whose coordinate must not be used for estimates."""

    map: LatencyMap
    quarantined: tuple[Quarantine, ...] = ()
    findings: tuple[Reason, ...] = ()
    distrusted: frozenset[Slug] = frozenset()


@dataclass(frozen=True, slots=True)
class _Violation:
    sample: LatencySample
    lowest_ms: float
    bound_ms: float
    km: float


def check(latency_map: LatencyMap, locations: Iterable[Location], *, now: datetime) -> Guarded:
    """Refuse impossible samples; name a location whose coordinate looks wrong; warn of what is only unlikely."""
    places = Places.of(locations)
    quarantined: list[Quarantine] = []
    kept: list[LatencySample] = []
    violations: list[_Violation] = []
    faster_than_fibre = 0
    for sample in latency_map.samples:
        if problem := value_problem(sample, now):
            quarantined.append(_quarantine(latency_map, sample, problem))
            continue
        violation = _physics(sample, places, VACUUM_MS_PER_KM)
        if violation:
            violations.append(violation)
            continue
        faster_than_fibre += _physics(sample, places, FIBRE_MS_PER_KM) is not None
        kept.append(sample)
    blamed = _blamed(violations)
    quarantined += [_quarantine(latency_map, v.sample, _faster_than_light(v)) for v in violations]
    findings = _coordinate_finding(blamed, violations, places) + _fibre_finding(faster_than_fibre)
    distrusted = frozenset((blamed,)) if blamed else frozenset[Slug]()
    return Guarded(replace(latency_map, samples=tuple(kept)), tuple(quarantined), findings, distrusted)


def value_problem(sample: LatencySample, now: datetime) -> str:
    """Why the sample's values cannot be used, whoever published them; "" if they can."""
    problems = [rtt_problem(sample.rtt_ms)] if sample.rtt_ms is not None else []
    problems += [rtt_problem(sample.min_ms, "min")] if sample.min_ms is not None else []
    problems += [loss_problem(sample.loss)]
    if sample.rtt_ms is None and sample.loss != 1.0:
        problems.append(f"no round trip, but a loss of {sample.loss:g}")
    if sample.count < 0:
        problems.append(f"count {sample.count} is below 0")
    if sample.measured_at and sample.measured_at - now > MAX_AHEAD:
        problems.append(f"measured in the future, at {sample.measured_at:%Y-%m-%d %H:%M:%S} UTC")
    return "; ".join(problem for problem in problems if problem)


def _physics(sample: LatencySample, places: Places, ms_per_km: float) -> _Violation | None:
    """A violation if the fastest reply beat the bound; a pair without two coordinates cannot be judged."""
    values = [value for value in (sample.min_ms, sample.rtt_ms) if value is not None]
    km = places.distance_km(sample.src, sample.dst) if values else None
    if km is None or min(values) >= km * ms_per_km:
        return None
    return _Violation(sample, min(values), km * ms_per_km, km)


def _faster_than_light(violation: _Violation) -> str:
    return (
        f"{violation.lowest_ms:.4g} ms over {violation.km:.0f} km is faster than light, "
        f"which needs {violation.bound_ms:.4g} ms"
    )


def _blamed(violations: list[_Violation]) -> Slug | None:
    """The one location that is an end of more than half of the impossible pairs (both directions are one pair)."""
    pairs = {frozenset((violation.sample.src, violation.sample.dst)) for violation in violations}
    if len(pairs) < MIN_VIOLATIONS_TO_BLAME:
        return None
    (worst, count), (_, rival) = Counter(end for pair in pairs for end in pair).most_common(2)
    return worst if count * 2 > len(pairs) and count > rival else None


def _coordinate_finding(blamed: Slug | None, violations: list[_Violation], places: Places) -> tuple[Reason, ...]:
    if blamed is None:
        return ()
    at = places.coordinates(blamed) or (0.0, 0.0)
    touching = sum(blamed in (v.sample.src, v.sample.dst) for v in violations)
    text = (
        f"the coordinate of {blamed} ({at[0]:.4f}, {at[1]:.4f}) looks wrong: it is an end of {touching} of the "
        f"{len(violations)} pairs that are faster than light; correct it in the inventory and load the map again"
    )
    return (Reason("coordinate-looks-wrong", text, {"location": blamed, "pairs": touching, "all": len(violations)}),)


def _fibre_finding(count: int) -> tuple[Reason, ...]:
    if not count:
        return ()
    text = f"{count} pairs are faster than fibre along the great circle (10 µs/km): kept, but doubtful"
    return (Reason("faster-than-fibre", text, {"pairs": count}),)


def _quarantine(latency_map: LatencyMap, sample: LatencySample, reason: str) -> Quarantine:
    return Quarantine(latency_map.source, 0, f"{sample.src} → {sample.dst}", reason)
