"""Latency maps: file → rows between names → samples between locations → guards → database; and what is in use.

loaded = load(config, "pairs.csv", Reading(unit="ms"), actor="ada", now=now)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from nearboot.app import routes
from nearboot.app.database import reading, writing
from nearboot.config import Config
from nearboot.errors import Fault, InputError
from nearboot.inventory import boot_store, route_store, store
from nearboot.latency import formats, guard
from nearboot.latency.estimate import Ladder, Measured
from nearboot.latency.map import Summary, resolve
from nearboot.latency.rows import counted
from nearboot.model import AuditEntry, Quarantine, Reason, Route


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a latency file, as far as the file does not say it itself."""

    source: str | None = None  # who publishes the map; None: the file's name
    format: str | None = None  # None: detected
    unit: str | None = None  # ms, s, us
    columns: Mapping[str, str] = field(default_factory=dict)  # src, dst, rtt, ... → column name


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file. ``epoch`` 0: nothing was stored (a dry run)."""

    epoch: int
    summary: Summary
    quarantined: tuple[Quarantine, ...]
    findings: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """What went: how many epochs of the source, and the routes of populated places that move, before and after."""

    epochs: int
    moved: tuple[tuple[Route, Route], ...]


def load(config: Config, file: str, how: Reading, *, dry_run: bool, actor: str, now: datetime) -> Loaded:
    """Read, place, guard and store a map; InputError with all faults leaves the database as it was."""
    parsed = formats.parse(
        file, _text(file), format=how.format, unit=how.unit, columns=how.columns, source=how.source, now=now
    )
    with writing(config) as session:
        locations = store.locations(session)
        latency_map, unknown, summary = resolve(parsed, locations)
        guarded = guard.check(latency_map, locations, now=now, rows=summary.places)
        if guarded.refused:
            raise InputError([Fault(file, 0, "", guarded.refused, "round trips in the stated unit")])
        if not guarded.map.samples:  # the source's last good map stays in use
            raise InputError([_unusable(file, unknown + guarded.quarantined)])
        epoch = 0
        if not dry_run:
            # Whole: routes are guarded again when they are selected, so that a coordinate put right needs no reload.
            epoch = route_store.add_latency_map(session, latency_map, now)
            route_store.drop_old_latency_maps(session, keep=config.routing.keep_maps)
            refused = f", {len(guarded.quarantined)} refused" if guarded.quarantined else ""
            text = f"epoch {epoch}, {counted(len(guarded.map.samples), 'sample')} from {file}{refused}"
            boot_store.add_audit(session, AuditEntry(now, actor, "latency.load", latency_map.source, text))
    summary = summary.without(len(guarded.quarantined), guarded.map.samples)
    return Loaded(epoch, summary, unknown + guarded.quarantined, guarded.findings)


def remove(config: Config, source: str, *, actor: str, now: datetime) -> Removed:
    """Delete all maps of a source; ``NotFoundError`` if there is none."""
    with writing(config) as session:
        before = routes.look(session, config, now)
        epochs = route_store.remove_latency_maps(session, source)
        text = f"{counted(epochs, 'epoch')} removed"
        boot_store.add_audit(session, AuditEntry(now, actor, "latency.remove", source, text))
        after = routes.look(session, config, now)
    return Removed(epochs, tuple(routes.moves(before, after)))


def current_maps(config: Config, now: datetime) -> tuple[guard.Guarded, ...]:
    """The newest map of each source as the guards see it now: what is used of it, and what is refused."""
    with reading(config) as session:
        return _guarded(session, now)


def measured(config: Config, now: datetime) -> tuple[Measured, ...]:
    """The measured pairs that routes are made of: of two maps' the newer one, without what is refused."""
    with reading(config) as session:
        maps = [guarded.map for guarded in _guarded(session, now)]
        found = Ladder.of(maps, store.locations(session), now=now).measured
    return tuple(found[key] for key in sorted(found, key=lambda key: (key[0], key[1], key[2] or 0)))


def _guarded(session: Session, now: datetime) -> tuple[guard.Guarded, ...]:
    locations = store.locations(session)
    return tuple(guard.check(each, locations, now=now) for each in route_store.current_latency_maps(session))


def _unusable(file: str, quarantined: Sequence[Quarantine]) -> Fault:
    first = quarantined[0] if quarantined else None
    why = f"; the first: {first.text}: {first.reason}" if first else ""
    return Fault(file, first.line if first else 0, "", f"no row that can be used{why}", "round trips between locations")


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError([Fault(file, 0, "", error.strerror or str(error), "a file that can be read")]) from error
    except UnicodeDecodeError as error:
        raise InputError([Fault(file, 0, "", f"byte {error.start} is not UTF-8", "text in UTF-8")]) from error
