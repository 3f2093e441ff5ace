"""Events advance the run of their server; a boot that nobody announced gets a run; a lost event ends nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address

import pytest
from sqlalchemy import Engine

from nearboot.app import events
from nearboot.app.database import database, reading, writing
from nearboot.config import Config
from nearboot.inventory import boot_store
from nearboot.model import Event, EventKind, Phase, Run

HERE = ip_address("127.0.0.1")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def _record(config: Config, event: Event) -> Event:
    with writing(config) as session:
        return events.record(session, event)


def _open(config: Config) -> Run | None:
    with reading(config) as session:
        return boot_store.open_run(session, "lo-01")


def _read(at: datetime, subject: str, client: str = "127.0.0.1") -> Event:
    return Event(at, EventKind.TFTP_READ, client=client, subject=subject)


def test_a_lease_opens_a_run_and_the_read_of_a_kernel_does_not(fleet: Config, now: datetime) -> None:
    """A server that boots by itself is traced as well; one that only reads a file is not booting."""
    before = now - 5 * MINUTE
    assert _record(fleet, Event(before, EventKind.TFTP_READ, server="lo-01", subject="deb/vmlinuz")).run_id is None
    stored = _record(fleet, Event(now, EventKind.DHCP_LEASE, server="lo-01", subject="127.0.0.1"))
    run = _open(fleet)
    assert run is not None
    assert (run.id, run.phase, run.reason) == (stored.run_id, Phase.DHCP, "booted by itself")


def test_a_run_advances_by_what_is_read(fleet: Config, now: datetime) -> None:
    """The kernel of an image of the inventory is known by its path."""
    with writing(fleet) as session:
        events.begin(session, "lo-01", now, reason="test")
    for second, subject in enumerate(("bootnetx64.efi", "grub/grub.cfg", "deb/vmlinuz", "grub/grub.cfg")):
        _record(fleet, Event(now + timedelta(seconds=second), EventKind.TFTP_READ, server="lo-01", subject=subject))
    run = _open(fleet)
    assert run is not None and run.phase is Phase.KERNEL


def test_an_event_of_a_stranger_is_kept(fleet: Config, now: datetime) -> None:
    """Without a server and without a run."""
    stored = _record(fleet, Event(now, EventKind.DHCP_LEASE, client="02:00:00:00:00:07", subject="127.0.0.7"))
    assert stored.id and stored.run_id is None


def _lease(at: datetime, **detail: int) -> Event:
    return Event(
        at, EventKind.DHCP_LEASE, server="lo-01", subject="127.0.0.1", detail={"valid_lifetime_s": 3600, **detail}
    )


def _nbp(at: datetime, outcome: str = "ok") -> Event:
    return Event(at, EventKind.TFTP_READ, server="lo-01", subject="grubnetx64.efi", outcome=outcome)


def _story(config: Config, run_id: int | None) -> list[tuple[EventKind, str]]:
    with reading(config) as session:
        return [(e.kind, e.outcome) for e in boot_store.events(session, run_id=run_id)]


def test_a_system_that_renews_its_lease_is_not_booting(fleet: Config, now: datetime) -> None:
    """The renewal stands on the server's timeline, marked, and is of no run."""
    _record(fleet, _lease(now))
    with writing(fleet) as session:
        run = boot_store.open_run(session, "lo-01")
        assert run is not None
        boot_store.update_run(session, replace(run, finished_at=now + MINUTE, outcome="provisioned"))
    renewed = _record(fleet, _lease(now + 30 * MINUTE))
    assert renewed.run_id is None and renewed.detail["renewal"] is True
    assert _open(fleet) is None


def test_a_boot_that_begins_with_a_renewal_is_told_whole(fleet: Config, now: datetime) -> None:
    """The firmware gets the address that its system still had, probes the size of the NBP, and then reads it."""
    _record(fleet, replace(_lease(now - 30 * MINUTE), detail={"valid_lifetime_s": 3600, "renewal": True}))
    for event in (_lease(now), _nbp(now + SECOND, "aborted-by-client")):
        assert _record(fleet, event).run_id is None
    stored = _record(fleet, _nbp(now + 2 * SECOND))
    run = _open(fleet)
    assert run is not None
    assert (run.id, run.phase, run.reason) == (stored.run_id, Phase.NBP, "booted by itself")
    assert _story(fleet, run.id) == [
        (EventKind.PROVISION_START, "ok"),
        (EventKind.DHCP_LEASE, "ok"),
        (EventKind.TFTP_READ, "aborted-by-client"),
        (EventKind.TFTP_READ, "ok"),
    ]


def test_a_new_run_takes_nothing_from_before_the_last_ones_end(fleet: Config, now: datetime) -> None:
    """Or it would stand before that one."""
    _record(fleet, _lease(now, renewal=True))
    with writing(fleet) as session:
        run = events.begin(session, "lo-01", now + SECOND, reason="test")
        boot_store.update_run(session, replace(run, finished_at=now + 5 * SECOND, outcome="provisioned"))
    assert _record(fleet, _nbp(now + 4 * SECOND)).run_id == run.id, "told late"
    second = _record(fleet, _nbp(now + 9 * SECOND)).run_id
    assert second not in (None, run.id)
    assert _story(fleet, second) == [(EventKind.PROVISION_START, "ok"), (EventKind.TFTP_READ, "ok")]


