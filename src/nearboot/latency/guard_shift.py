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
from nearboot.model import LatencyMap, LatencySample, Reason

MIN_PAIRS = 3  # of fewer, a median says nothing
CALM = 0.15  # decades, either way: a factor of 1.41 in the median of all pairs
HALF = log10(2)
HALF_WIDTH = 0.10  # decades: 1.6 to 2.5 times
THOUSAND = 3.0
# Round trips in ms for each 100 km of the great circle: the median of 57,807 measured city pairs is 2.07, half round
# trips would have 1.03; glass allows 1.00.
LOWEST_PER_100_KM = 1.2
HIGHEST_PER_100_KM = 6.0
FAR_KM = 100.0  # nearer than this, equipment and detours tell more than distance

Key = tuple[str, str, int | None]
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
