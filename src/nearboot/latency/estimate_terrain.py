"""The round trips between places that were not measured, as those that were make them likely: a fit with numpy. Pure.

ln R(a, b) = ln(slope x distance + height(a) + height(b)) + e(a, b)

``height`` is what a place adds to every path (its access network, its detours), ``e`` what near places on both sides
have in common: the mean of the measured pairs' residuals, weighted by exp(-distance/500 km) on the one side and by
exp(-distance/300 km) on the other, and drawn to 0 where little was measured. Not Vivaldi: no rounds, no chance, no
coordinates but the Earth's; the same pairs in any order give the same numbers.

Measured on 241 cities with 15 boot servers (tests/bench/bench_regret.py): half the regret of the three nearest rows.

    terrain = Terrain.of(pairs, rows_at=degrees, columns_at=degrees)
    terrain.block(slice(0, 100), slice(None))    # ms; NaN where too little is known
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

EARTH_RADIUS_KM = 6371.0088  # IUGG mean radius
ROW_KM = 500.0  # 200 to 1,000 km: the same regret within 10 %
COLUMN_KM = 300.0
DOUBT = 0.1  # the weight of "no residual" against the measured ones
ROUNDS = 8  # of the fit: 30 change the regret by less than 0.2 ms
FIT_PAIRS = 1_000_000  # of more pairs about as many are fitted, by a hash: nothing hangs on one pair then
HASH = 2654435761  # Knuth's multiplier: 2^32 divided by the golden ratio
MOST_CELLS = 1000
LEAST_PAIRS = 20  # with fewer, distance alone says as much
LEAST_WEIGHT = 0.1
LEAST_SLOPE = 0.01  # ms per km: light in fibre, there and back
LARGEST_RESIDUAL = 1.5
RIDGE = 0.02
NEAR_MS = 20.0  # errors count in ms below this and as shares above
LEAST_MS = 0.5


@dataclass(frozen=True, slots=True)
class Pairs:
    """Measured round trips: of each its row, its column and its milliseconds."""

    row: Ints
    column: Ints
    rtt_ms: Floats


@dataclass(frozen=True, slots=True)
class Terrain:
    """The fit. ``rows``, ``columns``: unit vectors of the places, NaN where a place has no coordinates."""

    rows: Floats
    columns: Floats
    slope: float
    row_height: Floats
    column_height: Floats
    row_cell: Ints
    column_cell: Ints
    factor: Floats  # by cell of the row and of the column
    known: NDArray[np.bool_]  # the same: whether enough was measured near
    row_known: NDArray[np.bool_]
    column_known: NDArray[np.bool_]

    @classmethod
    def of(cls, pairs: Pairs, *, rows_at: Doubles, columns_at: Doubles) -> Terrain:
        """Fit the pairs. Places are (latitude, longitude) in degrees, NaN where they are not known."""
        rows, columns = unit_vectors(rows_at), unit_vectors(columns_at)
        pairs = _usable(pairs, rows, columns)
        km = _pair_km(pairs, rows, columns)
        slope, row_height, column_height = _heights(pairs, km, len(rows), len(columns))
        row_cell, row_centres = _cells(rows_at)
        column_cell, column_centres = _cells(columns_at)
        row_known = np.bincount(pairs.row, minlength=len(rows)) > 1
        column_known = np.bincount(pairs.column, minlength=len(columns)) > 1
        row_height = _spread(row_height, row_known, row_cell, row_centres)
        column_height = _spread(column_height, column_known, column_cell, column_centres)
        base = _base(slope, km, row_height[pairs.row], column_height[pairs.column])
        residual = np.clip(np.log(pairs.rtt_ms / base), -LARGEST_RESIDUAL, LARGEST_RESIDUAL)
        at = row_cell[pairs.row] * len(column_centres) + column_cell[pairs.column]
        shape = (len(row_centres), len(column_centres))
        near_rows, near_columns = _kernel(row_centres, ROW_KM), _kernel(column_centres, COLUMN_KM)
        told = near_rows @ _summed(at, residual, shape) @ near_columns
        weight = near_rows @ _summed(at, None, shape) @ near_columns
        enough = len(pairs.row) >= LEAST_PAIRS
        return cls(
            rows, columns, slope, row_height, column_height, row_cell, column_cell,
            factor=np.exp(told / (weight + np.float32(DOUBT))),
            known=(weight >= LEAST_WEIGHT) & enough,
            row_known=row_known & enough,
            column_known=column_known & enough,
        )  # fmt: skip

    def block(self, rows: slice | Ints, columns: slice | Ints) -> Floats:
        """The round trips between some rows and some columns, in milliseconds; NaN where too little is known."""
        km = _km(self.rows[rows] @ self.columns[columns].T)
        base = _base(self.slope, km, self.row_height[rows][:, None], self.column_height[columns][None, :])
        found: Floats = base * self._by_place(self.factor, rows, columns)
        if self.known.all():
            return found
        known = self._by_place(self.known, rows, columns)
        known |= self.row_known[rows][:, None] & self.column_known[columns][None, :]
        return np.where(known, found, np.float32(np.nan))

    def _by_place(self, of_cells: NDArray[Any], rows: slice | Ints, columns: slice | Ints) -> NDArray[Any]:
        found, cells = of_cells[self.row_cell[rows]], self.column_cell[columns]
        in_order = len(cells) == found.shape[1] and bool((cells[1:] > cells[:-1]).all())
        return found if in_order else found.take(cells, axis=1)


def unit_vectors(at: Doubles) -> Floats:
    """Points on the unit sphere of (latitude, longitude) in degrees."""
    latitude, longitude = np.radians(np.asarray(at, dtype=np.float64).reshape(-1, 2)).T
    flat = np.cos(latitude)
    return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1).astype(np.float32)


def distances_km(rows: Floats, columns: Floats) -> Floats:
    """Great circles between unit vectors; 32 bits tell about 2 km apart."""
    return _km(rows @ columns.T)


def _km(cosine: Floats) -> Floats:
    return np.float32(EARTH_RADIUS_KM) * np.arccos(np.clip(cosine, np.float32(-1), np.float32(1)))


def _usable(pairs: Pairs, rows: Floats, columns: Floats) -> Pairs:
    """Those between known places, in one order whatever order they came in."""
    there = ~np.isnan(rows[:, 0])[pairs.row] & ~np.isnan(columns[:, 0])[pairs.column] & (pairs.rtt_ms > 0)
    row, column, rtt_ms = pairs.row, pairs.column, pairs.rtt_ms
    key = row * len(columns) + column
    if len(key) > FIT_PAIRS:
        there &= key * HASH % 2**32 < int(2**32 * FIT_PAIRS / len(key))
    if not there.all():
        row, column, rtt_ms, key = row[there], column[there], rtt_ms[there], key[there]
    if (key[1:] > key[:-1]).all():
        return Pairs(row, column, rtt_ms)
    order = np.lexsort((rtt_ms, key))
    return Pairs(row[order], column[order], rtt_ms[order])


def _pair_km(pairs: Pairs, rows: Floats, columns: Floats) -> Floats:
    return _km(np.einsum("ij,ij->i", rows[pairs.row], columns[pairs.column]))


def _heights(pairs: Pairs, km: Floats, rows: int, columns: int) -> tuple[float, Floats, Floats]:
    """Slope and heights by weighted least squares, each in turn with the others held."""
    row, column, rtt, far = pairs.row, pairs.column, pairs.rtt_ms.astype(np.float64), km
    above_row, above_column = np.zeros(rows), np.zeros(columns)
    slope = 0.02  # the median of 57,807 pairs
    for _ in range(ROUNDS):
        weight = 1 / np.maximum(NEAR_MS, slope * far + above_row[row] + above_column[column])
        rest = rtt - above_row[row] - above_column[column]
        square = float((weight * far * far).sum())
        slope = max(LEAST_SLOPE, float((weight * rest * far).sum()) / square) if square else slope
        above_row = _mean(row, weight, rtt - slope * far - above_column[column], rows)
        above_column = _mean(column, weight, rtt - slope * far - above_row[row], columns)
    return slope, above_row.astype(np.float32), above_column.astype(np.float32)


def _mean(at: Ints, weight: Doubles, value: Doubles, size: int) -> Doubles:
    return np.bincount(at, weight * value, size) / (np.bincount(at, weight, size) + RIDGE)


def _spread(height: Floats, known: NDArray[np.bool_], cell: Ints, centres: Floats) -> Floats:
    """The heights, and for places of which nothing was measured that of the places near them."""
    if known.all() or not known.any():
        return height
    kernel = _kernel(centres, ROW_KM)
    told = kernel @ np.bincount(cell[known], height[known], len(centres)).astype(np.float32)
    weight = kernel @ np.bincount(cell[known], minlength=len(centres)).astype(np.float32)
    usual = np.median(height[known])
    near = (told + np.float32(DOUBT) * usual) / (weight + np.float32(DOUBT))
    return np.where(known, height, near[cell]).astype(np.float32)


def _base(slope: float, km: Floats, row_height: Floats, column_height: Floats) -> Floats:
    found = np.float32(slope) * km + row_height + column_height
    return np.asarray(np.maximum(found, np.float32(LEAST_MS) + np.float32(LEAST_SLOPE) * km))


def _cells(at: Doubles) -> tuple[Ints, Floats]:
    """Each place's cell and the cells' centres: the places themselves, or squares of degrees where they are many."""
    at = np.nan_to_num(np.asarray(at, dtype=np.float64).reshape(-1, 2))
    size = 1e-4
    while True:
        squares, cell = np.unique(np.round(at / size).astype(np.int64), axis=0, return_inverse=True)
        if len(squares) <= MOST_CELLS:
            return np.asarray(cell, dtype=np.int64).reshape(-1), unit_vectors((squares * size).astype(np.float64))
        size = 2 * max(size, 0.1)


def _kernel(centres: Floats, scale_km: float) -> Floats:
    return np.asarray(np.exp(distances_km(centres, centres) / np.float32(-scale_km)))


def _summed(at: Ints, value: Floats | None, shape: tuple[int, int]) -> Floats:
    return np.bincount(at, value, shape[0] * shape[1]).reshape(shape).astype(np.float32)
