"""All guards of a latency map in their order, on its way into the database; each guard is pure, in nearboot.latency.

judged = judge(latency_map, last, locations, config.latency, file="pairs.csv", rows=rows, now=now)
judged.alarms     # why it is to be refused or held
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from nearboot.app import routes
from nearboot.app.routes import Picture
from nearboot.config import LatencyConfig
from nearboot.inventory import latency_store
from nearboot.latency import guard, guard_cover, guard_reporter, guard_shift
from nearboot.latency.alarm import Action, Alarm
from nearboot.latency.guard import Guarded, Rows
from nearboot.latency.guard_blast import Move
from nearboot.latency.place import Places
from nearboot.latency.signature import Signature
from nearboot.model import LatencyMap, Location, Quarantine, Reason, Route


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
    file: str,
    rows: Rows,
    now: datetime,
) -> Judged:
    """Age, reporters, values, physics, symmetry, unit and coverage; ``last`` is the source's map in use."""
    places = Places.of(locations)
    alarms = guard_cover.age(latency_map, last, now=now, max_age_s=settings.max_age_s)
    kept, quarantined = guard_cover.without_old(latency_map, now=now, max_age_s=settings.max_age_s, file=file)
    leapt = guard_reporter.leaps(kept, last) if last else guard_reporter.Heard(kept)
    quarantined += [
        Quarantine(*rows.get((sample.src, sample.dst), (file, 0)), f"{sample.src} → {sample.dst}", why)
        for sample, why in leapt.refused
    ]
    guarded = guard.check(leapt.map, locations, now=now, rows=rows)
    if guarded.refused:
        reason = Reason("unit-looks-wrong", guarded.refused, {"samples": len(kept.samples)})
        alarms += (Alarm(Action.REFUSE, reason, "round trips in the stated unit"),)
    elif last:
        alarms += guard_shift.shift(guarded.map, last)
        alarms += guard_shift.nearer(leapt.map, last)
        alarms += guard_cover.coverage(guarded.map, last, missing_share=settings.hold_missing)
    else:
        alarms += guard_shift.against_distance(guarded.map, places)
    alarms += tuple(Alarm(Action.NOTE, reason) for reason in leapt.reasons)
    return Judged(leapt.map, guarded, (*quarantined, *guarded.quarantined), alarms)


def signed_before(session: Session, source: str, signature: Signature | None) -> tuple[Alarm, ...]:
    """An old map, however well signed, does not replace a newer one; nor does one without signature a signed one."""
    current = next((each for each in latency_store.history(session, source) if each.in_use), None)
    if signature is None or current is None or current.signed_at is None or signature.signed_at >= current.signed_at:
        return ()
    text = f"signed at {signature.signed_at:%Y-%m-%d %H:%M:%S} UTC, before the map in use (epoch {current.epoch}, {current.signed_at:%Y-%m-%d %H:%M:%S} UTC)"  # noqa: E501 - one sentence
    data = {"older_by_s": round((current.signed_at - signature.signed_at).total_seconds()), "last_epoch": current.epoch}
    return (Alarm(Action.REFUSE, Reason("signed-before-last", text, data), "a map that was signed later"),)


def moves(before: Picture, after: Picture) -> tuple[Move, ...]:
    """Who gets another boot server, with the costs of the old one and the new one."""
    return tuple(
        Move(old.location, old.family, old.chosen, new.chosen, _cost(old), _cost(new))
        for old, new in routes.moves(before, after)
    )


def _cost(route: Route) -> float | None:
    return next((each.cost_ms for each in route.candidates if each.boot_server == route.chosen), None)
