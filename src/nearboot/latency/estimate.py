"""What is believed of a path: the ladder from a measurement down to "nothing is known", with the rung that answered.

| rung | answers with | penalty |
|---|---|---|
| measured | the pair's own sample, of the family asked for or of none in particular | 0 |
| other-family | its sample over IPv6 for IPv4, and the reverse | 5 % |
| reverse | the sample from the boot server's location to this one (the paths differ by 0.2 % in the median of 57,807 real pairs, by 5.7 % at the 90th percentile) | 5 % |
| local | 0.3 ms: same site | 0 |
| parent | a sample between what contains them: a rack inherits its site's samples (also reverse, other-family) | 0, 5 % |
| neighbours | what the measured pairs of near places make likely (estimate_terrain): half of them within 8 % | 10 % |
| geo | 2 ms + 2.0 ms per 100 km | 60 % |
| default | nothing: ranked last | 0 |

Of several maps of one source, the rounds are smoothed (estimate_smooth). A measurement that lies behind the newest one
is used as it is, and doubted the more: up to the neighbours' penalty after a day. When no map comes at all, nothing
lies behind, and every path stays as it was.

    ladder = Ladder.of(maps, locations, now=now)
    ladder.estimate("esams", "eqiad", family=4)     # Estimate(rtt_ms=84.19, rung="measured", ...)
"""  # noqa: E501 - a table row cannot be broken

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from nearboot.latency.estimate_neighbours import Neighbours
from nearboot.latency.estimate_smooth import Key, Measured, newness, smoothed
from nearboot.latency.place import Places
from nearboot.model import Estimate, LatencyMap, Location, Slug

__all__ = ["Ladder", "Measured"]

LOCAL_RTT_MS = 0.3  # a switched network within a building
GEO_BASE_MS = 2.0
GEO_MS_PER_100_KM = 2.0  # median of 57,807 real pairs above 100 km: 2.07
PENALTY = {
    "measured": 0.0, "other-family": 0.05, "reverse": 0.05, "local": 0.0, "neighbours": 0.10, "geo": 0.60,
    "default": 0.0,
}  # fmt: skip
"""As shares of the round trip, by what chose best on 241 real cities (tests/bench/bench_regret.py): who takes the least
of several guesses takes one that is too low. With 60 % for distance and not 30 %, 13.4 ms are lost and not 16.0 where
70 % of the pairs are missing; 100 % loses 1 ms less and says of each path what is not likely."""
LAG_GRACE_S = 900.0
LAG_FULL_S = 86400.0


@dataclass(frozen=True, slots=True)
class Ladder:
    """The measurements and places that estimates are made of. ``distrusted``: their coordinates are not used."""

    measured: Mapping[Key, Measured]
    places: Places
    now: datetime
    distrusted: frozenset[Slug] = frozenset()
    newest: datetime | None = None  # measurement of them all
    neighbours: Neighbours | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(
        cls,
        maps: Iterable[LatencyMap],
        locations: Iterable[Location],
        *,
        now: datetime,
        distrusted: frozenset[Slug] = frozenset(),
    ) -> Ladder:
        """Index the maps: those of one source are successive rounds; of two sources' samples the newer counts."""
        by_source: dict[str, list[LatencyMap]] = {}
        for latency_map in maps:
            by_source.setdefault(latency_map.source, []).append(latency_map)
        measured: dict[Key, Measured] = {}
        for rounds in by_source.values():
            for found in smoothed(rounds):
                key = (found.sample.src, found.sample.dst, found.sample.family)
                if key not in measured or newness(measured[key]) < newness(found):
                    measured[key] = found
        places = Places.of(locations)
        newest = max((found.at for found in measured.values()), default=None)
        return cls(measured, places, now, distrusted, newest, Neighbours.of(measured, places, distrusted))

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
        if self.neighbours and (rtt_ms := self.neighbours.rtt_ms(location, target, family)) is not None:
            yield Estimate(rtt_ms, 0.0, "neighbours", penalty=PENALTY["neighbours"])
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
                via = (b, a) if rung == "reverse" else None
                yield self._of(found, rung, via)

    def _of(self, found: Measured, rung: str, via: tuple[Slug, Slug] | None) -> Estimate:
        sample = found.sample
        behind_s = (self.newest - found.at).total_seconds() if self.newest else 0.0
        doubt = min(1.0, max(0.0, behind_s - LAG_GRACE_S) / (LAG_FULL_S - LAG_GRACE_S))
        return Estimate(
            sample.rtt_ms,
            sample.loss,
            rung,
            age_s=max(0.0, (self.now - found.at).total_seconds()),
            count=sample.count,
            penalty=max(PENALTY[rung], doubt * PENALTY["neighbours"]),
            via=via,
            source=found.source,
            noise_ms=found.noise_ms,
        )

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
