"""The rounds before the map in use, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from nearboot.inventory import rounds_store, route_store
from nearboot.inventory.apply_store import apply
from nearboot.inventory.boot_orm import LatencyMapRow
from nearboot.inventory.rounds_store import GAP, ROUNDS, earlier_rounds
from nearboot.model import Inventory, LatencyMap, LatencySample, MapState, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SAMPLE = LatencySample(Slug("ams"), Slug("fra"), 7.0, count=20, measured_at=NOW)


@pytest.fixture
def loaded(session: Session, sample: Inventory) -> Session:
    apply(session, sample)
    return session


def _add(session: Session, seconds: Sequence[float], source: str = "pinger") -> None:
    for second in seconds:
        at = NOW + timedelta(seconds=second)
        route_store.add_latency_map(session, LatencyMap(source, at, (replace(SAMPLE, rtt_ms=1 + second),)), at)


def _found(session: Session) -> list[tuple[str, int]]:
    return [(each.source, each.epoch) for each in earlier_rounds(session)]


def test_the_last_rounds_of_each_source_come_without_the_one_in_use(loaded: Session) -> None:
    """Newest first; with their samples."""
    _add(loaded, range(0, 480, 60))
    _add(loaded, [0, 60], "other")
    assert _found(loaded) == [("other", 1), *(("pinger", epoch) for epoch in (7, 6, 5, 4)[: ROUNDS - 1])]
    assert earlier_rounds(loaded)[0].samples == (replace(SAMPLE, rtt_ms=1.0),)


def test_maps_that_come_now_and_then_have_no_rounds_before(loaded: Session) -> None:
    """Nor does a series go on over a gap."""
    gap_s = GAP.total_seconds() + 1
    _add(loaded, [0, 60, 60 + gap_s, 120 + gap_s])
    assert _found(loaded) == [("pinger", 3)]


def test_a_map_that_was_taken_back_is_no_round(loaded: Session) -> None:
    """What a person went back behind counts no more in any way."""
    _add(loaded, [0, 60, 120])
    taken_back = update(LatencyMapRow).where(LatencyMapRow.epoch == 2).values(state=MapState.ROLLED_BACK.value)
    loaded.execute(taken_back)
    assert _found(loaded) == [("pinger", 1)]


def test_large_maps_are_not_read_again(loaded: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is bounded by samples."""
    monkeypatch.setattr(rounds_store, "MOST_SAMPLES", 2)
    _add(loaded, [0, 60, 120, 180])
    assert _found(loaded) == [("pinger", 3), ("pinger", 2)]
