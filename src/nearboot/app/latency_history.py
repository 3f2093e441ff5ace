"""What became of latency maps, and what a person decides of them: accept or reject one that is held, go back.

decided = accept(config, 7, source=None, reason="the new fibre", actor="ada", now=now)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from nearboot.app import latency_guard, routes
from nearboot.app.database import reading, writing
from nearboot.config import Config
from nearboot.errors import Fault, InputError, NotFoundError
from nearboot.inventory import boot_store, latency_store, route_store, store
from nearboot.inventory.latency_store import Decision
from nearboot.latency import guard
from nearboot.latency.guard_blast import Move
from nearboot.model import AuditEntry, MapRecord, MapState, Quarantine


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of a map, and the locations that get another boot server by it."""

    record: MapRecord
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class Unused:
    """A row or a name of a map that is not used."""

    source: str
    epoch: int
    state: MapState
    row: Quarantine


def history(config: Config, source: str | None = None) -> tuple[MapRecord, ...]:
    """The maps that are kept, the newest load first; ``NotFoundError`` for a source that has none."""
    with reading(config) as session:
        return _history(session, source)


def accept(config: Config, epoch: int, *, source: str | None, reason: str, actor: str, now: datetime) -> Decided:
    """Put a held map to use, whatever the guards said of it."""
    with writing(config) as session:
        latency_store.alone(session)
        record = _held(_history(session, source), epoch)
        before = routes.look(session, config, now)
        latency_store.decide(session, record, MapState.ACCEPTED, Decision(now, actor, reason))
        latency_store.supersede(session, record.source, epoch)
        _write_down(session, record, "latency.accept", reason, actor=actor, now=now)
        moves = latency_guard.moves(before, routes.look(session, config, now, inventory=before.inventory))
    return Decided(replace(record, state=MapState.ACCEPTED, in_use=True), moves)


def reject(config: Config, epoch: int, *, source: str | None, reason: str, actor: str, now: datetime) -> Decided:
    """Let a held map never be used; it stays in the history."""
    with writing(config) as session:
        latency_store.alone(session)
        record = _held(_history(session, source), epoch)
        latency_store.decide(session, record, MapState.REFUSED, Decision(now, actor, reason))
        _write_down(session, record, "latency.reject", reason, actor=actor, now=now)
    return Decided(replace(record, state=MapState.REFUSED))


def rollback(
    config: Config, epoch: int | None, *, source: str | None, reason: str, actor: str, now: datetime
) -> Decided:
    """Use an earlier map of a source again, or one that was taken back; the next that is loaded replaces it.

    ``epoch`` None: the one that was in use before.
    """
    with writing(config) as session:
        latency_store.alone(session)
        records = _of_one_source(_history(session, source))
        target = _target(records, epoch)
        before = routes.look(session, config, now)
        decision = Decision(now, actor, reason)
        for record in records:
            if record.epoch > target.epoch and record.state is MapState.ACCEPTED:
                latency_store.decide(session, record, MapState.ROLLED_BACK, decision)
        latency_store.decide(session, target, MapState.ACCEPTED, decision)
        _write_down(session, target, "latency.rollback", reason, actor=actor, now=now)
        moves = latency_guard.moves(before, routes.look(session, config, now, inventory=before.inventory))
    return Decided(replace(target, state=MapState.ACCEPTED, in_use=True), moves)


def quarantine(config: Config, source: str | None, now: datetime) -> tuple[Unused, ...]:
    """What is not used of the maps in use and of those held: as it was at loading, and what the guards refuse now."""
    with reading(config) as session:
        records = [each for each in _history(session, source) if each.in_use or each.state is MapState.HELD]
        standing = {(each.source, each.epoch): each.state for each in records}
        stored = latency_store.quarantine(session, standing)
        found = [Unused(source, epoch, standing[source, epoch], row) for source, epoch, row in stored]
        known = {(each.source, each.epoch, each.row.text) for each in found}
        locations = store.locations(session)
        for latency_map in route_store.current_latency_maps(session):
            if (key := (latency_map.source, latency_map.epoch)) not in standing:
                continue
            refused = guard.check(latency_map, locations, now=now).quarantined
            found += [Unused(*key, standing[key], row) for row in refused if (*key, row.text) not in known]
    return tuple(sorted(found, key=lambda each: (each.source, each.epoch)))


def _history(session: Session, source: str | None) -> tuple[MapRecord, ...]:
    records = latency_store.history(session)
    sources = {record.source for record in records}
    if source is not None and source not in sources:
        raise NotFoundError("latency map", source, sorted(sources))
    return tuple(record for record in records if source in (None, record.source))


def _held(records: Sequence[MapRecord], epoch: int) -> MapRecord:
    """The one held map of that epoch; the error says which there are."""
    held = [record for record in records if record.state is MapState.HELD]
    found = [record for record in held if record.epoch == epoch]
    if len(found) > 1:
        names = ", ".join(sorted(record.source for record in found))
        raise InputError([Fault("--source", 0, "", f"epoch {epoch} of {names}", "one source")])
    if not found:
        raise NotFoundError("held latency map", str(epoch), [f"{record.epoch} ({record.source})" for record in held])
    return found[0]


def _of_one_source(records: Sequence[MapRecord]) -> Sequence[MapRecord]:
    sources = sorted({record.source for record in records})
    if len(sources) > 1:
        raise InputError([Fault("--source", 0, "", f"maps of {', '.join(sources)}", "one source")])
    if not sources:
        raise NotFoundError("latency map", "to go back to", [])
    return records


def _target(records: Sequence[MapRecord], epoch: int | None) -> MapRecord:
    current = next((record for record in records if record.in_use), None)
    once = [record for record in records if record.state in (MapState.ACCEPTED, MapState.ROLLED_BACK)]
    if epoch is None:
        found = [record for record in once if current and record.epoch < current.epoch]
        wanted = "before the one in use"
    else:
        found = [record for record in once if record.epoch == epoch and not record.in_use]
        wanted = str(epoch)
    if not found:
        others = [str(record.epoch) for record in once if not record.in_use]
        raise NotFoundError("earlier latency map", wanted, others)
    return max(found, key=lambda record: record.epoch)


def _write_down(session: Session, record: MapRecord, action: str, reason: str, *, actor: str, now: datetime) -> None:
    text = f"epoch {record.epoch}, {record.samples} samples" + (f": {reason}" if reason else "")
    boot_store.add_audit(session, AuditEntry(now, actor, action, record.source, text))
