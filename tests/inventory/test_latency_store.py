"""The history of latency maps, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from nearboot.inventory import latency_store, route_store
from nearboot.inventory.apply_store import apply
from nearboot.inventory.boot_orm import LatencyQuarantineRow, LatencySampleRow
from nearboot.inventory.latency_store import Decision
from nearboot.model import Inventory, LatencyMap, LatencySample, MapRecord, MapState, Quarantine, Reason, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SAMPLES = (LatencySample(Slug("ams"), Slug("fra"), 7.25),)
REASON = Reason("blast-radius", "3 of 4 locations", {"moved": 3, "share": 0.75})
ROW = Quarantine("s.csv", 4, "atlantis", "no location")
RECORD = MapRecord(
    "s", 0, MapState.ACCEPTED, NOW, NOW, "ada", "s.csv", "edges", samples=1, refused=1, reasons=(REASON,)
)


@pytest.fixture
def loaded(session: Session, sample: Inventory) -> Session:
    apply(session, sample)
    return session


def _publish(session: Session, state: MapState = MapState.ACCEPTED, source: str = "s") -> int:
    record = replace(RECORD, state=state, source=source)
    return latency_store.publish(session, LatencyMap(source, NOW, SAMPLES), record, [ROW], now=NOW)


def _states(session: Session) -> dict[int, MapState]:
    return {each.epoch: each.state for each in latency_store.history(session, "s")}


def test_a_record_comes_back_as_it_went_in(loaded: Session) -> None:
    """With its reasons and what was not used."""
    epoch = _publish(loaded)
    assert latency_store.history(loaded) == (replace(RECORD, epoch=epoch, in_use=True),)
    assert latency_store.quarantine(loaded, [("s", epoch)]) == (("s", epoch, ROW),)
    assert latency_store.quarantine(loaded, [("s", 9)]) == ()
    assert latency_store.stored_map(loaded, "s", epoch).samples == SAMPLES


def test_a_held_map_is_not_in_use_until_it_is_accepted(loaded: Session) -> None:
    """Then who decided, when and why is kept."""
    _publish(loaded)
    held = _publish(loaded, MapState.HELD)
    assert route_store.current_epochs(loaded) == {"s": 1}
    record = latency_store.history(loaded)[0]
    later = NOW + timedelta(hours=1)
    latency_store.decide(loaded, record, MapState.ACCEPTED, Decision(later, "bob", "seen"))
    assert route_store.current_epochs(loaded) == {"s": held}
    decided = replace(record, state=MapState.ACCEPTED, decided_at=later, decided_by="bob", decision="seen", in_use=True)
    assert latency_store.history(loaded)[0] == decided


def test_held_maps_older_than_an_accepted_one_wait_no_more(loaded: Session) -> None:
    """Accepting one later would go back in time; those of other sources wait on."""
    _publish(loaded, MapState.HELD, "other")
    for state in (MapState.HELD, MapState.ACCEPTED, MapState.HELD):
        _publish(loaded, state)
    assert latency_store.supersede(loaded, "s", 2) == 1
    assert _states(loaded) == {1: MapState.SUPERSEDED, 2: MapState.ACCEPTED, 3: MapState.HELD}


def test_old_maps_go_and_epochs_go_on(loaded: Session) -> None:
    """With their samples and their quarantine."""
    for _ in range(4):
        _publish(loaded)
    assert latency_store.drop_old(loaded, keep=2) == 2
    assert latency_store.drop_old(loaded, keep=0) == 1
    assert _publish(loaded) == 5
    for row in (LatencySampleRow, LatencyQuarantineRow):
        assert loaded.scalar(select(func.count()).select_from(row)) == 2


def test_the_maps_that_were_in_use_stay_however_many_are_held_after_them(loaded: Session) -> None:
    """A publisher gone mad must not push the good maps out, nor what one could go back to."""
    for _ in range(3):
        _publish(loaded)
    for _ in range(5):
        _publish(loaded, MapState.HELD)
    assert latency_store.drop_old(loaded, keep=2) == 1 + 3
    held, used = MapState.HELD, MapState.ACCEPTED
    assert _states(loaded) == {2: used, 3: used, 7: held, 8: held}
    for epoch in (2, 3):
        latency_store.set_state(loaded, "s", epoch, MapState.ROLLED_BACK)
    latency_store.set_state(loaded, "s", 7, used, reasons=[])
    assert latency_store.drop_old(loaded, keep=1) == 2
    assert _states(loaded) == {7: used, 8: held}
    assert latency_store.history(loaded)[1].reasons == ()
