"""Successive maps of one source: one value for each pair, and its noise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import exp, isfinite
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.latency.estimate_smooth import LEAST_NOISE_MS, Measured, smoothed
from nearboot.model import LatencyMap, LatencySample, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
Round = tuple[float | None, float, int]  # round trip, loss, probes


def _maps(rounds: Sequence[Round], every_s: float = 60.0) -> list[LatencyMap]:
    times = [NOW + n * timedelta(seconds=every_s) for n in range(len(rounds))]
    return [
        LatencyMap("pinger", at, (_sample(rtt, loss=loss, count=count, measured_at=at),), epoch)
        for epoch, (at, (rtt, loss, count)) in enumerate(zip(times, rounds, strict=True))
    ]


def _sample(rtt_ms: float | None, **more: object) -> LatencySample:
    return LatencySample(Slug("a"), Slug("b"), rtt_ms, **more)  # type: ignore[arg-type]  # a table of fields


def _one(maps: Sequence[LatencyMap]) -> Measured:
    (found,) = smoothed(maps)
    return found


def test_one_map_is_taken_as_it_is() -> None:
    """Nothing to smooth, and nothing known of the noise."""
    found = _one(_maps([(20.0, 0.01, 0)]))
    assert (found.sample.rtt_ms, found.sample.loss, found.noise_ms, found.at) == (20.0, 0.01, 0.0, NOW)


def test_rounds_of_a_minute_are_smoothed_and_maps_by_the_hour_are_not() -> None:
    """R + a (x - R), a = 1 - exp(-dt / tau)."""
    rounds: list[Round] = [(20.0, 0.0, 20), (30.0, 0.1, 20)]
    minute, hour = _one(_maps(rounds)), _one(_maps(rounds, 3600.0))
    assert minute.sample.rtt_ms == pytest.approx(20 + 10 * (1 - exp(-1)))
    assert minute.sample.loss == pytest.approx(0.1 * (1 - exp(-60 / 300)))
    assert hour.sample.rtt_ms == pytest.approx(30.0)
    assert hour.sample.loss == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize(("wrong", "right"), [(500.0, 50.0), (50.0, 500.0)])
@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"measured_at": NOW, "count": 20}, id="the-same-moment"),
        pytest.param({"measured_at": NOW}, id="no-count"),
        pytest.param({"count": 20}, id="no-time"),
        pytest.param({}, id="neither"),
    ],
)
def test_a_corrected_file_counts_at_once(wrong: float, right: float, told: dict[str, object]) -> None:
    """What was put right and loaded again a second later is no second round of probes."""
    maps = [
        LatencyMap("file", NOW + timedelta(seconds=epoch), (_sample(rtt, **told),), epoch)
        for epoch, rtt in ((1, wrong), (2, right))
    ]
    assert _one(maps).sample.rtt_ms == right
    assert _one(maps[::-1]).sample.rtt_ms == right


def test_a_lone_late_reply_of_few_probes_changes_nothing() -> None:
    """The median of the last three; rounds of ten probes are medians themselves."""
    few: list[Round] = [(20.0, 0.0, 3)] * 3 + [(900.0, 0.0, 3)]
    many: list[Round] = [(20.0, 0.0, 20)] * 3 + [(900.0, 0.0, 20)]
    assert _one(_maps(few)).sample.rtt_ms == 20.0
    assert (_one(_maps(many)).sample.rtt_ms or 0) > 500


def test_a_round_without_reply_changes_the_loss_alone() -> None:
    """And pairs that never had one have no round trip."""
    found = _one(_maps([(20.0, 0.0, 20), (None, 1.0, 20)]))
    assert (found.sample.rtt_ms, found.sample.loss) == (20.0, pytest.approx(1 - exp(-0.2)))
    assert _one(_maps([(None, 1.0, 20), (None, 1.0, 20)])).sample.rtt_ms is None


def test_noise_is_the_median_step_from_round_to_round() -> None:
    """Three rounds at least; a path without any has the least that a clock can tell, which is not "unknown"."""
    assert _one(_maps([(20.0, 0.0, 20), (21.0, 0.0, 20)])).noise_ms == 0.0
    assert _one(_maps([(20.0, 0.0, 20), (21.0, 0.0, 20), (19.0, 0.0, 20), (22.0, 0.0, 20)])).noise_ms == 2.0
    assert _one(_maps([(20.0, 0.0, 20)] * 3)).noise_ms == LEAST_NOISE_MS


def test_a_pair_that_the_last_map_lacks_keeps_its_time() -> None:
    """Who asks sees how old it is."""
    maps = _maps([(20.0, 0.0, 20), (20.0, 0.0, 20)])
    other = LatencyMap("pinger", NOW + timedelta(hours=1), (LatencySample(Slug("b"), Slug("a"), 7.0),), 9)
    found = {(each.sample.src, each.sample.dst): each for each in smoothed([*maps, other])}
    assert found[Slug("a"), Slug("b")].at == NOW + timedelta(minutes=1)
    assert found[Slug("b"), Slug("a")].at == NOW + timedelta(hours=1)


ROUNDS = st.lists(
    st.tuples(st.none() | st.floats(0.001, 10_000), st.floats(0, 1), st.integers(1, 100)), min_size=1, max_size=8
)


@settings(deadline=None)
@given(ROUNDS, st.floats(0, 86400), st.randoms())
def test_what_comes_out_lies_within_what_came_in(rounds: list[Round], every_s: float, random: Random) -> None:
    """Finite, never negative, between the least and the most of the rounds, and the same whatever the maps' order."""
    maps = _maps(rounds, every_s)
    found = _one(maps)
    shuffled = list(maps)
    random.shuffle(shuffled)
    assert _one(shuffled) == found
    seen = [rtt for rtt, _, _ in rounds if rtt is not None]
    assert isfinite(found.noise_ms)
    assert found.noise_ms >= 0
    assert -1e-12 <= found.sample.loss <= 1 + 1e-12
    if seen:
        assert min(seen) * (1 - 1e-9) <= (found.sample.rtt_ms or 0) <= max(seen) * (1 + 1e-9)
    else:
        assert found.sample.rtt_ms is None
