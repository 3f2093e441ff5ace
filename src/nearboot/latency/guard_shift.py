"""Has the whole map moved? All round trips at once a thousand times longer or half as long are a unit, not a network.

A map is compared with the last good one of its source; the first one with the distances between its places. What is a
unit by its size is refused, never rescaled; what is none, but more than networks do at once, is held.

    alarms = shift(new, last) if last else against_distance(new, Places.of(locations))
"""

from __future__ import annotations

from math import log10
from statistics import median

from nearboot.latency.alarm import Action, Alarm
from nearboot.latency.place import Places
from nearboot.model import LatencyMap, LatencySample, Reason, Slug

MIN_PAIRS = 3  # of fewer, a median says nothing
CALM = 0.15  # decades, either way: a factor of 1.41 in the median of all pairs
HALF = log10(2)
HALF_WIDTH = 0.10  # decades: 1.6 to 2.5 times
THOUSAND = 3.0
# Round trips in ms for each 100 km of the great circle: the median of 57,807 measured city pairs is 2.07, half round
# trips would have 1.03; glass allows 1.00.
LOWEST_PER_100_KM = 1.2
HIGHEST_PER_100_KM = 6.0
LOCATION_MOVED = 0.2  # decades: 1.6 times
FAR_KM = 100.0  # nearer than this, equipment and detours tell more than distance

Key = tuple[Slug, Slug, int | None]
Numbers = dict[str, str | int | float | bool | None]


def shift(new: LatencyMap, last: LatencyMap) -> tuple[Alarm, ...]:
    """What the median ratio to the last map of the same pairs says of the unit."""
    before = {_key(sample): sample.rtt_ms for sample in last.samples if sample.rtt_ms}
    ratios = [s.rtt_ms / before[_key(s)] for s in new.samples if s.rtt_ms and _key(s) in before]
    if len(ratios) < MIN_PAIRS:
        return ()
    ratio = median(ratios)
    decades = log10(ratio)
    if abs(decades) <= CALM:
        return ()
    data: Numbers = {"ratio": round(ratio, 6), "pairs": len(ratios), "last_epoch": last.epoch, "source": new.source}
    text = (
        f"{len(ratios)} pairs have {ratio:.3g} times the round trip of the last map (epoch {last.epoch}) in the median"
    )
    if hint := _unit_hint(decades):
        remedy = (
            "the unit of the last map (if the last one was wrong: "
            f"nearboot latency remove {new.source}, and load again)"
        )
        return (Alarm(Action.REFUSE, Reason("unit-shift", f"{text}: {hint}", data), remedy),)
    return (Alarm(Action.HOLD, Reason("shift", f"{text}: networks do not do that at once", data)),)


def against_distance(new: LatencyMap, places: Places) -> tuple[Alarm, ...]:
    """The same for a map without a last one: are its round trips those of glass along such distances?"""
    found = [s.rtt_ms / (km / 100) for s in new.samples if s.rtt_ms and (km := _far(s, places))]
    if len(found) < MIN_PAIRS:
        return ()
    each = median(found)
    if LOWEST_PER_100_KM <= each <= HIGHEST_PER_100_KM:
        return ()
    data: Numbers = {"ms_per_100_km": round(each, 4), "pairs": len(found), "source": new.source}
    hint = _unit_hint(log10(each / 2.07)) or "is the unit right?"
    text = (
        f"{len(found)} pairs have {each:.3g} ms for each 100 km in the median; real networks have "
        f"{LOWEST_PER_100_KM:g} to {HIGHEST_PER_100_KM:g}: {hint}"
    )
    return (Alarm(Action.HOLD, Reason("unit-against-distance", text, data)),)


def nearer(new: LatencyMap, last: LatencyMap) -> tuple[Alarm, ...]:
    """Hold a map in which all paths of a location, and of it alone, are much shorter than in the last one.

    That is how a boot server would draw the clients of others to it; a new line does the same, and a person knows.
    What has got farther is said, and used: nobody gains by that.
    """
    before = {_key(sample): sample.rtt_ms for sample in last.samples if sample.rtt_ms}
    logs: dict[Slug, list[float]] = {}
    for sample in new.samples:
        if sample.rtt_ms and (old := before.get(_key(sample))):
            for end in (sample.src, sample.dst):
                logs.setdefault(end, []).append(log10(sample.rtt_ms / old))
    medians = {end: median(found) for end, found in logs.items() if len(found) >= MIN_PAIRS}
    if len(medians) <= MIN_PAIRS or abs(median(medians.values())) > CALM:
        return ()  # too few to compare, or the whole map moved
    odd = sorted((value, end) for end, value in medians.items() if abs(value) > LOCATION_MOVED)
    return tuple(_moved(end, value, len(logs[end]), last) for value, end in odd)


def _moved(location: Slug, decades: float, pairs: int, last: LatencyMap) -> Alarm:
    times = 10**decades
    data: Numbers = {"location": location, "times": round(times, 4), "pairs": pairs, "last_epoch": last.epoch}
    text = f"the {pairs} pairs of {location} have {times:.3g} times the last map's round trips in the median"
    if decades > 0:
        return Alarm(Action.NOTE, Reason("location-farther", f"{text}: used", data))
    return Alarm(Action.HOLD, Reason("location-nearer", f"{text}, the others have not: a new line, or a lie?", data))


def _unit_hint(decades: float) -> str:
    """Which mistake a factor looks like; "" where it looks like none."""
    for power in (1, 2):
        if abs(abs(decades) - power * THOUSAND) <= CALM:
            short, long = "seconds read as milliseconds, or milliseconds as microseconds?", "the reverse?"
            return short if decades < 0 else f"microseconds read as milliseconds, or {long}"
    if abs(abs(decades) - HALF) <= HALF_WIDTH:
        return "half round trips (one way)?" if decades < 0 else "round trips where the last had one way, or sums?"
    return ""


def _far(sample: LatencySample, places: Places) -> float | None:
    km = places.distance_km(sample.src, sample.dst)
    return km if km is not None and km > FAR_KM else None


def _key(sample: LatencySample) -> Key:
    return sample.src, sample.dst, sample.family
