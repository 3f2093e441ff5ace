"""Loading a latency map: file → rows between names → samples between locations → guards → database.

loaded = load(config, "pairs.csv", Reading(unit="ms"), actor="ada", now=now)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from nearboot.app.database import reading, writing
from nearboot.config import Config
from nearboot.errors import Fault, InputError
from nearboot.inventory import boot_store, route_store, store
from nearboot.latency import formats, guard
from nearboot.latency.map import Summary, resolve
from nearboot.model import AuditEntry, LatencyMap, Quarantine, Reason


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


def load(config: Config, file: str, how: Reading, *, dry_run: bool, actor: str, now: datetime) -> Loaded:
    """Read, place, guard and store a map; InputError with all faults leaves the database as it was."""
    parsed = formats.parse(
        file, _text(file), format=how.format, unit=how.unit, columns=how.columns, source=how.source, now=now
    )
    with writing(config) as session:
        locations = store.locations(session)
        latency_map, unknown, summary = resolve(parsed, locations)
        guarded = guard.check(latency_map, locations, now=now)
        if guarded.refused:
            raise InputError([Fault(file, 0, "", guarded.refused, "round trips in the stated unit")])
        if not guarded.map.samples:  # the source's last good map stays in use
            raise InputError([_unusable(file, unknown + guarded.quarantined)])
        epoch = 0
        if not dry_run:
            # Whole: routes are guarded again when they are selected, so that a coordinate put right needs no reload.
            epoch = route_store.add_latency_map(session, latency_map, now)
            route_store.drop_old_latency_maps(session, keep=config.routing.keep_maps)
            text = f"epoch {epoch}, {len(latency_map.samples)} samples from {file}"
            boot_store.add_audit(session, AuditEntry(now, actor, "latency.load", latency_map.source, text))
    return Loaded(epoch, summary, unknown + guarded.quarantined, guarded.findings)


def current_maps(config: Config) -> tuple[LatencyMap, ...]:
    """The newest map of each source."""
    with reading(config) as session:
        return route_store.current_latency_maps(session)


def _unusable(file: str, quarantined: Sequence[Quarantine]) -> Fault:
    first = quarantined[0] if quarantined else None
    why = f"; the first: {first.text}: {first.reason}" if first else ""
    return Fault(file, first.line if first else 0, "", f"no row that can be used{why}", "round trips between locations")


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([Fault(file, 0, "", str(error), "a readable UTF-8 text file")]) from error
