"""What a latency map may not say: values outside all reason, faster than light, or what all others deny.

A pair that breaks a rule is refused and reported, the rest of the map stands. Where one location is what impossible
pairs have in common, its coordinate is the likelier error (the other town of that name was looked up), and is named.

    guarded = check(latency_map, inventory.locations, now=now)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import asin, cos, dist, radians, sin
from statistics import median

from nearboot.latency import guard_reporter
from nearboot.latency.place import EARTH_RADIUS_KM, Places
from nearboot.latency.rows import MAX_AHEAD, MAX_RTT_MS, counted, loss_problem, rtt_problem
from nearboot.model import LatencyMap, LatencySample, Location, Quarantine, Reason, Slug

VACUUM_MS_PER_KM = 2 / 299.792458  # a round trip at the speed of light
FIBRE_MS_PER_KM = 0.01  # two thirds of it: glass
# One pair has two ends that explain it equally well, and two pairs may meet in a place by chance.
MIN_PAIRS_TO_BLAME = 3
# One wrong coordinate among three sites makes two of three pairs impossible; nearly all of them, a wrong unit.
UNIT_SHARE = 0.9


Rows = Mapping[tuple[Slug, Slug], tuple[str, int]]
"""File and line that pairs were read from."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A map without its impossible pairs. ``distrusted``: locations whose coordinate must not be used for estimates.

    ``refused`` says why no sample of the map may be used ("" where the rest stands); then ``map`` has none.
    """

    map: LatencyMap
    quarantined: tuple[Quarantine, ...] = ()
    findings: tuple[Reason, ...] = ()
    distrusted: frozenset[Slug] = frozenset()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class _Violation:
    sample: LatencySample
    lowest_ms: float
    bound_ms: float
    km: float


def check(
    latency_map: LatencyMap, locations: Iterable[Location], *, now: datetime, rows: Rows | None = None
) -> Guarded:
    """Refuse impossible samples; name a location whose coordinate looks wrong; warn of what is only unlikely.

    What is refused is named by its row in ``rows``, else by the map's source.
    """
    rows = rows or {}
    places = Places.of(locations)
    distance = _distances(places)
    quarantined: list[Quarantine] = []
    kept: list[LatencySample] = []
    violations: list[_Violation] = []
    faster_than_fibre = 0
    for sample in latency_map.samples:
        if problem := value_problem(sample, now):
            quarantined.append(_quarantine(latency_map, sample, problem, rows))
            continue
        lowest, km = _lowest(sample), distance(sample.src, sample.dst)
        if lowest is not None and km is not None and lowest < km * VACUUM_MS_PER_KM:
            violations.append(_Violation(sample, lowest, km * VACUUM_MS_PER_KM, km))
            continue
        faster_than_fibre += lowest is not None and km is not None and lowest < km * FIBRE_MS_PER_KM
        kept.append(sample)
    quarantined += [_quarantine(latency_map, v.sample, _faster_than_light(v), rows) for v in violations]
    if refused := _unit_problem(violations, kept, places):
        none = replace(latency_map, samples=())
        return Guarded(none, tuple(quarantined), (Reason("unit-looks-wrong", refused),), refused=refused)
    blamed = _blamed(violations)
    findings = [_coordinate_finding(location, pairs, places) for location, pairs in blamed.items()]
    findings += _fibre_finding(faster_than_fibre)
    heard = guard_reporter.outliers(replace(latency_map, samples=tuple(kept)))
    even = guard_reporter.asymmetry(heard.map, places)
    quarantined += [_quarantine(latency_map, sample, why, rows) for sample, why in heard.refused + even.refused]
    findings += heard.reasons + even.reasons
    return Guarded(even.map, tuple(quarantined), tuple(findings), frozenset(blamed))


def value_problem(sample: LatencySample, now: datetime) -> str:
    """Why the sample's values cannot be used, whoever published them; "" if they can."""
    if _is_sound(sample, now):
        return ""
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


def _is_sound(sample: LatencySample, now: datetime) -> bool:
    """The same in a word, which is all that most samples need."""
    rtt, low = sample.rtt_ms, sample.min_ms
    return (
        rtt is not None
        and 0 < rtt <= MAX_RTT_MS
        and (low is None or 0 < low <= MAX_RTT_MS)
        and 0 <= sample.loss <= 1
        and sample.count >= 0
        and (sample.measured_at is None or sample.measured_at - now <= MAX_AHEAD)
    )


