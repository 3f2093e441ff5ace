"""The timer wheel on a clock of its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nearboot.tftp.wheel import Wheel


def test_an_item_comes_out_after_its_deadline_and_once() -> None:
    """Never early, at most a tick late."""
    wheel: Wheel[str] = Wheel(100.0, tick_s=0.1)
    wheel.add("a", 100.25)
    assert wheel.due(100.2) == []
    assert wheel.due(100.36) == ["a"]
    assert wheel.due(101.0) == []
    assert wheel.is_empty


def test_a_deadline_in_the_past_is_due_at_the_next_look() -> None:
    """An item is never lost behind the hand."""
    wheel: Wheel[str] = Wheel(100.0, tick_s=0.1)
    assert wheel.due(105.0) == []
    wheel.add("late", 101.0)
    assert wheel.due(105.3) == ["late"]


def test_a_long_sleep_costs_a_look_at_the_slots_there_are() -> None:
    """A week without a tick is not 12 million steps."""
    wheel: Wheel[str] = Wheel(0.0)
    wheel.add("b", 2.0)
    wheel.add("a", 1.0)
    assert wheel.due(7 * 86400.0) == ["a", "b"]


@given(st.lists(st.floats(0, 50), max_size=30), st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_all_items_come_out_once_in_time(deadlines: list[float], steps: list[float]) -> None:
    """Whatever the steps of the clock."""
    wheel: Wheel[int] = Wheel(0.0)
    for item, deadline in enumerate(deadlines):
        wheel.add(item, deadline)
    now, out = 0.0, []
    for step in [*steps, 60.0]:
        now += step
        for item in wheel.due(now):
            assert deadlines[item] <= now
            out.append(item)
    assert sorted(out) == list(range(len(deadlines)))
