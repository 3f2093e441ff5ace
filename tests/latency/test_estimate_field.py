"""The ladder for matrices says what the ladder says of each pair."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.latency.estimate import PENALTY, Ladder
from nearboot.latency.estimate_field import RUNGS, fill
from nearboot.model import LatencyMap, LatencySample, Location, LocationKind, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RANDOM = np.random.default_rng(3)
DEGREES = RANDOM.uniform((-60, -180), (60, 180), (12, 2))
NAMES = [Slug(f"s{n:02}") for n in range(12)]


def _ladder(rtt: np.ndarray) -> Ladder:
    places = [
        Location(name, LocationKind.SITE, latitude=float(at[0]), longitude=float(at[1]))
        for name, at in zip(NAMES, DEGREES, strict=True)
    ]
    samples = [
        LatencySample(NAMES[a], NAMES[b], float(rtt[a, b])) for a, b in np.argwhere(np.isfinite(rtt)).tolist() if a != b
    ]
    return Ladder.of([LatencyMap("test", NOW, tuple(samples))], places, now=NOW)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.95])
def test_matrices_and_single_pairs_agree(share: float) -> None:
    """Rung, round trip and penalty of every pair of different sites, given the same evidence in both directions."""
    rtt = RANDOM.uniform(5, 300, (12, 12))
    rtt[RANDOM.random((12, 12)) < share] = np.nan
    np.fill_diagonal(rtt, np.nan)
    ladder = _ladder(rtt)
    field = fill(rtt, rows_at=DEGREES, columns_at=DEGREES, reverse_ms=rtt.T)
    for a in range(12):
        for b in range(12):
            if a != b:
                found = ladder.estimate(NAMES[a], NAMES[b], family=4)
                assert field.rung_of(a, b) == found.rung
                assert field.penalty[a, b] == pytest.approx(found.penalty)
                assert field.rtt_ms[a, b] == pytest.approx(found.rtt_ms, rel=1e-3, abs=0.1)


def test_nothing_known_is_the_default_and_nan() -> None:
    """Neither measured nor placed; what was given stays as it was."""
    rtt = np.full((2, 3), np.nan)
    nowhere = np.full((3, 2), np.nan)
    field = fill(rtt, rows_at=nowhere[:2], columns_at=nowhere)
    assert field.rung_of(1, 2) == "default"
    assert np.isnan(field.rtt_ms).all()
    assert np.isnan(rtt).all()


def test_each_rung_has_its_penalty() -> None:
    """The names are those of the ladder."""
    assert set(RUNGS) <= set(PENALTY)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_no_estimate_is_negative_infinite_or_out_of_order(seed: int) -> None:
    """Measured values of any kind: those without sense count as missing."""
    random = np.random.default_rng(seed)
    rtt = random.choice([-1.0, 0.0, np.nan, np.inf, -np.inf, 0.1, 20.0, 1e4], (12, 12))
    field = fill(rtt, rows_at=DEGREES, columns_at=DEGREES)
    sound = np.isfinite(rtt) & (rtt > 0)
    assert (field.rung[sound] == 0).all()
    assert (field.rung[~sound] > 0).all()
    assert np.isfinite(field.rtt_ms).all()
    assert (field.rtt_ms > 0).all()
