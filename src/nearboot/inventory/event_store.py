"""What a batch of events needs to know, and storing it, each in one statement however many events there are.

Single questions about events and runs: boot_store. The transaction is the caller's, as everywhere.

    book = ledger("sqlite")
    names = book.names_by_address(session, {address: at})
    newest = book.hold(session, {"web-ams-01"})
    stored = book.write(session, Written(events, begun=..., changed=..., adopted=...))
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from ipaddress import ip_address
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session, aliased

from nearboot.errors import NotFoundError
from nearboot.inventory import boot_store, store
from nearboot.inventory.boot_orm import EventRow, RunRow
from nearboot.inventory.host_query_orm import RUN, HostQueries, run_of
from nearboot.inventory.orm import InterfaceRow, ServerRow
from nearboot.model import Address, Event, EventKind, Phase, Run

RUNS: Table = RunRow.metadata.tables[RunRow.__tablename__]
EVENTS: Table = EventRow.metadata.tables[EventRow.__tablename__]
STANDING = ("phase", "updated_at", "finished_at", "outcome", "problem")
"""What of a run may change."""


@dataclass(frozen=True, slots=True)
class Written:
    """What is to be stored together: ``begun`` runs have negative numbers, by which events and ``adopted`` (the number
    of a stored event, and of the run that takes it in) name them."""

    events: Sequence[Event]
    begun: Sequence[Run] = ()
    changed: Sequence[Run] = ()
    adopted: Mapping[int, int] = field(default_factory=dict)


@cache
def ledger(dialect: str) -> Ledger:
    """The ledger for a database; making its statements takes some milliseconds."""
    return Ledger(dialect)


class Ledger:
    """The statements for one of the two databases."""

    def __init__(self, dialect: str) -> None:
        self._hosts = HostQueries(dialect)
        lists = self._lists = self._hosts.lists
        self._servers = select(ServerRow.name, ServerRow.id).where(lists.among(ServerRow.name, "names"))
        # FOR NO KEY UPDATE, as in boot_store.hold, and in order: two writers must not wait for one another.
        self._held = self._servers.order_by(ServerRow.name).with_for_update(key_share=True)
        run, names = aliased(RunRow), lists.each("names")
        newest = (
            select(run.id)
            .join(ServerRow, run.server_id == ServerRow.id)
            .where(ServerRow.name == names.c.value)
            .order_by(run.started_at.desc(), run.id.desc())
            .limit(1)
            .correlate_except(run, ServerRow)
            .scalar_subquery()
        )
        self._newest = (
            select(ServerRow.name, *(getattr(RunRow, name) for name in RUN))
            .join(ServerRow, RunRow.server_id == ServerRow.id)
            .where(RunRow.id.in_(select(newest).select_from(names)))
        )
        self._unplaced = (
            select(ServerRow.name, EventRow.id, EventRow.at, EventRow.kind, EventRow.subject, EventRow.outcome)
            .add_columns(EventRow.phase, EventRow.detail)
            .join(ServerRow, EventRow.server_id == ServerRow.id)
            .where(lists.among(ServerRow.name, "names"), EventRow.at >= bindparam("since"), EventRow.run_id.is_(None))
            .order_by(EventRow.at, EventRow.id)
        )
        self._names = [
            select(column, ServerRow.name)
            .join(ServerRow, InterfaceRow.server_id == ServerRow.id)
            .where(lists.among(column, "addresses"))
            for column in (InterfaceRow.ipv4, InterfaceRow.ipv6)
        ]

    def names_by_address(self, session: Session, asked: Mapping[Address, datetime]) -> dict[Address, str]:
        """The servers that addresses belong to, each at its time (see ``store.server_by_address``)."""
        texts: dict[Any, Address] = {str(address): address for address in asked}
        found: dict[Address, str] = {}
        for query, version in zip(self._names, (4, 6), strict=True):
            of_family = [text for text, address in texts.items() if address.version == version]
            if of_family:
                rows = session.execute(query, {"addresses": self._lists.values(of_family)})
                found |= {texts[row[0]]: row[1] for row in rows}
        return found | self._leased(session, {address: at for address, at in asked.items() if address not in found})

    def hold(self, session: Session, servers: Collection[str]) -> dict[str, Run]:
        """Let this transaction alone tell these servers' stories (see ``boot_store.hold``), and give their newest
        runs as they then stand."""
        if not servers:
            return {}
        given = {"names": self._lists.values(sorted(servers))}
        session.execute(self._held, given)
        runs = ((row[0], run_of(row[1:], row[0])) for row in session.execute(self._newest, given))
        return {name: run for name, run in runs if run is not None}

    def unplaced(self, session: Session, servers: Collection[str], since: datetime) -> dict[str, list[Event]]:
        """The events of servers since a time that are of no run, oldest first; without client and boot server."""
        found: dict[str, list[Event]] = {}
        if servers:
            given = {"names": self._lists.values(sorted(servers)), "since": since}
            for name, number, at, kind, subject, outcome, phase, detail in session.execute(self._unplaced, given):
                events = found.setdefault(name, [])
                event = Event(
                    at,
                    EventKind(kind),
                    server=name,
                    subject=subject,
                    outcome=outcome,
                    phase=Phase(phase) if phase else None,
                    detail=detail,
                    id=number,
                )
                events.append(event)
        return found

    def write(self, session: Session, written: Written) -> list[Event]:
        """Store it all, and give the events with their ids and their runs' numbers; ``NotFoundError`` for an event of
        a server that is not inventoried."""
        servers = self._server_ids(session, {run.server for run in written.begun})
        _update(session, written.changed)  # first: a server has one open run
        numbers = _insert(session, written.begun, servers)
        stored = boot_store.add_events(session, [_placed(event, numbers) for event in written.events])
        if written.adopted:
            adopt = update(EVENTS).where(EVENTS.c.id == bindparam("event")).values(run_id=bindparam("run"))
            given = [{"event": event, "run": numbers.get(run, run)} for event, run in written.adopted.items()]
            session.connection().execute(adopt, given)
        return stored

    def _server_ids(self, session: Session, names: Collection[str]) -> dict[str, int]:
        if not names:
            return {}
        rows = session.execute(self._servers, {"names": self._lists.values(sorted(names))})
        found: dict[str, int] = {row[0]: row[1] for row in rows}
        for name in sorted(set(names) - found.keys()):
            raise NotFoundError("server", name)
        return found

    def _leased(self, session: Session, asked: Mapping[Address, datetime]) -> dict[Address, str]:
        if not asked:
            return {}
        leases = self._hosts.leases(session, [str(address) for address in asked], max(asked.values()) + store.NOTICED)
        found: dict[Address, str] = {}
        ids: dict[Address, int] = {}
        for lease in leases:
            address = ip_address(lease.subject)
            if lease.at > asked[address] + store.NOTICED:  # there may be an older one, of that time
                server = store.server_by_address(session, address, asked[address])
                found |= {address: server.name} if server else {}
            elif lease.server_id is not None and not store.has_expired(lease, asked[address]):
                ids[address] = lease.server_id
        names = _names_of(session, ids.values())
        return found | {address: names[number] for address, number in ids.items()}


def _names_of(session: Session, numbers: Iterable[int]) -> dict[int, str]:
    wanted = set(numbers)
    if not wanted:
        return {}
    rows = session.execute(select(ServerRow.id, ServerRow.name).where(ServerRow.id.in_(wanted)))
    return {row[0]: row[1] for row in rows}


def _update(session: Session, runs: Sequence[Run]) -> None:
    if runs:
        where = update(RUNS).where(RUNS.c.id == bindparam("number"))
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in STANDING}
        given = [
            {"number": run.id} | {f"new_{name}": value for name, value in _record(run).items() if name in STANDING}
            for run in runs
        ]
        session.connection().execute(where.values(values), given)


def _insert(session: Session, runs: Sequence[Run], servers: Mapping[str, int]) -> dict[int, int]:
    """The numbers that the database gave to new runs, by those that they had."""
    if not runs:
        return {}
    records = [_record(run) | {"server_id": servers[run.server]} for run in runs]
    added = insert(RUNS).returning(RUNS.c.id, sort_by_parameter_order=True)
    numbers = session.connection().execute(added, records).scalars().all()
    return {run.id: number for run, number in zip(runs, numbers, strict=True)}


def _record(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in RUN if name not in ("id", "phase")} | {"phase": run.phase.value}


def _placed(event: Event, numbers: Mapping[int, int]) -> Event:
    if event.run_id is None or event.run_id > 0:
        return event
    return replace(event, run_id=numbers[event.run_id])
