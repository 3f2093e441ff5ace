"""What clients did and who changed what, in the database: events, provisioning runs, the audit log.

with writing(engine) as session: run = start_run(session, "web-ams-01", now, token=token)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from operator import eq, ge, gt
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session, aliased

from nearboot.errors import NotFoundError
from nearboot.inventory.boot_orm import AuditRow, EventRow, RunRow
from nearboot.inventory.orm import BootServerRow, ServerRow
from nearboot.model import AuditEntry, Event, EventKind, Phase, Run, Slug

SUPERSEDED = "superseded"


def add_event(session: Session, event: Event) -> Event:
    """Store an event and give it with its id; ``NotFoundError`` if it names a server that is not inventoried."""
    return add_events(session, [event])[0]


def add_events(session: Session, events: Sequence[Event]) -> list[Event]:
    """Store events in one statement, and give them with their ids, in the same order."""
    if not events:
        return []
    servers = _ids(session, "server", ServerRow, {event.server for event in events if event.server})
    boot_servers = _ids(session, "boot server", BootServerRow, {e.boot_server for e in events if e.boot_server})
    records = [
        {
            "at": event.at,
            "kind": event.kind.value,
            "server_id": servers.get(event.server or ""),
            "client": event.client,
            "boot_server_id": boot_servers.get(event.boot_server or ""),
            "subject": event.subject,
            "outcome": event.outcome,
            "phase": event.phase.value if event.phase else None,
            "detail": dict(event.detail),
            "run_id": event.run_id,
        }
        for event in events
    ]
    numbers = session.scalars(insert(EventRow).returning(EventRow.id, sort_by_parameter_order=True), records).all()
    return [replace(event, id=number) for event, number in zip(events, numbers, strict=True)]


def events(
    session: Session,
    *,
    server: str | None = None,
    run_id: int | None = None,
    client: str | None = None,
    kind: EventKind | None = None,
    since: datetime | None = None,
    after_id: int | None = None,
    limit: int = 1000,
) -> tuple[Event, ...]:
    """The newest ``limit`` events that meet every condition given, oldest first; ``after_id``: to follow a timeline."""
    boot: Any = aliased(BootServerRow)
    query = (
        select(EventRow, ServerRow.name, boot.name)
        .outerjoin(ServerRow, EventRow.server_id == ServerRow.id)
        .outerjoin(boot, EventRow.boot_server_id == boot.id)
    )
    conditions: tuple[tuple[Any, Any, Any], ...] = (
        (server, ServerRow.name, eq),
        (run_id, EventRow.run_id, eq),
        (client, EventRow.client, eq),
        (kind.value if kind else None, EventRow.kind, eq),
        (since, EventRow.at, ge),
        (after_id, EventRow.id, gt),
    )
    query = query.where(*(compare(column, given) for given, column, compare in conditions if given is not None))
    newest = session.execute(query.order_by(EventRow.at.desc(), EventRow.id.desc()).limit(limit)).all()
    return tuple(_event(row, name, boot_name) for row, name, boot_name in reversed(newest))


def adopt_events(session: Session, events: Sequence[Event], run: Run) -> None:
    """Let stored events be of a run."""
    numbers = [event.id for event in events]
    if numbers:
        session.execute(update(EventRow).where(EventRow.id.in_(numbers)).values(run_id=run.id))


def hold(session: Session, server: str) -> None:
    """Let one transaction at a time tell a server's story: another one that holds it waits for the end of this one.

    TFTP, HTTP and the leases write at once; without it one would overwrite the phase that another has just stored, or
    both would begin a run. SQLite needs nothing: ``writing`` already is alone.
    """
    query = select(ServerRow.id).where(ServerRow.name == server)
    session.execute(query.with_for_update(key_share=True))  # FOR NO KEY UPDATE: rows that refer to it may be written


def start_run(
    session: Session, server: str, now: datetime, *, token: str, phase: Phase = Phase.POWER_ON, reason: str = ""
) -> Run:
    """Begin a provisioning run; one that is still open ends as superseded. ``token`` is unguessable, the caller's."""
    server_id = _ids(session, "server", ServerRow, {server})[server]
    hold(session, server)
    for row in session.scalars(select(RunRow).where(RunRow.server_id == server_id, RunRow.finished_at.is_(None))):
        row.finished_at = row.updated_at = now
        row.outcome = SUPERSEDED
    session.flush()
    row = RunRow(
        server_id=server_id,
        phase=phase.value,
        started_at=now,
        updated_at=now,
        outcome="",
        reason=reason,
        problem="",
        token=token,
    )
    session.add(row)
    session.flush()
    return _run(row, server)


