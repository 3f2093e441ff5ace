"""All guards of a latency map in their order, on its way into the database; each guard is pure, in nearboot.latency.

judged = judge(latency_map, last, locations, config.latency, file="pairs.csv", rows=rows, now=now)
judged.alarms     # why it is to be refused or held
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nearboot.app import routes
from nearboot.app.routes import Picture
from nearboot.config import LatencyConfig
from nearboot.inventory import latency_store, route_store
from nearboot.latency import guard, guard_cover, guard_reporter, guard_shift
from nearboot.latency.alarm import Action, Alarm
from nearboot.latency.guard import Guarded, Rows
from nearboot.latency.guard_blast import Move
from nearboot.latency.guard_reporter import Heard
from nearboot.latency.place import Places
from nearboot.latency.signature import Signature
from nearboot.model import LatencyMap, LatencySample, Location, MapState, Quarantine, Reason, Route


@dataclass(frozen=True, slots=True)
class Judged:
    """A map as the guards see it. ``kept``: what is stored; ``guarded``: what of that is used now."""

    kept: LatencyMap
    guarded: Guarded
    quarantined: tuple[Quarantine, ...]
    alarms: tuple[Alarm, ...]


def judge(
    latency_map: LatencyMap,
    last: LatencyMap | None,
    locations: Sequence[Location],
    settings: LatencyConfig,
    *,
    others: Sequence[LatencySample] = (),
    file: str,
    rows: Rows,
    now: datetime,
) -> Judged:
    """Age, reporters, values, physics, symmetry, unit and coverage.

    ``last``: the source's map in use; ``others``: what those of other sources say.
    """
    places = Places.of(locations)
    alarms = guard_cover.age(latency_map, last, now=now, max_age_s=settings.max_age_s)
    kept, quarantined = guard_cover.without_old(latency_map, now=now, max_age_s=settings.max_age_s, file=file)
    leapt = guard_reporter.leaps(kept, last) if last else Heard(kept)
    heard = guard_reporter.outliers(leapt.map, others) if others else Heard(leapt.map)
    even = guard_reporter.asymmetry(heard.map, places, others) if others else heard
    quarantined += [
        Quarantine(*rows.get((sample.src, sample.dst), (file, 0)), f"{sample.src} → {sample.dst}", why)
        for sample, why in {id(report): report for part in (leapt, heard, even) for report in part.refused}.values()
    ]
    guarded = guard.check(even.map, locations, now=now, rows=rows)
    if guarded.refused:
        reason = Reason("unit-looks-wrong", guarded.refused, {"samples": len(kept.samples)})
        alarms += (Alarm(Action.REFUSE, reason, "round trips in the stated unit"),)
    elif last:
        alarms += guard_shift.shift(guarded.map, last)
        alarms += guard_shift.nearer(even.map, last)
        alarms += guard_cover.coverage(guarded.map, last, missing_share=settings.hold_missing)
    else:
        alarms += guard_shift.against_distance(guarded.map, places)
    said = {reason.text: reason for part in (leapt, heard, even) for reason in part.reasons}
    found = {reason.text for reason in guarded.findings}
    alarms += tuple(Alarm(Action.NOTE, reason) for text, reason in said.items() if text not in found)
    return Judged(even.map, guarded, (*quarantined, *guarded.quarantined), alarms)


def others(session: Session, source: str, settings: LatencyConfig, now: datetime) -> tuple[LatencySample, ...]:
    """What the maps of other sources in use say, as far as it is not too old to contradict anyone."""
    oldest = now - timedelta(seconds=settings.max_age_s) if settings.max_age_s else None
    return tuple(
        sample
        for each in route_store.current_latency_maps(session)
        if each.source != source
        for sample in each.samples
        if oldest is None or (sample.measured_at or each.published_at) >= oldest
    )


def signed_before(session: Session, source: str, signature: Signature | None) -> tuple[Alarm, ...]:
    """An old map, however well signed, does not come back: not one that is older than another of its source, nor the
    very one that a person has taken out of use."""
    signed = [each for each in latency_store.history(session, source) if each.signed_at]
    newest = max(signed, key=lambda each: (each.signed_at, each.epoch), default=None)
    if signature is None or newest is None or newest.signed_at is None or signature.signed_at > newest.signed_at:
        return ()
    if signature.signed_at == newest.signed_at and newest.state not in (MapState.REFUSED, MapState.ROLLED_BACK):
        return ()
    told = f"epoch {newest.epoch}, {newest.state.value}, {newest.signed_at:%Y-%m-%d %H:%M:%S} UTC"
    text = f"signed at {signature.signed_at:%Y-%m-%d %H:%M:%S} UTC, not after the newest signed map ({told})"
    data = {"older_by_s": round((newest.signed_at - signature.signed_at).total_seconds()), "last_epoch": newest.epoch}
    return (Alarm(Action.REFUSE, Reason("signed-before-last", text, data), "a map that was signed later"),)


def moves(before: Picture, after: Picture) -> tuple[Move, ...]:
    """Who gets another boot server, with the costs of the old one and the new one."""
    return tuple(
        Move(old.location, old.family, old.chosen, new.chosen, _cost(old), _cost(new))
        for old, new in routes.moves(before, after)
    )


def _cost(route: Route) -> float | None:
    return next((each.cost_ms for each in route.candidates if each.boot_server == route.chosen), None)
