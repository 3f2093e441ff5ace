"""What a person decides of latency maps, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from nearboot.app import inventory, latency, latency_history
from nearboot.app.database import reading
from nearboot.config import Config
from nearboot.errors import InputError, NotFoundError
from nearboot.inventory import boot_store
from nearboot.model import MapState

FLEET = """
locations: [{slug: a, kind: site}, {slug: b, kind: site}, {slug: p, kind: site}]
subnets: [{prefix: 10.1.0.0/24, location: p}]
boot_servers:
- {name: a-boot, location: a, ipv4: 10.9.0.1, http_url: "http://10.9.0.1:8080"}
- {name: b-boot, location: b, ipv4: 10.9.0.2, http_url: "http://10.9.0.2:8080"}
"""
NEAR_A, NEAR_B = "p,a,5\np,b,50\n", "p,a,50\np,b,5\n"
Publish = Callable[..., latency.Loaded]


@pytest.fixture
def publish(config: Config, now: datetime, tmp_path: Path) -> Publish:
    """Loads a map; the fleet has one populated place, which any other nearest boot server moves."""
    (tmp_path / "ab.yaml").write_text(FLEET)
    inventory.load(config, [str(tmp_path / "ab.yaml")], prune=False, dry_run=False, actor="ada", now=now)

    def _publish(rows: str, source: str = "wan") -> latency.Loaded:
        file = tmp_path / f"{source}.csv"
        file.write_text("src,dst,rtt_ms\n" + rows)
        return latency.load(config, str(file), latency.Reading(), dry_run=False, actor="ada", now=now)

    return _publish


def _states(config: Config, source: str | None = None) -> list[tuple[int, str, bool]]:
    return [(each.epoch, each.state.value, each.in_use) for each in latency_history.history(config, source)]


def _decide(
    verb: Callable[..., latency_history.Decided], config: Config, epoch: int | None, now: datetime, **other: str | None
) -> latency_history.Decided:
    given = {"source": None, "reason": "seen", "actor": "bob", "now": now} | other
    return verb(config, epoch, **given)


def test_a_held_map_is_used_once_it_is_accepted(config: Config, now: datetime, publish: Publish) -> None:
    """Who, when and why is kept; who moves is told; the audit log has it."""
    assert publish(NEAR_A).state is MapState.ACCEPTED, "the first map has nothing to be compared with"
    assert publish(NEAR_B).state is MapState.HELD
    assert _states(config) == [(2, "held", False), (1, "accepted", True)]
    done = _decide(latency_history.accept, config, 2, now)
    assert [(m.location, m.family, m.before, m.after) for m in done.moves] == [("p", 4, "a-boot", "b-boot")]
    assert _states(config) == [(2, "accepted", True), (1, "accepted", False)]
    record = latency_history.history(config)[0]
    assert (record.decided_by, record.decided_at, record.decision) == ("bob", now, "seen")
    assert [reason.code for reason in record.reasons] == ["blast-radius"]
    with reading(config) as session:
        entry = boot_store.audit(session)[0]
    assert (entry.actor, entry.action, entry.subject) == ("bob", "latency.accept", "wan")
    assert entry.detail == "epoch 2, 2 samples: seen"


def test_a_rejected_map_is_never_used(config: Config, now: datetime, publish: Publish) -> None:
    """It stays in the history, and cannot be accepted any more."""
    publish(NEAR_A)
    publish(NEAR_B)
    assert _decide(latency_history.reject, config, 2, now).record.state is MapState.REFUSED
    assert _states(config) == [(2, "refused", False), (1, "accepted", True)]
    for verb in (latency_history.accept, latency_history.reject):
        with pytest.raises(NotFoundError, match="no held latency map named '2'"):
            _decide(verb, config, 2, now)


def test_an_earlier_map_is_used_again_until_a_newer_one_comes(config: Config, now: datetime, publish: Publish) -> None:
    """Back and forth; epochs go on counting."""
    publish(NEAR_A)
    publish(NEAR_B)
    _decide(latency_history.accept, config, 2, now)
    done = _decide(latency_history.rollback, config, None, now)
    assert [(m.before, m.after) for m in done.moves] == [("b-boot", "a-boot")]
    assert _states(config) == [(2, "rolled-back", False), (1, "accepted", True)]
    assert _decide(latency_history.rollback, config, 2, now).record.epoch == 2
    assert _states(config) == [(2, "accepted", True), (1, "accepted", False)]
    _decide(latency_history.rollback, config, 1, now)
    assert publish(NEAR_A).epoch == 3
    assert _states(config) == [(3, "accepted", True), (2, "rolled-back", False), (1, "accepted", False)]


def test_there_must_be_something_to_go_back_to(config: Config, now: datetime, publish: Publish) -> None:
    """Neither the map in use, nor one that was held, nor one that never was."""
    publish(NEAR_A)
    publish(NEAR_B)
    for epoch in (None, 1, 2, 9):
        with pytest.raises(NotFoundError, match="earlier latency map"):
            _decide(latency_history.rollback, config, epoch, now)
    assert _states(config) == [(2, "held", False), (1, "accepted", True)]


def test_of_several_sources_one_must_be_named(config: Config, now: datetime, publish: Publish) -> None:
    """Epochs are counted by source."""
    publish(NEAR_A)
    publish(NEAR_B, "one")
    publish(NEAR_B, "two")
    with pytest.raises(InputError, match="epoch 1 of one, two; expected one source"):
        _decide(latency_history.accept, config, 1, now)
    with pytest.raises(InputError, match="maps of one, two, wan"):
        _decide(latency_history.rollback, config, None, now)
    assert _decide(latency_history.reject, config, 1, now, source="two").record.source == "two"
    assert _decide(latency_history.accept, config, 1, now).record.source == "one"
    with pytest.raises(NotFoundError, match="did you mean one, two, wan"):
        latency_history.history(config, "three")


def test_the_first_map_is_forgotten_with_its_source(config: Config, now: datetime, publish: Publish) -> None:
    """The way out of a wrong map with which every right one is compared."""
    publish(NEAR_A)
    latency.remove(config, "wan", actor="ada", now=now)
    assert _states(config) == []
    assert publish(NEAR_B).state is MapState.ACCEPTED


def test_the_quarantine_lists_what_is_not_used(config: Config, now: datetime, publish: Publish) -> None:
    """Of the maps in use and of those held; what guards refuse only since then too."""
    publish(NEAR_A + "p,atlantis,4\n")
    publish(NEAR_B + "p,thule,4\n")
    found = [(each.epoch, each.state.value, each.row.text) for each in latency_history.quarantine(config, None, now)]
    assert found == [(1, "accepted", "atlantis"), (2, "held", "thule")]
    places = config.state_dir + "/places.yaml"
    Path(places).write_text(
        "locations: [{slug: a, kind: site, latitude: 50, longitude: 8},"
        " {slug: p, kind: site, latitude: -50, longitude: 170}]\n"
    )
    inventory.load(config, [places], prune=False, dry_run=False, actor="ada", now=now)
    texts = [each.row.text for each in latency_history.quarantine(config, "wan", now)]
    assert texts == ["atlantis", "p → a", "thule"]
