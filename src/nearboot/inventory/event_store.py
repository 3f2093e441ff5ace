"""What a batch of events needs to know, and storing it, each in one statement however many events there are.

Single questions about events and runs: boot_store. The transaction is the caller's, as everywhere.

    book = ledger("sqlite")
    names = book.names_by_address(session, {"10.0.0.1": at})
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

from sqlalchemy import BigInteger, Table, bindparam, insert, select, update
from sqlalchemy.orm import Session, aliased

from nearboot.errors import NotFoundError
from nearboot.inventory import boot_store, store
from nearboot.inventory.boot_orm import EventRow, RunRow
from nearboot.inventory.host_query_orm import BY_INDEX, RUN, host_queries, run_of
from nearboot.inventory.orm import BootServerRow, InterfaceRow, ServerRow
from nearboot.model import Event, EventKind, Phase, Run

RUNS: Table = RunRow.metadata.tables[RunRow.__tablename__]
EVENTS: Table = EventRow.metadata.tables[EventRow.__tablename__]
EVENT = ("at", "kind", "server_id", "client", "boot_server_id", "subject", "outcome", "phase", "detail", "run_id")
OF_RUN = ("server_id", *(name for name in RUN if name != "id"))
STANDING = ("phase", "updated_at", "finished_at", "outcome", "problem")
"""What of a run may change."""


@dataclass(frozen=True, slots=True)
class Written:
    """What is to be stored together: events, each with the number of its run; runs that began (their numbers are
    negative) and that changed; and events stored before, by number, with the run that takes them in."""

    events: Sequence[tuple[Event, int | None]]
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
        self._hosts = host_queries(dialect)
        lists = self._lists = self._hosts.lists
        self._servers = select(ServerRow.name, ServerRow.id).where(lists.among(ServerRow.name, "names"))
        named = lists.among(BootServerRow.name, "names")
        self._boot_servers = select(BootServerRow.name, BootServerRow.id).where(named)
        # FOR NO KEY UPDATE, as in boot_store.hold, and in order: two writers must not wait for one another.
        self._held = self._servers.order_by(ServerRow.name).with_for_update(key_share=True)
        run, servers = aliased(RunRow), lists.each("servers", BigInteger)
        newest = (
            select(run.id)
            .where(run.server_id == servers.c.value)
            .order_by(run.started_at.desc(), run.id.desc())
            .limit(1)
            .correlate_except(run)
            .scalar_subquery()
        )
        self._newest = select(RunRow.server_id, *(getattr(RunRow, name) for name in RUN)).where(
            lists.within(RunRow.id, select(newest).select_from(servers))
        )
        self._unplaced = (
            select(ServerRow.name, EventRow.id, EventRow.at, EventRow.kind, EventRow.subject, EventRow.outcome)
            .add_columns(EventRow.phase, EventRow.detail)
            .join(ServerRow, EventRow.server_id == ServerRow.id)
            .where(lists.among(ServerRow.name, "names"), EventRow.at >= bindparam("since"), EventRow.run_id.is_(None))
            .order_by(EventRow.at, EventRow.id)
        )
        self._add_events = insert(EVENTS).from_select(EVENT, lists.rows("rows", EVENTS, EVENT))
        added = insert(RUNS).from_select(OF_RUN, lists.rows("rows", RUNS, OF_RUN))
        self._add_runs = added.returning(RUNS.c.id, RUNS.c.token)
        self._names = [
            select(column, ServerRow.name)
            .join(ServerRow, InterfaceRow.server_id == ServerRow.id)
            .where(lists.among(column, "addresses"))
            for column in (InterfaceRow.ipv4, InterfaceRow.ipv6)
        ]

    def names_by_address(self, session: Session, asked: Mapping[str, datetime]) -> dict[str, str]:
        """The servers that addresses (as text) belong to, each at its time (see ``store.server_by_address``)."""
        found: dict[str, str] = {}
        for query, is_v6 in zip(self._names, (False, True), strict=True):
            of_family = [text for text in asked if (":" in text) is is_v6]
            if of_family:
                given = {"addresses": self._lists.values(of_family)}
                found |= {str(row[0]): row[1] for row in session.execute(query, given)}
        return found | self._leased(session, {text: at for text, at in asked.items() if text not in found})

    def hold(self, session: Session, servers: Collection[str]) -> dict[str, Run]:
        """Let this transaction alone tell these servers' stories (see ``boot_store.hold``), and give their newest
        runs as they then stand."""
        if not servers:
            return {}
        if self._lists.is_array:
            session.connection().exec_driver_sql(BY_INDEX.format("true"))
        given = {"names": self._lists.values(sorted(servers))}
        names: dict[int, str] = {row[1]: row[0] for row in session.execute(self._held, given)}
        runs = session.execute(self._newest, {"servers": self._lists.values(names)})
        return {names[row[0]]: run for row in runs if (run := run_of(row[1:], names[row[0]]))}

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

    def write(self, session: Session, written: Written) -> None:
        """Store it all; ``NotFoundError`` for an event of a server or boot server that is not inventoried."""
        numbers = self._write_runs(session, written)
        servers = self._ids(session, "server", {event.server for event, _ in written.events})
        boot_servers = self._ids(session, "boot server", {event.boot_server for event, _ in written.events})
        records = [
            {
                "at": event.at,
                "kind": event.kind.value,
                "server_id": servers[event.server],
                "client": event.client,
                "boot_server_id": boot_servers[event.boot_server],
                "subject": event.subject,
                "outcome": event.outcome,
                "phase": event.phase.value if event.phase else None,
                "detail": dict(event.detail),
                "run_id": numbers.get(run, run),
            }
            for event, run in written.events
        ]
        session.execute(self._add_events, {"rows": self._lists.records(records)})

    def write_few(self, session: Session, written: Written) -> list[Event]:
        """The same, and give the events with their ids and their runs' numbers."""
        numbers = self._write_runs(session, written)
        events = [replace(event, run_id=numbers.get(run, run)) for event, run in written.events]
        return boot_store.add_events(session, events)

    def _write_runs(self, session: Session, written: Written) -> dict[int | None, int]:
        """Store runs and adoptions, and give the numbers that the database gave to new runs."""
        _update(session, written.changed)  # first: a server has one open run
        servers = self._ids(session, "server", {run.server for run in written.begun})
        records = [
            {name: getattr(run, name) for name in RUN if name != "id"}
            | {"phase": run.phase.value, "server_id": servers[run.server]}
            for run in written.begun
        ]
        numbers: dict[int | None, int] = {}
        if records:
            rows = session.execute(self._add_runs, {"rows": self._lists.records(records)})
            of_token = {token: number for number, token in rows}
            numbers = {run.id: of_token[run.token] for run in written.begun}
        if written.adopted:
            adopt = update(EVENTS).where(EVENTS.c.id == bindparam("event")).values(run_id=bindparam("run"))
            given = [{"event": event, "run": numbers.get(run, run)} for event, run in written.adopted.items()]
            session.connection().execute(adopt, given)
        return numbers

    def _ids(self, session: Session, noun: str, names: Collection[str | None]) -> dict[str | None, int | None]:
        wanted = sorted({name for name in names if name is not None})
        found: dict[str | None, int | None] = {None: None}
        if wanted:
            query = self._servers if noun == "server" else self._boot_servers
            found |= {row[0]: row[1] for row in session.execute(query, {"names": self._lists.values(wanted)})}
        for name in wanted:
            if name not in found:
                raise NotFoundError(noun, name)
        return found

    def _leased(self, session: Session, asked: Mapping[str, datetime]) -> dict[str, str]:
        if not asked:
            return {}
        found: dict[str, str] = {}
        numbers: dict[str, int] = {}
        for lease in self._hosts.leases(session, [*asked], max(asked.values()) + store.NOTICED):
            address, at = lease.subject, asked[lease.subject]
            if lease.at > at + store.NOTICED:  # there may be an older one, of that time
                server = store.server_by_address(session, ip_address(address), at)
                found |= {address: server.name} if server else {}
            elif lease.server_id is not None and not store.has_expired(lease, at):
                numbers[address] = lease.server_id
        names = _names_of(session, numbers.values())
        return found | {address: names[number] for address, number in numbers.items()}


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
        given = [{"number": run.id} | {f"new_{name}": value for name, value in _standing(run).items()} for run in runs]
        session.connection().execute(where.values(values), given)


def _standing(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in STANDING} | {"phase": run.phase.value}
