"""Events, runs and the audit log, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from nearboot.errors import NotFoundError
from nearboot.inventory import boot_store
from nearboot.inventory.apply_store import apply
from nearboot.inventory.schema_store import writing
from nearboot.model import AuditEntry, Event, EventKind, Inventory, Phase, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SERVER = "web-ams-01"


@pytest.fixture
def loaded(session: Session, sample: Inventory) -> Session:
    apply(session, sample)
    return session


def after(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_an_event_comes_back_as_it_went_in_with_an_id(loaded: Session) -> None:
    run = boot_store.start_run(loaded, SERVER, NOW, token="t")
    event = Event(
        at=NOW,
        kind=EventKind.TFTP_READ,
        server=SERVER,
        client="10.10.0.11",
        boot_server=Slug("ams-boot"),
        subject="pxelinux.0",
        outcome="timed-out",
        phase=Phase.NBP,
        detail={"bytes": 512, "seconds": 0.5, "whole": False, "mode": "octet", "none": None},
        run_id=run.id,
    )
    stored = boot_store.add_event(loaded, event)
    assert stored.id > 0
    assert boot_store.events(loaded) == (stored,) == (replace(event, id=stored.id),)


def test_many_events_keep_their_order_and_strangers_are_welcome(loaded: Session) -> None:
    events = [Event(after(n), EventKind.HTTP_READ, client=f"c{n}", subject=str(n)) for n in range(50)]
    stored = boot_store.add_events(loaded, events)
    assert [event.subject for event in stored] == [str(n) for n in range(50)]
    assert boot_store.events(loaded) == tuple(stored)
    assert boot_store.add_events(loaded, []) == []


def test_events_that_came_before_their_run_can_be_put_into_it(loaded: Session) -> None:
    """The others stay as they are."""
    events = boot_store.add_events(loaded, [Event(after(n), EventKind.DHCP_LEASE, server=SERVER) for n in range(3)])
    run = boot_store.start_run(loaded, SERVER, NOW, token="t")
    boot_store.adopt_events(loaded, events[1:], run)
    boot_store.adopt_events(loaded, [], run)
    assert [event.run_id for event in boot_store.events(loaded)] == [None, run.id, run.id]


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(Event(NOW, EventKind.OPERATOR, server="none"), id="server"),
        pytest.param(Event(NOW, EventKind.OPERATOR, boot_server=Slug("none")), id="boot-server"),
    ],
)
def test_an_event_of_nobody_known_by_that_name_is_refused(loaded: Session, event: Event) -> None:
    with pytest.raises(NotFoundError):
        boot_store.add_event(loaded, event)


def test_events_are_selected_and_the_newest_kept(loaded: Session) -> None:
    run = boot_store.start_run(loaded, SERVER, NOW, token="t")
    kinds = [EventKind.DHCP_LEASE, EventKind.TFTP_READ, EventKind.CALLBACK]
    stored = boot_store.add_events(
        loaded,
        [
            Event(after(n), kind, server=SERVER if n else None, client=f"c{n}", run_id=run.id if n == 2 else None)
            for n, kind in enumerate(kinds)
        ],
    )
    assert boot_store.events(loaded, server=SERVER) == tuple(stored[1:])
    assert boot_store.events(loaded, run_id=run.id) == (stored[2],)
    assert boot_store.events(loaded, client="c0") == (stored[0],)
    assert boot_store.events(loaded, kind=EventKind.TFTP_READ) == (stored[1],)
    assert boot_store.events(loaded, since=after(1)) == tuple(stored[1:])
    assert boot_store.events(loaded, after_id=stored[1].id) == (stored[2],)
    assert boot_store.events(loaded, limit=2) == tuple(stored[1:])
    assert boot_store.events(loaded, server=SERVER, kind=EventKind.DHCP_LEASE) == ()


def test_a_run_is_opened_advanced_and_finished(loaded: Session) -> None:
    run = boot_store.start_run(loaded, SERVER, NOW, token="secret", reason="reinstall")
    assert (run.phase, run.outcome, run.reason) == (Phase.POWER_ON, "", "reinstall")
    assert boot_store.open_run(loaded, SERVER) == run == boot_store.run_by_token(loaded, "secret")
    advanced = replace(run, phase=Phase.KERNEL, updated_at=after(1))
    boot_store.update_run(loaded, advanced)
    assert boot_store.open_run(loaded, SERVER) == advanced
    done = replace(
        advanced, phase=Phase.PROVISIONED, updated_at=after(2), finished_at=after(2), outcome="provisioned", problem="x"
    )
    boot_store.update_run(loaded, done)
    assert boot_store.open_run(loaded, SERVER) is None
    assert boot_store.run_by_token(loaded, "secret") == done
    assert boot_store.runs(loaded, unfinished=True) == ()
    assert boot_store.runs(loaded, server=SERVER) == (done,)


def test_a_new_run_supersedes_the_open_one(loaded: Session) -> None:
    """A server has one open run; the other servers' stay."""
    first = boot_store.start_run(loaded, SERVER, NOW, token="1")
    other = boot_store.start_run(loaded, "db-fra-01", NOW, token="2")
    second = boot_store.start_run(loaded, SERVER, after(5), token="3", phase=Phase.DHCP)
    assert boot_store.open_run(loaded, SERVER) == second
    assert boot_store.open_run(loaded, "db-fra-01") == other
    superseded = replace(first, finished_at=after(5), updated_at=after(5), outcome="superseded")
    assert boot_store.runs(loaded, server=SERVER) == (second, superseded)
    assert boot_store.runs(loaded, limit=1) == (second,)


def test_runs_of_nobody_are_refused(loaded: Session) -> None:
    with pytest.raises(NotFoundError):
        boot_store.start_run(loaded, "none", NOW, token="t")
    run = boot_store.start_run(loaded, SERVER, NOW, token="t")
    with pytest.raises(NotFoundError):
        boot_store.update_run(loaded, replace(run, id=99))
    assert boot_store.run_by_token(loaded, "none") is None


def test_the_audit_log_tells_the_newest_first(loaded: Session) -> None:
    entries = [AuditEntry(after(n), "root", "boot-server.drain", f"b{n % 2}", str(n)) for n in range(4)]
    for entry in entries:
        boot_store.add_audit(loaded, entry)
    assert boot_store.audit(loaded) == tuple(entries[::-1])
    assert boot_store.audit(loaded, subject="b1") == (entries[3], entries[1])
    assert boot_store.audit(loaded, limit=1) == (entries[3],)


def test_writers_of_one_server_take_turns(engine: Engine, sample: Inventory) -> None:
    """TFTP, HTTP and the leases write at once: who comes second sees what the first has stored, and undoes nothing."""
    with writing(engine) as session:
        apply(session, sample)
        run = boot_store.start_run(session, SERVER, NOW, token="t")
    seen: list[object] = []

    def second() -> None:
        with writing(engine) as session:
            before = boot_store.run_by_token(session, "t") if engine.dialect.name == "postgresql" else None
            boot_store.hold(session, SERVER)
            seen.extend([before, boot_store.run(session, run.id)])

    thread = Thread(target=second)
    ended = replace(run, finished_at=after(1), updated_at=after(1), outcome="provisioned")
    with writing(engine) as session:
        boot_store.hold(session, SERVER)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "it waits for the first"
        boot_store.update_run(session, ended)
    thread.join()
    assert seen[1] == ended
