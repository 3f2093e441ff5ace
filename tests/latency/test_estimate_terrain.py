"""The fit of what was measured: near the truth where the world is simple, silent where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.latency.estimate_terrain import Doubles, Pairs, Terrain, distances_km, unit_vectors

DEGREES = np.random.default_rng(7).uniform((-60, -180), (60, 180), (60, 2))


def _world(slope: float = 0.015) -> Doubles:
    """Round trips by distance and by each place's height."""
    heights = np.random.default_rng(8).uniform(1, 20, len(DEGREES))
    sphere = unit_vectors(DEGREES)
    return np.asarray(slope * distances_km(sphere, sphere) + heights[:, None] + heights[None, :], dtype=np.float64)


def _fit(rtt: Doubles, degrees: Doubles = DEGREES) -> Terrain:
    row, column = np.nonzero(np.isfinite(rtt))
    return Terrain.of(Pairs(row, column, rtt[row, column].astype(np.float32)), rows_at=degrees, columns_at=degrees)


def _hidden(share: float, seed: int = 1) -> Doubles:
    random = np.random.default_rng(seed)
    return np.where(random.random((len(DEGREES), len(DEGREES))) < share, np.nan, _world())


@pytest.mark.parametrize(("share", "allowed"), [(0.3, 0.05), (0.9, 0.10)])
def test_hidden_pairs_are_found_again(share: float, allowed: float) -> None:
    """The median error of what was hidden, where paths are as the model has them."""
    hidden, world = _hidden(share), _world()
    error = np.abs(_fit(hidden).block(slice(None), slice(None)) / world - 1)[np.isnan(hidden)]
    assert float(np.nanmedian(error)) < allowed


def test_distances_are_great_circles() -> None:
    """Amsterdam to Washington, and a quarter of the Earth."""
    places = unit_vectors(np.array([[52.374, 4.890], [38.895, -77.036], [0.0, 0.0], [0.0, 90.0]]))
    km = distances_km(places, places)
    assert km[0, 1] == pytest.approx(6190, abs=10)
    assert km[2, 3] == pytest.approx(10007.5, abs=3)


def test_little_says_nothing() -> None:
    """Fewer than twenty pairs: distance alone says as much. None at all: the same, without a warning."""
    for count in (0, 19):
        few = np.full_like(_world(), np.nan)
        few.flat[1 : count + 1] = 50.0
        assert np.isnan(_fit(few).block(slice(None), slice(None))).all()


def test_place_without_coordinates_has_no_estimate_and_disturbs_no_other() -> None:
    """Its pairs are left out."""
    degrees = DEGREES.copy()
    degrees[5] = np.nan
    found = _fit(_hidden(0.3), degrees).block(slice(None), slice(None))
    assert np.isnan(found[5]).all()
    assert np.isnan(found[:, 5]).all()
    assert np.isfinite(np.delete(np.delete(found, 5, 0), 5, 1)).all()


def test_place_of_which_nothing_was_measured_is_like_those_near_it() -> None:
    """A new site beside a measured one: its height is the other's."""
    degrees = np.vstack([DEGREES, DEGREES[3] + 0.05])
    world = np.pad(_world(), ((0, 1), (0, 1)), constant_values=np.nan)
    found = _fit(world, degrees).block(slice(None), slice(None))
    rest = [n for n in range(len(DEGREES)) if n != 3]
    assert np.median(np.abs(found[-1, rest] / world[3, rest] - 1)) < 0.15


def test_more_places_than_cells_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Squares of degrees stand for the places, and the estimates stay near."""
    monkeypatch.setattr("nearboot.latency.estimate_terrain.MOST_CELLS", 20)
    hidden, world = _hidden(0.5), _world()
    terrain = _fit(hidden)
    assert terrain.factor.shape[0] <= 20
    error = np.abs(terrain.block(slice(None), slice(None)) / world - 1)[np.isnan(hidden)]
    assert float(np.nanmedian(error)) < 0.1


def test_of_very_many_pairs_some_are_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spread over all places, and the estimates stay near."""
    monkeypatch.setattr("nearboot.latency.estimate_terrain.FIT_PAIRS", 800)
    found, world = _fit(_world()).block(slice(None), slice(None)), _world()
    error = np.abs(found / world - 1)[~np.eye(len(world), dtype=bool)]
    assert float(np.median(error)) < 0.05


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 0.95, 0.99]))
def test_any_measurements_in_any_order_give_the_same_positive_numbers(seed: int, share: float) -> None:
    """Round trips without sense, too: never negative, never infinite."""
    random = np.random.default_rng(seed)
    rtt = np.where(random.random((60, 60)) < share, np.nan, 10 ** random.uniform(-3, 4, (60, 60)))
    row, column = np.nonzero(np.isfinite(rtt))
    order = random.permutation(len(row))
    shuffled = Pairs(row[order], column[order], rtt[row, column].astype(np.float32)[order])
    found = _fit(rtt).block(slice(None), slice(None))
    again = Terrain.of(shuffled, rows_at=DEGREES, columns_at=DEGREES).block(slice(None), slice(None))
    assert np.array_equal(found, again, equal_nan=True)
    assert not np.isinf(found).any()
    assert (found[~np.isnan(found)] > 0).all()
