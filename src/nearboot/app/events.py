"""The book of what happens: each lease, read and call-back becomes an event of its server, and advances its run.

Which run that is, and when a boot that nobody announced begins one: provisioning.belonging. Such a run also takes in
what its server did in the two minutes before and that is of no run: a lease that seemed a renewal, a size probe. Reads
are stored in batches, a transaction each; several processes may write at once.

    book = EventBook(engine, me="ams-boot")
    book.store([Read(Event(...), asked=address)])
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.orm import Session

from nearboot.boot import nbp
from nearboot.errors import NearbootError
from nearboot.inventory import boot_store, store
from nearboot.inventory.event_store import Ledger, Written, ledger
from nearboot.inventory.schema_store import writing
from nearboot.model import Address, Event, EventKind, Phase, Run, Slug
from nearboot.provisioning.belonging import RENEWAL, is_marked_renewal, is_renewal
from nearboot.provisioning.diagnosis import READS
from nearboot.provisioning.phases import classify
from nearboot.provisioning.telling import ADOPTED, Telling, may_begin
from nearboot.provisioning.tokens import new_token

log = logging.getLogger(__name__)

NBPS = nbp.nbp_paths()
CHANCE = secrets.SystemRandom()
LATEST = datetime.max.replace(tzinfo=UTC)
REMEMBERED = 4096
"""Clients whose server is kept in mind; a fleet does not boot all at once."""
RECENT_LEASES = 20

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Read:
    """A read as a server tells it: its boot server is found by the address that was asked."""

    event: Event
    asked: Address | None


class EventBook:
    """Writes reads down. ``me``: the boot server whose reads they are; None: found by the address that was asked."""

    def __init__(self, engine: Engine, *, me: str | None = None) -> None:
        self._engine, self._ledger = engine, ledger(engine.dialect.name)
        self._me = Slug(me) if me else None
        self._known: OrderedDict[str, str] = OrderedDict()  # address -> server, as far as reads have shown
        self._named: OrderedDict[tuple[str, str], str] = OrderedDict()  # client and path -> server
        self._lock = threading.Lock()  # look-ups run in several threads

    def expect(self, client: str, path: str, server: str | None) -> None:
        """Tell whose configuration a client is about to read: its address alone may not say it."""
        if server is not None:
            with self._lock:
                _keep(self._named, (client, _clean(path.lstrip("/"))), server)

    def server_of(self, client: str, path: str) -> str | None:
        """Whose read it is, as far as it is known without the database."""
        with self._lock:
            return self._named.get((client, _clean(path.lstrip("/")))) or self._known.get(client)

    def is_minor(self, read: Read) -> bool:
        """Whether a read failed, of a client that is no known server: scanners and loops ask so, by the thousand."""
        return read.event.outcome != "ok" and read.event.client not in self._known

    def store(self, reads: Sequence[Read]) -> None:
        """Store reads in one transaction; one that cannot be stored is logged, and the others are.

        A database that refuses is logged: serving goes on without its book.
        """
        try:
            with writing(self._engine) as session:
                _record_all(session, _folded(self._placed(session, reads)), self._ledger)
        except NearbootError as error:
            first = reads[0].event
            log.error(
                "events lost: count=%d first kind=%s client=%s subject=%s: %s",
                len(reads),
                first.kind.value,
                first.client,
                first.subject,
                error,
            )

    def _placed(self, session: Session, reads: Sequence[Read]) -> Iterator[Event]:
        """The events with their servers; each client and each address asked is looked up once."""
        at = {read.event.client: read.event.at for read in reversed(reads)}  # the first of each counts
        names = self._ledger.names_by_address(session, at)
        asked = {address: self._asked(session, address) for address in {read.asked for read in reads}}
        for read in reads:
            client, subject = read.event.client, _clean(read.event.subject)
            server = names.get(client) or self._named.get((client, subject))
            if server is not None:
                _keep(self._known, client, server)
            yield replace(read.event, subject=subject, server=server, boot_server=asked[read.asked])

    def _asked(self, session: Session, asked: Address | None) -> Slug | None:
        if self._me is not None or asked is None:
            return self._me
        found = store.boot_server_by_address(session, asked)
        return found.name if found else None


def record(session: Session, event: Event) -> Event:
    """Store an event with the phase that it shows, and advance its server's run."""
    book = ledger(session.get_bind().dialect.name)
    return book.write_few(session, _told(session, [event], book))[-1]