def update_run(session: Session, run: Run) -> None:
    """Store a run's phase, times, outcome and problem; its server, start, reason and token stay as they are."""
    row = session.get(RunRow, run.id)
    if row is None:
        raise NotFoundError("provisioning run", str(run.id))
    row.phase, row.updated_at, row.finished_at = run.phase.value, run.updated_at, run.finished_at
    row.outcome, row.problem = run.outcome, run.problem
    session.flush()


def open_run(session: Session, server: str) -> Run | None:
    """A server's run that is not finished."""
    return _first_run(session, ServerRow.name == server, RunRow.finished_at.is_(None))


def run(session: Session, number: int) -> Run | None:
    """The run of a number, finished or not."""
    return _first_run(session, RunRow.id == number)


def run_by_token(session: Session, token: str) -> Run | None:
    """The run that a call-back URL names, finished or not."""
    return _first_run(session, RunRow.token == token)


def runs(
    session: Session, *, server: str | None = None, unfinished: bool = False, limit: int = 1000
) -> tuple[Run, ...]:
    """The newest runs, newest first."""
    where = [ServerRow.name == server] if server is not None else []
    where += [RunRow.finished_at.is_(None)] if unfinished else []
    return _runs(session, where, limit)


def add_audit(session: Session, entry: AuditEntry) -> None:
    """Write down a change."""
    values = {"at": entry.at, "actor": entry.actor, "action": entry.action}
    session.add(AuditRow(**values, subject=entry.subject, detail=entry.detail))
    session.flush()


def audit(session: Session, *, subject: str | None = None, limit: int = 1000) -> tuple[AuditEntry, ...]:
    """The newest changes, newest first."""
    query = select(AuditRow).order_by(AuditRow.at.desc(), AuditRow.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(AuditRow.subject == subject)
    return tuple(AuditEntry(row.at, row.actor, row.action, row.subject, row.detail) for row in session.scalars(query))


def _ids(session: Session, noun: str, row: type[Any], names: set[Any]) -> dict[str, int]:
    query = select(row.name, row.id).where(row.name.in_(names))
    found: dict[str, int] = {row[0]: row[1] for row in session.execute(query)} if names else {}
    for name in names - found.keys():
        raise NotFoundError(noun, name)
    return found


def _event(row: EventRow, server: str | None, boot_server: str | None) -> Event:
    return Event(
        at=row.at,
        kind=EventKind(row.kind),
        server=server,
        client=row.client,
        boot_server=Slug(boot_server) if boot_server else None,
        subject=row.subject,
        outcome=row.outcome,
        phase=Phase(row.phase) if row.phase else None,
        detail=row.detail,
        id=row.id,
        run_id=row.run_id,
    )


def _first_run(session: Session, *where: Any) -> Run | None:
    return next(iter(_runs(session, where, 1)), None)


def _runs(session: Session, where: Sequence[Any], limit: int) -> tuple[Run, ...]:
    query = select(RunRow, ServerRow.name).join(ServerRow, RunRow.server_id == ServerRow.id).where(*where)
    newest = query.order_by(RunRow.started_at.desc(), RunRow.id.desc()).limit(limit)
    # As it is now, not as this session first saw it: another transaction may have ended between (see hold).
    found = session.execute(newest, execution_options={"populate_existing": True})
    return tuple(_run(row, server) for row, server in found)


def _run(row: RunRow, server: str) -> Run:
    return Run(
        id=row.id,
        server=server,
        phase=Phase(row.phase),
        started_at=row.started_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
        outcome=row.outcome,
        reason=row.reason,
        problem=row.problem,
        token=row.token,
    )
