"""What one process has counted, and the sum over processes; no metrics library and no sockets in here.

Counts only rise, also when a worker dies: what it last told stays in the sum. Gauges are of the living alone.

    durations = Durations(); durations.observe(0.2)
    measures = Measures({"completed": 1}, {"active": 0}, durations.buckets, durations.sum_s)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nearboot.boot.freshness import Came

BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Upper bounds of the buckets: a configuration file at the next rack, an initrd across an ocean."""
BUCKETS = len(BOUNDS_S) + 1
OUTCOMES = (
    "completed",
    "aborted_by_client",
    "timed_out",
    "failed",
    "not_found",
    "refused",
    "malformed",
    "over_sessions",
    "over_client",
    "over_requests",
    "over_unacked",
    "refused_port",
    "not_allowed",
    "unknown_client",
)
"""How a request ends; from ``over_sessions`` on it gets no answer."""
CAME = tuple(came.value for came in Came)
SILENT = 64
"""Processes that are remembered one by one after their last word."""


class Durations:
    """A histogram of seconds; written by one thread, read by any."""

    def __init__(self) -> None:
        self._counts = [0] * BUCKETS
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    @property
    def buckets(self) -> tuple[int, ...]:
        """How many fell into each bucket, those past the last bound at the end; not cumulative."""
        return tuple(self._counts)


class FromCache:
    """Reads of files of origins and their bytes, by how they came from the disk cache; written by one thread."""

    def __init__(self) -> None:
        self._counts = {key: 0 for came in CAME for key in (cache_reads(came), cache_bytes(came))}

    def note(self, came: str | None, size: int) -> None:
        """``came``: None where it was no file of an origin."""
        if came in CAME:
            self._counts[cache_reads(came)] += 1
            self._counts[cache_bytes(came)] += size

    @property
    def counts(self) -> dict[str, int]:
        return dict(self._counts)


def cache_reads(came: str) -> str:
    """What such reads are called in the measures."""
    return f"cache_reads_{came}"


def cache_bytes(came: str) -> str:
    """What their bytes are called in the measures."""
    return f"cache_bytes_{came}"


@dataclass(frozen=True, slots=True)
class Measures:
    """What a process has counted since its start, and what is so now. ``buckets`` and ``sum_s``: its durations."""

    counts: Mapping[str, int] = field(default_factory=dict)
    gauges: Mapping[str, int] = field(default_factory=dict)
    buckets: tuple[int, ...] = (0,) * BUCKETS
    sum_s: float = 0.0

    def __add__(self, other: Measures) -> Measures:
        return Measures(
            _added(self.counts, other.counts),
            _added(self.gauges, other.gauges),
            tuple(a + b for a, b in zip(self.buckets, other.buckets, strict=True)),
            self.sum_s + other.sum_s,
        )


class Sum:
    """The sum over processes that come and go."""

    def __init__(self) -> None:
        self._last: dict[str, Measures] = {}
        self._ended = Measures()

    def total(self, seen: Mapping[str, Measures]) -> Measures:
        """``seen``: what the living tell, by a name that no second process ever has.

        One that tells nothing keeps its name for a while: it may only be slow, and is not to count twice.
        """
        silent = {name: replace(last, gauges={}) for name, last in self._last.items() if name not in seen}
        while len(silent) > SILENT:
            self._ended += silent.pop(next(iter(silent)))
        self._last = silent | dict(seen)
        return sum(self._last.values(), self._ended)


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in [*one, *(key for key in other if key not in one)]}
