"""The history of latency maps in the database: what became of each, who decided, and what of it was not used.

The maps' samples, and which maps are in use, are in route_store. The transaction is the caller's.

    epoch = publish(session, latency_map, record, quarantined, now=now)
    decide(session, record, MapState.ACCEPTED, Decision(now, "ada", "the new fibre"))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from nearboot.inventory.boot_orm import LatencyMapRow, LatencyQuarantineRow
from nearboot.inventory.route_store import add_latency_map, current_epochs, latency_map_of
from nearboot.inventory.schema_store import lock
from nearboot.model import LatencyMap, MapRecord, MapState, Quarantine, Reason

MAX_KEPT = 1000  # rows of a map that are kept in quarantine; the rest are counted


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided, when and why."""

    at: datetime
    by: str
    reason: str = ""


def alone(session: Session) -> None:
    """Let one transaction at a time compare a map with the one in use and put it in its place."""
    lock(session, "latency")


def publish(
    session: Session, latency_map: LatencyMap, record: MapRecord, quarantined: Sequence[Quarantine], *, now: datetime
) -> int:
    """Store a map with its history's entry and what was not used of it; gives its epoch."""
    epoch = add_latency_map(session, latency_map, now)
    row = _row(session, latency_map.source, epoch)
    row.state, row.actor, row.file, row.format = record.state.value, record.actor, record.file, record.format
    row.samples, row.refused = record.samples, record.refused
    row.reasons = [asdict(reason) for reason in record.reasons]
    row.signed_at = record.signed_at
    session.flush()
    kept = [{"map_id": row.id, **asdict(each)} for each in quarantined[:MAX_KEPT]]
    if kept:
        session.execute(insert(LatencyQuarantineRow), kept)
    return epoch


def set_state(
    session: Session, source: str, epoch: int, state: MapState, *, reasons: Sequence[Reason] | None = None
) -> None:
    """Let a map stand otherwise, without a person's decision; ``reasons`` replace what the guards said."""
    row = _row(session, source, epoch)
    row.state = state.value
    if reasons is not None:
        row.reasons = [asdict(reason) for reason in reasons]
    session.flush()


def decide(session: Session, record: MapRecord, state: MapState, decision: Decision) -> None:
    """Let a map stand as a person decided."""
    row = _row(session, record.source, record.epoch)
    row.state, row.decided_at, row.decided_by, row.decision = (
        state.value, decision.at, decision.by, decision.reason,
    )  # fmt: skip
    session.flush()


def supersede(session: Session, source: str, epoch: int) -> int:
    """The held maps of a source that are older than an accepted one wait no more; gives how many there were."""
    older = (
        LatencyMapRow.source == source,
        LatencyMapRow.epoch < epoch,
        LatencyMapRow.state == MapState.HELD.value,
    )
    waiting = list(session.scalars(select(LatencyMapRow.id).where(*older)))
    session.execute(update(LatencyMapRow).where(LatencyMapRow.id.in_(waiting)).values(state=MapState.SUPERSEDED.value))
    return len(waiting)


def history(session: Session, source: str | None = None) -> tuple[MapRecord, ...]:
    """What became of the maps that are kept, the newest load first."""
    query = select(LatencyMapRow).order_by(LatencyMapRow.loaded_at.desc(), LatencyMapRow.id.desc())
    if source is not None:
        query = query.where(LatencyMapRow.source == source)
    current = current_epochs(session)
    return tuple(_record(row, current.get(row.source) == row.epoch) for row in session.scalars(query))


def stored_map(session: Session, source: str, epoch: int) -> LatencyMap:
    """The samples of one publication, in use or not."""
    return latency_map_of(session, _row(session, source, epoch))


def quarantine(session: Session, maps: Iterable[tuple[str, int]]) -> tuple[tuple[str, int, Quarantine], ...]:
    """What was not used of publications when they were loaded, as (source, epoch, row)."""
    wanted = set(maps)
    query = (
        select(LatencyQuarantineRow, LatencyMapRow.source, LatencyMapRow.epoch)
        .join(LatencyMapRow, LatencyQuarantineRow.map_id == LatencyMapRow.id)
        .order_by(LatencyMapRow.source, LatencyMapRow.epoch, LatencyQuarantineRow.id)
    )
    return tuple(
        (source, epoch, Quarantine(row.file, row.line, row.text, row.reason))
        for row, source, epoch in session.execute(query)
        if (source, epoch) in wanted
    )


def drop_old(session: Session, *, keep: int) -> int:
    """Delete all but the newest ``keep`` maps of each source that were in use, and as many of those that never were.

    The one in use always stays, and so does the newest, from which the epochs go on counting. Gives how many went.
    """
    current = current_epochs(session)
    used = (MapState.ACCEPTED.value, MapState.ROLLED_BACK.value)
    kept: Counter[tuple[str, bool]] = Counter()
    gone: list[int] = []
    for row in session.scalars(select(LatencyMapRow).order_by(LatencyMapRow.epoch.desc())):
        kind = (row.source, row.state in used)
        kept[kind] += 1
        if kept[kind] > max(keep, 1) and current.get(row.source) != row.epoch:
            gone.append(row.id)
    for number in gone:
        session.execute(delete(LatencyMapRow).where(LatencyMapRow.id == number))
    return len(gone)


def _row(session: Session, source: str, epoch: int) -> LatencyMapRow:
    query = select(LatencyMapRow).where(LatencyMapRow.source == source, LatencyMapRow.epoch == epoch)
    return session.scalars(query).one()


def _record(row: LatencyMapRow, in_use: bool) -> MapRecord:
    return MapRecord(
        source=row.source,
        epoch=row.epoch,
        state=MapState(row.state),
        loaded_at=row.loaded_at,
        published_at=row.published_at,
        actor=row.actor,
        file=row.file,
        format=row.format,
        samples=row.samples,
        refused=row.refused,
        reasons=tuple(Reason(**each) for each in row.reasons),
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        decision=row.decision,
        signed_at=row.signed_at,
        in_use=in_use,
    )