def begin(session: Session, server: str, now: datetime, *, reason: str) -> Run:
    """Start a provisioning run; one that is still open ends as superseded."""
    run = boot_store.start_run(session, server, now, token=new_token(CHANCE), phase=Phase.POWER_ON, reason=reason)
    boot_store.add_event(
        session,
        Event(now, EventKind.PROVISION_START, server=server, subject=reason, phase=Phase.POWER_ON, run_id=run.id),
    )
    return run


def image_paths(session: Session) -> Collection[str]:
    """The paths of all kernels and initrds."""
    return [path for image in store.images(session) for path in (image.kernel, *image.initrd)]


def _record_all(session: Session, events: Sequence[Event], book: Ledger) -> None:
    """All at once; where one of them cannot be stored, one by one, so that no other is lost with it."""
    try:
        with session.begin_nested():
            book.write(session, _told(session, events, book))
    except OperationalError:
        raise  # it is the database that fails, not an event
    except (NearbootError, StatementError, ValueError) as error:
        if len(events) > 1:
            book.hold(session, {event.server for event in events if event.server})  # in order, as at first
            for event in events:
                _record_all(session, [event], book)
            return
        (event,) = events
        log.error("event lost: kind=%s client=%s subject=%r: %s", event.kind.value, event.client, event.subject, error)


def _told(session: Session, events: Sequence[Event], book: Ledger) -> Written:
    """What is to be stored of events, in their order: with the runs that they begin and advance."""
    newest = book.hold(session, {event.server for event in events if event.server})
    paths = image_paths(session) if any(event.kind in READS for event in events) else ()
    shown = [_marked(session, _shown(event, paths)) for event in events]
    beginning = [event for event in shown if event.server and may_begin(event, newest.get(event.server))]
    telling = Telling(
        newest,
        named=_runs_named(session, shown),
        unplaced=book.unplaced(
            session,
            {event.server for event in beginning if event.server},
            min((event.at for event in beginning), default=LATEST) - ADOPTED,
        ),
        heard_at=partial(_heard_at, session),
        token=partial(new_token, CHANCE),
    )
    for event in shown:
        telling.tell(event)
    return Written(telling.events, begun=telling.begun, changed=telling.changed, adopted=telling.adopted)


def _shown(event: Event, paths: Collection[str]) -> Event:
    phase = event.phase or classify(event.kind, event.subject, nbps=NBPS, images=paths)
    return event if phase is event.phase else replace(event, phase=phase)


def _runs_named(session: Session, events: Iterable[Event]) -> list[Run]:
    """The runs that events name themselves, as call-backs do."""
    found = (boot_store.run(session, number) for number in {event.run_id for event in events if event.run_id})
    return [run for run in found if run is not None]


def _folded(events: Iterable[Event]) -> list[Event]:
    """The events, strangers' failed reads as one of each client and outcome, which counts them."""
    kept: list[Event] = []
    first: dict[tuple[EventKind, str, str], int] = {}
    for event in events:
        key = (event.kind, event.client, event.outcome)
        if event.server is not None or event.outcome == "ok":
            kept.append(event)
        elif key in first:
            folded = kept[first[key]]
            count = folded.detail.get("count", 1)
            assert isinstance(count, int)
            kept[first[key]] = replace(folded, detail={**folded.detail, "count": count + 1, "last": event.subject})
        else:
            first[key] = len(kept)
            kept.append(event)
    return kept


def _marked(session: Session, event: Event) -> Event:
    """A lease with the mark of a renewal, where it is one."""
    if event.kind is not EventKind.DHCP_LEASE or event.server is None or RENEWAL in event.detail:
        return event
    earlier = boot_store.events(session, server=event.server, kind=EventKind.DHCP_LEASE, limit=RECENT_LEASES)
    return replace(event, detail={**event.detail, RENEWAL: True}) if is_renewal(event, earlier) else event


def _heard_at(session: Session, run: Run, since: datetime) -> datetime | None:
    events = boot_store.events(session, run_id=run.id, since=since)
    return max((event.at for event in events if not is_marked_renewal(event)), default=None)


def _clean(text: str) -> str:
    """A text that every database takes: PostgreSQL has no NUL, and a client may ask for one."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _keep(mind: OrderedDict[K, V], key: K, value: V) -> None:
    """Remember, and forget what was longest not told."""
    mind[key] = value
    mind.move_to_end(key)
    if len(mind) > REMEMBERED:
        mind.popitem(last=False)
