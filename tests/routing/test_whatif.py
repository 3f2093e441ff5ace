"""Two selections compared: moves, loads, times, who is stranded."""

from __future__ import annotations

import pytest

from nearboot.model import Candidate, Reason, Route, Slug
from nearboot.routing.whatif import Choice, Crowd, Load, compare, heads

A, B = Slug("a"), Slug("b")
HERE, THERE, EMPTY = Slug("here"), Slug("there"), Slug("empty")
CROWDS = [Crowd(HERE, 30, 1000.0), Crowd(THERE, 10, 500.0)]
NEAR_A, FAR_A, NEAR_B, FAR_B = Choice(A, 0.4), Choice(A, 80.0), Choice(B, 0.4), Choice(B, 80.0)
NONE = Choice(None, None, troubles=("no-boot-server",))
BEFORE = {(HERE, "", 4): NEAR_A, (THERE, "", 4): NEAR_B, (EMPTY, "", 4): NEAR_B}


def test_moves_loads_and_times_follow_the_servers() -> None:
    """The boot server of 30 goes: they read from the other one, each 1000 waits of 80 ms."""
    found = compare(BEFORE, {**BEFORE, (HERE, "", 4): FAR_B}, CROWDS, boot_servers={A: None, B: 35})
    (moved,) = found.moved
    assert (moved.location, moved.servers, moved.before, moved.after) == (HERE, 30, NEAR_A, FAR_B)
    assert (moved.before_s, moved.after_s) == (pytest.approx(0.4), pytest.approx(80.0))
    assert found.loads == (Load(A, 4, 30, 0, 1, 0), Load(B, 4, 10, 40, 2, 3, 35))
    before, after = found.times_before[4], found.times_after[4]
    assert (before.mean_s, before.worst_s, before.worst_at) == (pytest.approx(0.35), pytest.approx(0.4), HERE)
    assert (after.mean_s, after.worst_s) == (pytest.approx((30 * 80 + 10 * 0.2) / 40), pytest.approx(80.0))
    assert found.changes
    assert found.stranded == ()


def test_the_same_is_no_change() -> None:
    """Neither is a difference that is none but of rounding."""
    found = compare(BEFORE, {**BEFORE, (HERE, "", 4): Choice(A, 0.4 + 1e-12)}, CROWDS, boot_servers={A: None, B: 35})
    assert not found.changes
    assert found.effects == ()


def test_longer_without_a_move_is_a_change() -> None:
    """A slower path makes boots longer, wherever they still come from."""
    found = compare(BEFORE, {**BEFORE, (THERE, "", 4): Choice(B, 8.0)}, CROWDS, boot_servers={A: None, B: 35})
    assert found.changes
    assert found.moved == ()
    assert [(each.location, each.after_s) for each in found.effects] == [(THERE, pytest.approx(4.0))]


def test_who_is_left_with_none_is_told_and_whether_that_is_new() -> None:
    """A place that has none already has none then, which is no change."""
    before = {**BEFORE, (THERE, "", 4): NONE}
    found = compare(before, {**before, (HERE, "", 4): NONE}, CROWDS, boot_servers={A: None, B: 35})
    assert [(each.location, each.servers, each.already) for each in found.stranded] == [
        (HERE, 30, False), (THERE, 10, True),
    ]  # fmt: skip
    assert found.times_after[4].unknown == 40
    assert found.times_after[4].mean_s is None
    assert not compare(before, before, CROWDS, boot_servers={A: None, B: 35}).changes


def test_families_are_counted_apart() -> None:
    """A server that boots over either is a client of both boot servers."""
    both = {**BEFORE, (HERE, "", 6): NEAR_B}
    found = compare(both, both, CROWDS, boot_servers={A: None, B: 35})
    assert [(each.family, each.boot_server, each.servers_before) for each in found.loads] == [
        (4, A, 30), (4, B, 10), (6, A, 0), (6, B, 30),
    ]  # fmt: skip
    found = compare(both, {**both, (HERE, "", 4): NONE, (HERE, "", 6): NONE}, CROWDS, boot_servers={A: None, B: 35})
    assert heads(found.moved) == heads(found.stranded) == 30


def test_a_choice_is_what_the_route_says() -> None:
    """Its boot server's cost and rung, and what is wrong with it."""
    candidates = (Candidate(A, 0, True, 1.5, 1.5, 0.0, "geo"), Candidate(B, 1, True, 9.0, 9.0, 0.0, "measured"))
    route = Route(HERE, 4, candidates, A, (Reason("only-draining", ""), Reason("nearest", "")))
    assert Choice.of(route) == Choice(A, 1.5, "geo", ("only-draining",))
    assert Choice.of(Route(HERE, 4, candidates, None, (Reason("no-boot-server", ""),))) == NONE


def test_servers_with_pins_are_a_crowd_of_their_own() -> None:
    """They may stay where they are when their place moves, and the reverse; the place counts once."""
    pinned = (HERE, "tier db", 4)
    crowds = [*CROWDS, Crowd(HERE, 5, 1000.0, whose="tier db")]
    before = {**BEFORE, pinned: FAR_B}
    found = compare(before, {**before, (HERE, "", 4): FAR_B}, crowds, boot_servers={A: None, B: 35})
    assert [(each.whose, each.servers) for each in found.moved] == [("", 30)]
    assert found.loads == (Load(A, 4, 30, 0, 1, 0), Load(B, 4, 15, 45, 2, 3, 35))
    found = compare(before, {**before, pinned: NONE}, crowds, boot_servers={A: None, B: 35})
    assert [(each.location, each.whose, each.servers) for each in found.stranded] == [(HERE, "tier db", 5)]
