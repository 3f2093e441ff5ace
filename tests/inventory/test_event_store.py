"""A batch of events in a handful of statements, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from nearboot.errors import NotFoundError
from nearboot.inventory import boot_store, store
from nearboot.inventory.event_store import Ledger, Written, ledger
from nearboot.inventory.schema_store import reading, writing
from nearboot.model import Event, EventKind, Inventory, Phase, Run, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEB, DB = "web-ams-01", "db-fra-01"


@pytest.fixture
def loaded(engine: Engine, sample: Inventory) -> Engine:
    with writing(engine) as session:
        store.apply(session, sample)
    return engine


@pytest.fixture
def book(loaded: Engine) -> Ledger:
    return ledger(loaded.dialect.name)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def read(at: datetime, server: str | None = WEB, **more: object) -> Event:
    return replace(Event(at, EventKind.TFTP_READ, server, subject="x"), **more)  # type: ignore[arg-type]  # any field


def lease(session: Session, server: str | None, at: datetime) -> None:
    event = Event(at, EventKind.DHCP_LEASE, server, subject="10.20.0.77", detail={"valid_lifetime_s": 600})
    boot_store.add_event(session, event)


def test_what_is_written_comes_back_as_it_went_in(loaded: Engine, book: Ledger) -> None:
    """Every field of events and runs, and the numbers that tie them."""
    detail = {"bytes": 512, "seconds": 0.003, "whole": False, "mode": "o'\"\\ctet né", "none": None}
    begun = [
        Run(-1, WEB, Phase.POWER_ON, NOW, after(1), after(1), "superseded", "booted by itself", token="t1"),
        Run(-2, WEB, Phase.CONFIG, after(1), after(2), None, "", "booted by itself", "a problem", "t2"),
    ]
    first = read(NOW, client="10.10.0.11", boot_server=Slug("ams-boot"), phase=Phase.NBP, detail=detail)
    stranger = read(after(1), None, client="192.0.2.1", outcome="not-found")
    with writing(loaded) as session:
        book.write(session, Written([(first, -1), (stranger, None), (read(after(2)), -2)], begun=begun))
    with reading(loaded) as session:
        runs = {run.token: run for run in boot_store.runs(session)}
        stored = boot_store.events(session)
    assert [replace(run, id=0) for run in (runs["t1"], runs["t2"])] == [replace(run, id=0) for run in begun]
    assert [replace(each, id=0, run_id=None) for each in stored] == [first, stranger, read(after(2))]
    assert [each.run_id for each in stored] == [runs["t1"].id, None, runs["t2"].id]


def test_runs_change_before_others_begin(loaded: Engine, book: Ledger) -> None:
    """A server has one open run; and a new one takes in events that were of none."""
    with writing(loaded) as session:
        old = boot_store.start_run(session, WEB, NOW, token="old")
        early = boot_store.add_event(session, read(NOW))
        ended = replace(old, finished_at=after(1), updated_at=after(1), outcome="superseded", phase=Phase.NBP)
        new = Run(-1, WEB, Phase.NBP, after(1), after(1), token="new")
        stored = book.write_few(
            session, Written([(read(after(1)), -1)], begun=[new], changed=[ended], adopted={early.id: -1})
        )
    with reading(loaded) as session:
        opened = boot_store.open_run(session, WEB)
        assert opened is not None and opened.token == "new"
        assert boot_store.run(session, old.id) == ended
        assert {each.run_id for each in boot_store.events(session)} == {opened.id}
        assert stored == [boot_store.events(session)[-1]]


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(read(NOW, "none"), id="server"),
        pytest.param(read(NOW, boot_server=Slug("none")), id="boot server"),
    ],
)
def test_an_event_of_nobody_known_is_refused(loaded: Engine, book: Ledger, event: Event) -> None:
    with pytest.raises(NotFoundError), writing(loaded) as session:
        book.write(session, Written([(event, None)]))


def test_the_newest_runs_are_given_to_who_holds_the_servers(loaded: Engine, book: Ledger) -> None:
    """Open or not; a server without any is left out."""
    with writing(loaded) as session:
        for number in range(3):
            newest = boot_store.start_run(session, WEB, after(number), token=f"{number}")
        assert book.hold(session, {WEB, DB, "none"}) == {WEB: newest}
        assert book.hold(session, set()) == {}


def test_unplaced_events_are_those_of_no_run_since_a_time(loaded: Engine, book: Ledger) -> None:
    """Oldest first, by server."""
    with writing(loaded) as session:
        run = boot_store.start_run(session, WEB, NOW, token="t")
        given = [read(after(3)), read(after(2)), read(after(4), run_id=run.id), read(NOW), read(after(2), DB)]
        first, second, *_, other = boot_store.add_events(session, [*given, read(after(3), None)])[:5]
        assert book.unplaced(session, {WEB, DB}, after(1)) == {WEB: [second, first], DB: [other]}
        assert book.unplaced(session, set(), NOW) == {}


def test_addresses_are_of_the_servers_that_had_them(loaded: Engine, book: Ledger) -> None:
    """By the inventory, else by the lease of that time; each address at its own time, in one batch."""
    with writing(loaded) as session:
        lease(session, WEB, NOW)
        asked = {"10.10.0.11": NOW, "fd10::11": NOW, "10.20.0.77": after(1), "192.0.2.1": NOW, "2001:db8::1": NOW}
        expected = {"10.10.0.11": WEB, "fd10::11": WEB, "10.20.0.77": WEB}
        assert book.names_by_address(session, asked) == expected
        assert book.names_by_address(session, {"10.20.0.77": after(601)}) == {}
        lease(session, DB, after(300))
        assert book.names_by_address(session, {"10.20.0.77": after(301)}) == {"10.20.0.77": DB}
        late = asked | {"192.0.2.1": after(400)}
        assert book.names_by_address(session, late) == expected, "a newer lease is of another time"
        lease(session, None, after(500))
        assert book.names_by_address(session, {"10.20.0.77": after(501)}) == {}


def test_the_number_of_statements_is_that_of_a_batch(loaded: Engine, book: Ledger) -> None:
    """And not of its events."""
    said: list[str] = []
    with writing(loaded) as session:
        event.listen(loaded, "before_cursor_execute", lambda *args: said.append(args[2]))
        begun = [Run(-1 - n, WEB, Phase.NBP, NOW, NOW, NOW, "superseded", token=f"{n}") for n in range(100)]
        book.write(session, Written([(read(after(n)), -1 - n) for n in range(100)], begun=begun))
    assert len(said) == 4, said
