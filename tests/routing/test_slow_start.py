"""Boot servers that came back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nearboot.routing.policy import Policy
from nearboot.routing.slow_start import share, turn, wait_s
from nearboot.routing.spread import key

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_turns_come_evenly_after_a_tenth() -> None:
    """Of 2,000 locations a tenth has its turn at once, half of the rest after half of the time, all at its end."""
    turns = [turn(key(f"rack-{n}"), key("boot"), NOW, Policy()) for n in range(2000)]
    for after_s in (0, 60, 120):
        came = sum(at <= NOW + timedelta(seconds=after_s) for at in turns) / 2000
        assert came == pytest.approx(share(after_s, Policy()), abs=0.03)
    assert max(turns) <= NOW + timedelta(seconds=120)


def test_without_slow_start_all_come_at_once() -> None:
    """Set to nothing, or to begin with all."""
    assert (wait_s(0.99, Policy(slow_start_s=0)), share(0, Policy(slow_start_s=0))) == (0.0, 1.0)
    assert (wait_s(0.99, Policy(slow_start_floor=1)), share(0, Policy(slow_start_floor=1))) == (0.0, 1.0)
