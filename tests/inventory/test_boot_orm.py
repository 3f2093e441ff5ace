"""What the database refuses among runs, samples and health, and what becomes of them when a server goes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from nearboot.inventory.boot_orm import EventRow, HealthRow, LatencyMapRow, LatencySampleRow, RouteRow, RunRow
from nearboot.inventory.orm import BootServerRow, LocationRow, Row, ServerRow

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def run(**over: Any) -> RunRow:
    plain = {"server_id": 1, "phase": "dhcp", "started_at": NOW, "updated_at": NOW, "outcome": "", "reason": ""}
    return RunRow(**plain | {"token": "t"} | over)


def sample(**over: Any) -> LatencySampleRow:
    return LatencySampleRow(**{"map_id": 1, "src_id": 1, "dst_id": 1, "loss": 0.0, "count": 0} | over)


def health(**over: Any) -> HealthRow:
    plain = {"boot_server_id": 1, "vantage": "", "checked_at": NOW, "healthy": True, "streak": 1, "detail": ""}
    return HealthRow(**plain | over)


def event(**over: Any) -> EventRow:
    plain = {"at": NOW, "kind": "tftp-read", "client": "", "subject": "", "outcome": "ok", "detail": {}}
    return EventRow(**plain | over)


@pytest.fixture
def place(session: Session) -> Session:
    """One location, server, boot server and latency map, each with id 1."""
    session.add(LocationRow(id=1, slug="ams", kind="site", name="", aliases=[]))
    session.flush()
    session.add(ServerRow(id=1, name="s1", location_id=1, serial="", uuid="", domain="", params={}))
    boot = {"http_url": "", "weight": 1, "tftp_port": 69, "state": "active"}
    session.add(BootServerRow(id=1, name="b", location_id=1, **boot))
    session.add(LatencyMapRow(id=1, source="s", epoch=1, published_at=NOW, loaded_at=NOW))
    session.flush()
    return session


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([run(), run(token="u")], id="two-open-runs"),
        pytest.param([run(finished_at=NOW), run()], id="token-twice"),
        pytest.param([run(phase="lunch")], id="phase"),
        pytest.param([run(server_id=99)], id="run-orphan"),
        pytest.param([sample(loss=1.5)], id="loss"),
        pytest.param([sample(rtt_ms=-1.0)], id="rtt"),
        pytest.param([sample(family=5)], id="family"),
        pytest.param([sample(src_id=99)], id="sample-nowhere"),
        pytest.param([health(), health()], id="vantage-twice"),
        pytest.param([health(boot_server_id=99)], id="health-orphan"),
        pytest.param([event(kind="sneeze")], id="kind"),
        pytest.param([event(run_id=99)], id="event-of-no-run"),
    ],
)
def test_the_database_refuses(place: Session, rows: list[Row]) -> None:
    """One open run a server, losses that are shares, nothing that refers to nothing."""
    with pytest.raises(IntegrityError):
        for row in rows:
            place.add(row)
            place.flush()


def test_events_outlive_their_server(place: Session) -> None:
    """A removed server's runs go; its events stay, as those of a client without a name."""
    place.add(run(id=1))
    place.flush()
    place.add(event(id=1, server_id=1, run_id=1, client="10.0.0.1"))
    place.flush()
    place.delete(place.get_one(ServerRow, 1))
    place.flush()
    place.expire_all()
    kept = place.query(EventRow).one()
    assert (kept.server_id, kept.run_id, kept.client) == (None, None, "10.0.0.1")
    assert place.query(RunRow).count() == 0


def test_a_route_outlives_its_chosen_boot_server(place: Session) -> None:
    place.add(RouteRow(location_id=1, family=4, chosen_id=1, candidates=[], reasons=[], decided_at=NOW))
    place.flush()
    place.delete(place.get_one(BootServerRow, 1))
    place.flush()
    place.expire_all()
    assert place.query(RouteRow).one().chosen_id is None
