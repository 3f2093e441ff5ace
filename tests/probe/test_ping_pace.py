"""The order and the times of a round's probes."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.probe.ping_pace import Shot, shots
from nearboot.probe.ping_round import Target

PLACES = [Target(f"p{number}", f"b{number}", f"192.0.2.{number}", 31338) for number in range(1, 6)]
SIX = Target("p6", "b6", "2001:db8::6", 31338)


def plan(targets: list[Target] = PLACES, *, probes: int = 4, spread_s: float = 10, rate: float = 1e6) -> list[Shot]:
    lines = {4: 3, 6: 0}
    return list(shots(targets, probes=probes, lines=lines, spread_s=spread_s, rate=rate, chance=Random(1)))


def test_each_sweep_meets_each_target_once() -> None:
    """One probe to each, then the next to each: no burst to anyone; the first does not count."""
    found = plan()
    sweeps = [found[start : start + 5] for start in range(0, len(found), 5)]
    assert all({shot.target for shot in sweep} == set(PLACES) for sweep in sweeps)
    assert [sweep[0].counts for sweep in sweeps] == [False, True, True, True, True]


def test_each_target_is_asked_from_all_ports_in_turn() -> None:
    """So that all of several equal paths are seen; a round may begin in the middle."""
    assert [shot.line for shot in plan() if shot.target == PLACES[0]] == [0, 1, 2, 0, 1]
    args = {"probes": 2, "lines": {4: 3}, "spread_s": 1.0, "rate": 10.0, "chance": Random(1)}
    assert [shot.line for shot in shots(PLACES[:1], first=5, warm_up=False, **args)] == [2, 0]  # type: ignore[arg-type]  # each of its own type


@settings(deadline=None)
@given(st.integers(1, 50), st.floats(0, 100), st.floats(0.1, 1e4))
def test_probes_are_evenly_spread_and_never_too_many(probes: int, spread_s: float, rate: float) -> None:
    """At most ``rate`` a second, all within the time where that allows it."""
    times = [shot.at_s for shot in plan(probes=probes, spread_s=spread_s, rate=rate)]
    steps = [after - before for before, after in pairwise(times)]
    assert min(steps) >= 0.999 / rate
    assert times[-1] < max(spread_s, len(times) / rate)


def test_a_family_without_ports_is_left_out() -> None:
    """The machine has none of it."""
    assert SIX not in Counter(shot.target for shot in plan([*PLACES, SIX]))
    assert plan([SIX]) == []
