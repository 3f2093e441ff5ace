"""Costs and bands."""

from __future__ import annotations

import pytest

from nearboot.routing.policy import Policy


@pytest.mark.parametrize(
    ("rtt", "loss", "penalty", "expected"),
    [
        pytest.param(33.3, 0.0, 0.0, 33.3, id="round-trip"),
        pytest.param(10.0, 0.01, 0.0, 20.101, id="one-percent-loss-is-ten-ms"),
        pytest.param(100.0, 0.0, 0.05, 105.0, id="penalty"),
        pytest.param(10.0, 0.5, 0.0, 1010.0, id="half-lost"),
        pytest.param(10.0, 1.0, 0.0, 1010.0, id="dead-path-is-clipped"),
    ],
)
def test_cost_is_round_trip_and_expected_time_outs(rtt: float, loss: float, penalty: float, expected: float) -> None:
    """C = R (1 + penalty) + q/(1-q) x RTO, q clipped."""
    assert Policy().cost_ms(rtt, loss, penalty) == pytest.approx(expected, abs=0.001)


def test_band_is_the_larger_of_the_two() -> None:
    """An absolute band for local networks, a share for long paths."""
    assert Policy().band(0.3) == 0.2
    assert Policy().band(200.0) == 1.0
    assert Policy(band_ms=2, band_share=0.15).band(100.0) == 15.0
