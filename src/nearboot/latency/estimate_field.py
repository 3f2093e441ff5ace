"""The ladder for many pairs at once: matrices of locations by boot servers, where values one by one take too long.

Measured, reverse, neighbours, distance, nothing: the rungs between the places themselves. Who asks for racks gives
their sites' rows. Pure, with numpy; 10,000 locations by 1,000 boot servers in a second (tests/bench/bench_field.py).

    field = fill(rtt_ms, rows_at=degrees, columns_at=degrees)
    field.rtt_ms, field.penalty, field.rung_of(3, 7)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearboot.latency.estimate import GEO_BASE_MS, GEO_MS_PER_100_KM, PENALTY
from nearboot.latency.estimate_terrain import Doubles, Floats, Pairs, Terrain, distances_km, unit_vectors

RUNGS = ("measured", "reverse", "neighbours", "geo", "default")
ROWS_AT_ONCE = 500  # 4 MB for each step's result at 1,000 boot servers


@dataclass(frozen=True, slots=True)
class Field:
    """What is believed of every pair. ``rung``: index into RUNGS; ``rtt_ms`` is NaN where it is the last."""

    rtt_ms: Floats
    rung: NDArray[np.uint8]

    @property
    def penalty(self) -> Floats:
        """The share that each rung's uncertainty adds."""
        return np.array([PENALTY[rung] for rung in RUNGS], dtype=np.float32)[self.rung]

    def rung_of(self, row: int, column: int) -> str:
        """The name of the rung that answered."""
        return RUNGS[self.rung[row, column]]


def fill(
    rtt_ms: NDArray[np.floating],
    *,
    rows_at: Doubles,
    columns_at: Doubles,
    reverse_ms: NDArray[np.floating] | None = None,
) -> Field:
    """Every pair by the first rung that knows it.

    ``rtt_ms``: by location and boot server, NaN where it was not measured; ``reverse_ms``: the other way, in the same
    shape. Places are (latitude, longitude) in degrees, NaN where they are not known or not believed.
    """
    known = np.array(rtt_ms, dtype=np.float32)
    rung = np.zeros(known.shape, dtype=np.uint8)
    _take(known, rung, None, RUNGS.index("measured"))
    if reverse_ms is not None:
        _take(known, rung, np.asarray(reverse_ms, dtype=np.float32), RUNGS.index("reverse"))
    if (rung == RUNGS.index("default")).any():
        row, column = np.nonzero(rung != RUNGS.index("default"))
        pairs = Pairs(row, column, known[row, column])
        terrain = Terrain.of(pairs, rows_at=rows_at, columns_at=columns_at)
        _estimate(known, rung, terrain, unit_vectors(rows_at), unit_vectors(columns_at))
    return Field(known, rung)


def _estimate(known: Floats, rung: NDArray[np.uint8], terrain: Terrain, rows: Floats, columns: Floats) -> None:
    for start in range(0, len(known), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        if not (rung[part] == RUNGS.index("default")).any():
            continue
        _take(known[part], rung[part], terrain.block(part, slice(None)), RUNGS.index("neighbours"))
        if (rung[part] == RUNGS.index("default")).any():
            far = np.float32(GEO_BASE_MS) + np.float32(GEO_MS_PER_100_KM / 100) * distances_km(rows[part], columns)
            _take(known[part], rung[part], far, RUNGS.index("geo"))


def _take(known: Floats, rung: NDArray[np.uint8], offered: Floats | None, step: int) -> None:
    """Fill in place what was not known; the first step tells apart what is."""
    if offered is None:
        sound = np.isfinite(known) & (known > 0)
        known[~sound] = np.nan
        rung[...] = np.where(sound, step, RUNGS.index("default"))
        return
    taken = (offered > 0) & (offered < np.inf)  # NaN is neither
    taken &= rung == RUNGS.index("default")
    np.copyto(known, offered, where=taken)
    np.copyto(rung, np.uint8(step), where=taken)