def _lowest(sample: LatencySample) -> float | None:
    """The fastest reply; None where there was none."""
    if sample.min_ms is None or sample.rtt_ms is None:
        return sample.rtt_ms if sample.min_ms is None else sample.min_ms
    return min(sample.min_ms, sample.rtt_ms)


def _distances(places: Places) -> Callable[[Slug, Slug], float | None]:
    """The distance between two places, by unit vectors that are made once: maps have many more pairs than places."""
    vectors: dict[Slug, tuple[float, float, float] | None] = {}

    def vector(slug: Slug) -> tuple[float, float, float] | None:
        if slug not in vectors:
            at = places.coordinates(slug)
            vectors[slug] = _unit_vector(*at) if at else None
        return vectors[slug]

    def distance(a: Slug, b: Slug) -> float | None:
        start, end = vector(a), vector(b)
        return 2 * EARTH_RADIUS_KM * asin(min(1.0, dist(start, end) / 2)) if start and end else None

    return distance


def _unit_vector(latitude: float, longitude: float) -> tuple[float, float, float]:
    """A place on the unit sphere, from degrees."""
    up, round_ = radians(latitude), radians(longitude)
    return cos(up) * cos(round_), cos(up) * sin(round_), sin(up)


def _faster_than_light(violation: _Violation) -> str:
    return (
        f"{violation.lowest_ms:.4g} ms over {violation.km:.0f} km is faster than light, "
        f"which needs {violation.bound_ms:.4g} ms"
    )


def _unit_problem(violations: list[_Violation], kept: list[LatencySample], places: Places) -> str:
    """Why the whole map must be in another unit than it was read in; "" if it need not be."""
    apart = sum(bool(places.distance_km(sample.src, sample.dst)) for sample in kept)
    judged = apart + len(violations)
    if len(violations) < MIN_PAIRS_TO_BLAME or len(violations) <= UNIT_SHARE * judged:
        return ""
    ratio = median(violation.bound_ms / violation.lowest_ms for violation in violations)
    return (
        f"{len(violations)} of {judged} samples between places with coordinates are faster than light, by a factor of "
        f"{ratio:.3g} in the median: is the unit right? (seconds read as ms are 1000 times too fast)"
    )


def _blamed(violations: list[_Violation]) -> dict[Slug, int]:
    """The few locations that explain the impossible pairs, the worst first, and how many pairs each explains.

    Greedy: the location with the most pairs takes them, then the next. Both directions of a pair count once.
    """
    pairs = {frozenset((violation.sample.src, violation.sample.dst)) for violation in violations}
    blamed: dict[Slug, int] = {}
    while pairs:
        ends = Counter(end for pair in pairs for end in pair)
        worst, count = min(ends.items(), key=lambda item: (-item[1], item[0]))
        if count < MIN_PAIRS_TO_BLAME:
            break
        blamed[worst] = count
        pairs = {pair for pair in pairs if worst not in pair}
    return blamed


def _coordinate_finding(location: Slug, pairs: int, places: Places) -> Reason:
    latitude, longitude = places.coordinates(location) or (0.0, 0.0)
    text = (
        f"the coordinate of {location} ({latitude:.4f}, {longitude:.4f}) looks wrong: {pairs} of its pairs are faster "
        "than light; they are refused until it is corrected in the inventory"
    )
    return Reason(
        "coordinate-looks-wrong",
        text,
        {"location": location, "pairs": pairs, "latitude": latitude, "longitude": longitude},
    )


def _fibre_finding(count: int) -> list[Reason]:
    if not count:
        return []
    verb = "is" if count == 1 else "are"
    text = f"{counted(count, 'sample')} {verb} faster than fibre along the great circle (10 µs/km): kept, but doubtful"
    return [Reason("faster-than-fibre", text, {"samples": count})]


def _quarantine(latency_map: LatencyMap, sample: LatencySample, reason: str, rows: Rows) -> Quarantine:
    file, line = rows.get((sample.src, sample.dst), (latency_map.source, 0))
    return Quarantine(file, line, f"{sample.src} → {sample.dst}", reason)