def test_next_weeks_boot_is_another_run(fleet: Config, now: datetime) -> None:
    """A run without call-backs never ends by itself; what was heard of within the hour is the same boot."""
    first = _record(fleet, _nbp(now)).run_id
    assert first is not None
    _record(fleet, Event(now + 50 * MINUTE, EventKind.TFTP_READ, server="lo-01", subject="a.mod"))
    assert _record(fleet, _nbp(now + 100 * MINUTE)).run_id == first, "heard of 50 minutes ago"
    assert _record(fleet, _lease(now + 101 * MINUTE, renewal=True)).run_id == first
    assert _record(fleet, _lease(now + 161 * MINUTE, renewal=True)).run_id is None, "renewals keep no run going"
    second = _record(fleet, _nbp(now + 7 * 24 * 60 * MINUTE)).run_id
    assert second not in (None, first)
    with reading(fleet) as session:
        old = boot_store.run(session, first)
    assert old is not None and old.outcome == "superseded"


@pytest.mark.parametrize(
    ("me", "asked", "boot_server"),
    [
        pytest.param("there-boot", HERE, "there-boot", id="its name wins"),
        pytest.param(None, HERE, "here-boot", id="by the address asked"),
        pytest.param(None, ip_address("192.0.2.9"), None, id="an address of none"),
        pytest.param(None, None, None, id="nothing known"),
    ],
)
def test_a_read_names_its_boot_server(
    fleet: Config, now: datetime, me: str | None, asked: object, boot_server: str | None
) -> None:
    """And its server, by the client's address."""
    with database(fleet) as engine:
        address = ip_address(str(asked)) if asked else None
        events.EventBook(engine, me=me).store([events.Read(_read(now, "deb/vmlinuz"), address)])
    with reading(fleet) as session:
        (stored,) = boot_store.events(session)
    assert (stored.server, stored.boot_server, stored.phase) == ("lo-01", boot_server, Phase.KERNEL)


def test_a_database_that_refuses_is_logged(
    empty_database_url: str, open_engine: Callable[[str], Engine], now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    """Serving goes on without its book; here the tables are gone."""
    with caplog.at_level(logging.ERROR):
        events.EventBook(open_engine(empty_database_url)).store([events.Read(_read(now, "deb/vmlinuz"), None)])
    assert "events lost: count=1 first kind=tftp-read client=127.0.0.1 subject=deb/vmlinuz" in caplog.text
    assert "Traceback" not in caplog.text


def _store(config: Config, book: Callable[[events.EventBook], None]) -> list[Event]:
    with database(config) as engine:
        book(events.EventBook(engine))
    with reading(config) as session:
        return list(boot_store.events(session, kind=EventKind.TFTP_READ))


def test_failed_reads_of_a_stranger_are_one_event_that_counts_them(fleet: Config, now: datetime) -> None:
    """Those of a known server stand one by one, and so do good reads."""
    stranger = [replace(_read(now, f"x{number}", "192.0.2.7"), outcome="not-found") for number in range(1000)]
    known = [replace(_read(now, f"y{number}"), outcome="not-found") for number in range(2)]
    good = [_read(now, "deb/vmlinuz", "192.0.2.7")] * 2
    found = _store(fleet, lambda book: book.store([events.Read(e, HERE) for e in (*stranger, *known, *good)]))
    assert [(e.client, e.subject, e.detail.get("count"), e.detail.get("last")) for e in found] == [
        ("192.0.2.7", "x0", 1000, "x999"),
        ("127.0.0.1", "y0", None, None),
        ("127.0.0.1", "y1", None, None),
        ("192.0.2.7", "deb/vmlinuz", None, None),
        ("192.0.2.7", "deb/vmlinuz", None, None),
    ]


def test_an_event_that_cannot_be_stored_takes_no_other_with_it(
    fleet: Config, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    """Here the boot server's look-up named a server that has been removed since."""

    def book(book: events.EventBook) -> None:
        book.expect("192.0.2.7", "/gone", "removed")
        texts = (("gone", "192.0.2.7"), ("nul\0", "192.0.2.8"), ("deb/vmlinuz", "127.0.0.1"))
        with caplog.at_level(logging.ERROR):
            book.store([events.Read(_read(now, subject, client), HERE) for subject, client in texts])

    assert [e.subject for e in _store(fleet, book)] == ["nul\\0", "deb/vmlinuz"]
    assert "event lost: kind=tftp-read client=192.0.2.7 subject='gone'" in caplog.text


def test_a_configuration_asked_for_by_mac_is_of_its_server(fleet: Config, now: datetime) -> None:
    """Though nobody knows the client's address; one that is known is believed first."""
    path = "pxelinux.cfg/01-52-54-00-00-00-02"

    def book(book: events.EventBook) -> None:
        for client in ("192.0.2.7", "127.0.0.1"):
            book.expect(client, path, "lo-02")
            book.store([events.Read(_read(now, path, client), HERE)])

    assert [(e.client, e.server) for e in _store(fleet, book)] == [("192.0.2.7", "lo-02"), ("127.0.0.1", "lo-01")]


def test_failed_reads_matter_less_until_their_client_is_known(fleet: Config, now: datetime) -> None:
    """A server's own misses are part of its story."""
    good, missed = _read(now, "deb/vmlinuz"), replace(_read(now, "x"), outcome="not-found")
    with database(fleet) as engine:
        book = events.EventBook(engine)
        assert [book.is_minor(events.Read(e, HERE)) for e in (good, missed)] == [False, True]
        book.store([events.Read(good, HERE)])
        assert not book.is_minor(events.Read(missed, HERE))
        assert book.is_minor(events.Read(replace(missed, client="192.0.2.7"), HERE))
