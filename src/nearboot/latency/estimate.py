"""What is believed of a path: the ladder from a measurement down to "nothing is known", with the rung that answered.

| rung | answers with | penalty |
|---|---|---|
| measured | the pair's own sample, of the family asked for or of none in particular | 0 |
| other-family | its sample over IPv6 for IPv4, and the reverse | 5 % |
| reverse | the sample from the boot server's location to this one (the paths differ by 0.2 % in the median of 57,807 real pairs, by 5.7 % at the 90th percentile) | 5 % |
| local | 0.3 ms: same site | 0 |
| parent | a sample between what contains them: a rack inherits its site's samples (also reverse, other-family) | 0, 5 % |
| geo | 2 ms + 2.0 ms per 100 km | 30 % |
| default | nothing: ranked last | 0 |

    ladder = Ladder.of(maps, locations, now=now)
    ladder.estimate("esams", "eqiad", family=4)     # Estimate(rtt_ms=84.19, rung="measured", ...)
"""  # noqa: E501 - a table row cannot be broken

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from nearboot.latency.place import Places
from nearboot.model import Estimate, LatencyMap, LatencySample, Location, Slug

LOCAL_RTT_MS = 0.3  # a switched network within a building
GEO_BASE_MS = 2.0
GEO_MS_PER_100_KM = 2.0  # median of 57,807 real pairs above 100 km: 2.07
PENALTY = {"measured": 0.0, "other-family": 0.05, "reverse": 0.05, "local": 0.0, "geo": 0.30, "default": 0.0}

Key = tuple[Slug, Slug, int | None]


@dataclass(frozen=True, slots=True)
class Measured:
    """A sample with the time that it counts from and the publisher of its map."""

    sample: LatencySample
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """The measurements and places that estimates are made of. ``distrusted``: their coordinates are not used."""

    measured: Mapping[Key, Measured]
    places: Places
    now: datetime
    distrusted: frozenset[Slug] = frozenset()

    @classmethod
    def of(
        cls,
        maps: Iterable[LatencyMap],
        locations: Iterable[Location],
        *,
        now: datetime,
        distrusted: frozenset[Slug] = frozenset(),
    ) -> Ladder:
        """Index the maps; where two have the same pair, the newer measurement counts."""
        measured: dict[Key, Measured] = {}
        for latency_map in maps:
            for sample in latency_map.samples:
                found = Measured(sample, sample.measured_at or latency_map.published_at, latency_map.source)
                key = (sample.src, sample.dst, sample.family)
                if key not in measured or _newness(measured[key]) < _newness(found):
                    measured[key] = found
        return cls(measured, Places.of(locations), now, distrusted)

    def estimate(self, location: Slug, target: Slug, *, family: int) -> Estimate:
        """The path from clients at ``location`` to a boot server at ``target``.

        A sample without a reply says nothing of the time, but its loss stays with the answer of the next rung.
        """
        loss = 0.0
        for found in self._rungs(location, target, family):
            if found.rtt_ms is not None or found.rung == "default":
                return replace(found, loss=loss) if loss > found.loss else found
            loss = max(loss, found.loss)
        raise AssertionError("the default rung always answers")

    def _rungs(self, location: Slug, target: Slug, family: int) -> Iterator[Estimate]:
        yield from self._between(location, target, family)
        if self.places.site(location) == self.places.site(target):
            yield Estimate(LOCAL_RTT_MS, 0.0, "local")
        for pair in self._outer_pairs(location, target):
            for found in self._between(*pair, family):
                yield replace(found, rung="parent", via=found.via or pair)
        yield from self._geo(location, target)
        yield Estimate(None, 0.0, "default")

    def _between(self, a: Slug, b: Slug, family: int) -> Iterator[Estimate]:
        """What was measured between two locations themselves, the best evidence first."""
        other = 6 if family == 4 else 4
        tries = (
            ("measured", (a, b, family)), ("measured", (a, b, None)), ("other-family", (a, b, other)),
            ("reverse", (b, a, family)), ("reverse", (b, a, None)), ("reverse", (b, a, other)),
        )  # fmt: skip
        for rung, key in tries:
            if found := self.measured.get(key):
                sample = found.sample
                age = max(0.0, (self.now - found.at).total_seconds())
                via = (b, a) if rung == "reverse" else None
                yield Estimate(sample.rtt_ms, sample.loss, rung, age, sample.count, PENALTY[rung], via, found.source)

    def _outer_pairs(self, a: Slug, b: Slug) -> list[tuple[Slug, Slug]]:
        """The pairs of what contains the two, innermost first; what contains both is neither's."""
        over_a, over_b = self.places.ancestry(a), self.places.ancestry(b)
        pairs = [
            (depth_a + depth_b, depth_a, (outer_a, outer_b))
            for depth_a, outer_a in enumerate(over_a)
            for depth_b, outer_b in enumerate(over_b)
            if depth_a + depth_b and outer_a not in over_b and outer_b not in over_a
        ]
        return [pair for _, _, pair in sorted(pairs)]

    def _geo(self, a: Slug, b: Slug) -> Iterator[Estimate]:
        doubtful = {*self.places.ancestry(a), *self.places.ancestry(b)} & self.distrusted
        km = None if doubtful else self.places.distance_km(a, b)
        if km is not None:
            yield Estimate(GEO_BASE_MS + GEO_MS_PER_100_KM * km / 100, 0.0, "geo", penalty=PENALTY["geo"])


def _newness(measured: Measured) -> tuple[datetime, float, float]:
    """A total order, so that the order of maps and samples never matters."""
    return measured.at, -(measured.sample.rtt_ms or 0.0), -measured.sample.loss
