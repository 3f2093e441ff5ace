"""The rung of the ladder that asks the neighbours: sites that were measured tell of those near them. Pure.

Racks and rooms count as their site; regions are too wide to have neighbours. The fit itself is ``estimate_terrain``,
which needs numpy: it is loaded when the first pair is asked for, so that who has all pairs measured never waits for it.

    Neighbours.of(measured, places).rtt_ms("ams", "sin", family=4)    # 171.2, or None where too little is known
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nearboot.latency.estimate_smooth import Key, Measured
from nearboot.latency.place import Places
from nearboot.model import LocationKind, Slug

if TYPE_CHECKING:
    from nearboot.latency.estimate_terrain import Terrain

MOST_ROWS = 64  # who ranks asks for one location after the other; all of 10,000 sites would be 100,000,000 numbers
Rows = dict[tuple[int, Slug], list[float]]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What was measured, and what was made of it so far (the only thing that changes)."""

    measured: Mapping[Key, Measured]
    places: Places
    at: Mapping[Slug, int]  # the sites with trusted coordinates, by name
    fits: dict[int, Terrain] = field(default_factory=dict)
    rows: Rows = field(default_factory=dict)

    @classmethod
    def of(cls, measured: Mapping[Key, Measured], places: Places, distrusted: frozenset[Slug]) -> Neighbours:
        """Nothing is fitted yet."""
        sites = sorted({places.site(slug) for slug in places.by_slug})
        return cls(
            measured, places, {site: n for n, site in enumerate(s for s in sites if _placed(s, places, distrusted))}
        )

    def rtt_ms(self, a: Slug, b: Slug, family: int) -> float | None:
        """The round trip between two sites; None where too little was measured near them."""
        row, column = self.at.get(self.places.site(a)), self.at.get(self.places.site(b))
        if row is None or column is None or row == column or not self.measured:
            return None
        found = self._row(row, a, family)[column]
        return found if found > 0 else None  # NaN is not

    def _row(self, row: int, a: Slug, family: int) -> list[float]:
        key = (family, self.places.site(a))
        found = self.rows.get(key)
        if found is None:
            if family not in self.fits:
                self.fits[family] = self._fit(family)
            found = self.fits[family].block(slice(row, row + 1), slice(None))[0].tolist()
            if len(self.rows) >= MOST_ROWS:
                self.rows.clear()
            self.rows[key] = found
        return found

    def _fit(self, family: int) -> Terrain:
        import numpy as np  # noqa: PLC0415 - a tenth of a second, for those who need it

        from nearboot.latency.estimate_terrain import Pairs, Terrain  # noqa: PLC0415

        pairs = self._pairs(family)
        ends = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
        rtt_ms = np.array(list(pairs.values()), dtype=np.float32)
        degrees = np.array([self.places.coordinates(site) for site in self.at], dtype=np.float64)
        return Terrain.of(Pairs(ends[:, 0], ends[:, 1], rtt_ms), rows_at=degrees, columns_at=degrees)

    def _pairs(self, family: int) -> dict[tuple[int, int], float]:
        """Sites' round trips in both directions, each by the best evidence: least foreign family, newest, lowest."""
        best: dict[tuple[int, int], tuple[int, float, float]] = {}
        sites = {slug: self.at.get(self.places.site(slug)) for slug in self.places.by_slug}
        for (src, dst, of), found in self.measured.items():
            a, b, rtt_ms = sites.get(src), sites.get(dst), found.sample.rtt_ms
            if a is None or b is None or a == b or not rtt_ms:
                continue
            rank = 0 if of == family else 1 if of is None else 2
            for pair, turned in (((a, b), 0), ((b, a), 3)):
                offer = (rank + turned, -found.at.timestamp(), rtt_ms)
                best[pair] = min(best.get(pair, offer), offer)
        return {pair: best[pair][2] for pair in sorted(best)}


def _placed(site: Slug, places: Places, distrusted: frozenset[Slug]) -> bool:
    doubtful = distrusted & {*places.ancestry(site)}
    region = places.by_slug[site].kind is LocationKind.REGION if site in places.by_slug else True
    return not doubtful and not region and places.coordinates(site) is not None
