"""Latency maps: file → rows between names → samples between locations → guards → database; and what is in use.

loaded = load(config, "pairs.csv", Reading(unit="ms"), dry_run=False, actor="ada", now=now)
loaded.state      # MapState.ACCEPTED: in use; HELD: latency accept or latency reject decides
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.orm import Session

from nearboot.app import latency_guard, routes
from nearboot.app.database import reading, writing
from nearboot.app.latency_document import Document, read_document, verified
from nearboot.config import Config
from nearboot.errors import Fault, InputError
from nearboot.inventory import boot_store, latency_store, route_store, store
from nearboot.latency import formats, guard, guard_blast, guard_cover
from nearboot.latency.alarm import Action, Alarm, reasons
from nearboot.latency.estimate import Ladder, Measured
from nearboot.latency.formats import ParsedMap
from nearboot.latency.guard_blast import Move
from nearboot.latency.map import Summary, resolve
from nearboot.latency.naming import WITHIN_KM, Coordinates, Naming
from nearboot.latency.rows import counted
from nearboot.latency.signature import Signature
from nearboot.model import AuditEntry, LatencyMap, MapRecord, MapState, Quarantine, Reason, Route


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a latency file, as far as the file does not say it itself."""

    source: str | None = None  # who publishes the map; None: its signature, the file itself, or the file's name
    format: str | None = None  # None: detected
    unit: str | None = None  # ms, s, us
    columns: Mapping[str, str] = field(default_factory=dict)  # src, dst, rtt, ... → column name
    src: str | None = None  # where it was measured from, for formats that do not say it
    any_age: bool = False  # take measurements however old
    publisher: str | None = None  # the source where neither user, signature nor file says it; None: the file's name
    as_of: datetime | None = None  # when the file was last changed: how old what has no time of its own is at least
    places: Mapping[str, Coordinates] = field(default_factory=dict)  # of names that the inventory does not have
    within_km: float = WITHIN_KM  # of a location, to be one of those names


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file. ``epoch`` 0: nothing was stored (a dry run), and ``state`` is what would have become.

    ``alarms``: why it is held, or what is odd about it. ``moves``: locations that get another boot server by it.
    """

    epoch: int
    summary: Summary
    quarantined: tuple[Quarantine, ...]
    findings: tuple[Reason, ...]
    state: MapState = MapState.ACCEPTED
    alarms: tuple[Alarm, ...] = ()
    moves: tuple[Move, ...] = ()

    @property
    def held(self) -> tuple[Reason, ...]:
        """Why the map is kept aside."""
        return reasons(self.alarms, Action.HOLD)


@dataclass(frozen=True, slots=True)
class Removed:
    """What went: how many epochs of the source, and the routes of populated places that move, before and after."""

    epochs: int
    moved: tuple[tuple[Route, Route], ...]


def load(config: Config, file: str, how: Reading, *, dry_run: bool, actor: str, now: datetime) -> Loaded:
    """Read, prove, place, guard and store a map; InputError with all faults leaves the database as it was."""
    return ingest(config, read_document(file), how, dry_run=dry_run, actor=actor, now=now)


def ingest(config: Config, document: Document, how: Reading, *, dry_run: bool, actor: str, now: datetime) -> Loaded:
    """The same for a document that was read already, from wherever it came."""
    signature = verified(document, config, now=now)
    parsed = _parsed(document, _by_publisher(document, how, signature), now)
    _refuse(document.file, guard_cover.cut_off(document.text, parsed.quarantined))
    _refuse(document.file, guard_cover.bad_rows(len(parsed.rows), parsed.quarantined))
    with writing(config) as session:
        if how.any_age:
            config = replace(config, latency=replace(config.latency, max_age_s=0.0))
        naming = _naming(session, how)
        loaded = _publish(session, config, parsed, signature, naming=naming, actor=actor, now=now)
        if dry_run:
            session.rollback()
            return replace(loaded, epoch=0)
    return loaded


def _publish(
    session: Session,
    config: Config,
    parsed: ParsedMap,
    signature: Signature | None,
    *,
    naming: Naming,
    actor: str,
    now: datetime,
) -> Loaded:
    """Guard a map and store it, as accepted or held; InputError if it is refused."""
    latency_store.alone(session)
    latency_map, unknown, summary = resolve(parsed, naming)
    judged = _judged(session, config, latency_map, summary, file=parsed.file, signature=signature, now=now)
    quarantined = unknown + judged.quarantined
    if not judged.guarded.map.samples:  # the source's last good map stays in use
        raise InputError([_unusable(parsed.file, quarantined)])
    summary = summary.without(len(judged.quarantined), judged.guarded.map.samples)
    record = MapRecord(
        latency_map.source, 0, MapState.ACCEPTED, now, latency_map.published_at, actor, parsed.file, parsed.format,
        samples=summary.samples, refused=len(quarantined), signed_at=signature.signed_at if signature else None,
    )  # fmt: skip
    first = not route_store.current_epochs(session)
    before = routes.look(session, config, now)
    # Whole: routes are guarded again when they are selected, so that a coordinate put right needs no reload.
    epoch = latency_store.publish(session, judged.kept, record, quarantined, now=now)
    moves = latency_guard.moves(before, routes.look(session, config, now, inventory=before.inventory))
    alarms = judged.alarms
    if not first:  # without any measurement before, every route is new
        places = len(routes.populated(before.inventory))
        alarms += guard_blast.blast(moves, locations=places, share=config.latency.hold_moves)
    state = MapState.HELD if reasons(alarms, Action.HOLD) else MapState.ACCEPTED
    findings = judged.guarded.findings + reasons(alarms, Action.NOTE)
    loaded = Loaded(epoch, summary, quarantined, findings, state, alarms, moves)
    latency_store.set_state(session, latency_map.source, epoch, state, reasons=loaded.held + findings)
    if state is MapState.ACCEPTED:
        latency_store.supersede(session, latency_map.source, epoch)
    latency_store.drop_old(session, keep=config.routing.keep_maps)
    _write_down(session, loaded, parsed.file, len(judged.quarantined), actor=actor, now=now)
    return loaded


def _judged(
    session: Session,
    config: Config,
    latency_map: LatencyMap,
    summary: Summary,
    *,
    file: str,
    signature: Signature | None,
    now: datetime,
) -> latency_guard.Judged:
    """The map as all guards but that of the routes see it; InputError if they refuse it."""
    last = route_store.current_latency_map(session, latency_map.source)
    locations = store.locations(session)
    others = latency_guard.others(session, latency_map.source, config.latency, now)
    signed = latency_guard.signed_before(session, latency_map.source, signature)
    judged = latency_guard.judge(
        latency_map, last, locations, config.latency, others=others, file=file, rows=summary.places, now=now
    )
    _refuse(file, signed + judged.alarms)
    return judged


def _write_down(session: Session, loaded: Loaded, file: str, refused: int, *, actor: str, now: datetime) -> None:
    text = f"epoch {loaded.epoch}, {counted(loaded.summary.samples, 'sample')} from {file}"
    text += f", {refused} refused" if refused else ""
    text += f": {'; '.join(reason.text for reason in loaded.held)}" if loaded.held else ""
    action = "latency.hold" if loaded.held else "latency.load"
    boot_store.add_audit(session, AuditEntry(now, actor, action, loaded.summary.source, text))


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


def _naming(session: Session, how: Reading) -> Naming:
    """What names mean to this inventory, and to the user."""
    servers, subnets = store.boot_servers(session), store.subnets(session)
    return Naming.of(store.locations(session), servers, subnets, places=how.places, within_km=how.within_km)


def _parsed(document: Document, how: Reading, now: datetime) -> ParsedMap:
    return formats.parse(
        document.file, document.text, format=how.format, unit=how.unit, columns=how.columns, src=how.src,
        source=how.source, publisher=how.publisher, as_of=how.as_of, now=now,
    )  # fmt: skip


def _by_publisher(document: Document, how: Reading, signature: Signature | None) -> Reading:
    """A signed map is of the source that its signature names, whatever the file is called."""
    if signature is None:
        return how
    if how.source not in (None, signature.source):
        found = f"a signature of {signature.source!r}, but --source {how.source}"
        raise InputError([Fault(document.file, 0, "source", found, "one source")])
    return replace(how, source=signature.source)


def _refuse(file: str, alarms: Sequence[Alarm]) -> None:
    """Raise what the guards refuse, with the numbers and what would be right."""
    refused = [alarm for alarm in alarms if alarm.action is Action.REFUSE]
    if refused:
        raise InputError(
            Fault(file, 0, each.reason.code, each.reason.text, each.remedy or "a map that can be true")
            for each in refused
        )
