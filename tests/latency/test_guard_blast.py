"""How many locations may move at once."""

from __future__ import annotations

import pytest

from nearboot.latency.alarm import Action
from nearboot.latency.guard_blast import Move, blast
from nearboot.model import Slug


def _moves(count: int, family: int = 4) -> list[Move]:
    return [Move(Slug(f"p{n}"), family, Slug("a"), Slug("b")) for n in range(count)]


@pytest.mark.parametrize(("count", "held"), [(0, False), (10, False), (11, True), (100, True)])
def test_more_than_its_share_of_moves_holds_a_map(count: int, held: bool) -> None:
    """Exactly the share passes."""
    found = blast(_moves(count), locations=100, share=0.10)
    assert [alarm.action for alarm in found] == [Action.HOLD] * held
    if count == 11:
        assert found[0].reason.text == "11 of 100 locations would get another boot server, 11.0%; more than 10% is held"
        assert found[0].reason.data == {"moved": 11, "locations": 100, "share": 0.11, "limit": 0.10}


def test_a_location_that_moves_in_both_families_counts_once() -> None:
    assert blast(_moves(10) + _moves(10, 6), locations=100, share=0.10) == ()


def test_where_nobody_lives_nobody_moves() -> None:
    assert blast([], locations=0, share=0.0) == ()
