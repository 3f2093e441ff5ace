"""What routes are made of and the routes themselves, in the database: latency maps, health, decisions.

with writing(engine) as session: epoch = add_latency_map(session, latency_map, now)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session, aliased

from nearboot.errors import NotFoundError
from nearboot.inventory.boot_orm import HealthRow, LatencyMapRow, LatencySampleRow, RouteRow
from nearboot.inventory.orm import BootServerRow, LocationRow
from nearboot.inventory.schema_store import lock
from nearboot.model import Candidate, Health, HealthSample, LatencyMap, LatencySample, MapState, Reason, Route, Slug

FEW = 500  # places that a statement names one by one


def add_latency_map(session: Session, latency_map: LatencyMap, now: datetime) -> int:
    """Store a map as its source's current one and give its epoch; ``NotFoundError`` for a location that is unknown."""
    lock(session, "latency")
    places = _ids(session, LocationRow, LocationRow.slug)
    ends = [(_id(places, sample.src), _id(places, sample.dst)) for sample in latency_map.samples]
    newest = select(func.max(LatencyMapRow.epoch)).where(LatencyMapRow.source == latency_map.source)
    epoch = (session.scalar(newest) or 0) + 1
    published = latency_map.published_at
    row = LatencyMapRow(source=latency_map.source, epoch=epoch, published_at=published, loaded_at=now)
    session.add(row)
    session.flush()
    records = [
        {
            "map_id": row.id,
            "src_id": src,
            "dst_id": dst,
            "rtt_ms": sample.rtt_ms,
            "min_ms": sample.min_ms,
            "loss": sample.loss,
            "count": sample.count,
            "measured_at": sample.measured_at,
            "family": sample.family,
        }
        for sample, (src, dst) in zip(latency_map.samples, ends, strict=True)
    ]
    if records:
        session.execute(insert(LatencySampleRow), records)
    return epoch


def current_latency_map(session: Session, source: str) -> LatencyMap | None:
    """The map of a source that is in use."""
    return next((each for each in current_latency_maps(session) if each.source == source), None)


def current_latency_maps(session: Session) -> tuple[LatencyMap, ...]:
    """The map of each source that is in use: the newest that was accepted, by source."""
    current = current_epochs(session).items()
    rows = [row for row in session.scalars(select(LatencyMapRow)) if (row.source, row.epoch) in current]
    return tuple(latency_map_of(session, row) for row in sorted(rows, key=lambda row: row.source))


def current_epochs(session: Session) -> dict[str, int]:
    """The epoch of each source's map that is in use."""
    accepted = LatencyMapRow.state == MapState.ACCEPTED.value
    newest = select(LatencyMapRow.source, func.max(LatencyMapRow.epoch)).where(accepted)
    return {row[0]: row[1] for row in session.execute(newest.group_by(LatencyMapRow.source))}


def remove_latency_maps(session: Session, source: str) -> int:
    """Delete all maps of a source and give how many there were; ``NotFoundError`` if there is none."""
    lock(session, "latency")
    known = {row.id: row.source for row in session.scalars(select(LatencyMapRow))}
    gone = [number for number, each in known.items() if each == source]
    if not gone:
        raise NotFoundError("latency map", source, get_close_matches(source, set(known.values()), 3, 0.4))
    session.execute(delete(LatencyMapRow).where(LatencyMapRow.id.in_(gone)))
    return len(gone)


Settle = Callable[[bool | None, bool, int], bool]
"""Whether a boot server is up, by: whether it was (None: new), the check's outcome, how many in a row had it."""


def set_health(session: Session, check: Health) -> int:
    """Store a boot server's last check, which counts at once; gives how many checks in a row had its outcome."""
    if not (stored := add_checks(session, [check])):
        raise NotFoundError("boot server", check.boot_server)
    return stored[0][1].streak


def add_checks(
    session: Session, checks: Iterable[Health], settle: Settle = lambda before, healthy, streak: healthy
) -> list[tuple[bool | None, HealthSample]]:
    """Store the last checks of boot servers, each as (whether it was up before, what it is now).

    Those of boot servers that were removed meanwhile are left out.
    """
    numbers = _ids(session, BootServerRow, BootServerRow.name)
    wanted = [check for check in checks if check.boot_server in numbers]
    query = select(HealthRow).where(HealthRow.vantage.in_({check.vantage for check in wanted}))
    held = session.scalars(query.order_by(HealthRow.id).with_for_update())
    rows = {(row.boot_server_id, row.vantage): row for row in held}
    stored = []
    for check in wanted:
        key = (numbers[check.boot_server], check.vantage)
        row = rows.get(key)
        before = row.up if row else None
        if row is None:
            row = rows[key] = HealthRow(boot_server_id=key[0], vantage=key[1], streak=0, healthy=check.healthy)
            session.add(row)
        row.streak = row.streak + 1 if row.healthy == check.healthy else 1
        row.up = settle(before, check.healthy, row.streak)
        if row.up is not before:
            row.up_since = check.checked_at if row.up and before is not None else None
        row.checked_at, row.healthy = check.checked_at, check.healthy
        row.detail, row.duration_ms = check.detail, check.duration_ms
        stored.append((before, HealthSample(check, row.streak, row.up)))
    session.flush()
    return stored


def health(session: Session) -> tuple[Health, ...]:
    """The last check of each boot server from each vantage."""
    return tuple(sample.check for sample in health_samples(session))


def health_streaks(session: Session) -> tuple[tuple[Health, int], ...]:
    """The same, each with how many checks in a row had that outcome."""
    return tuple((sample.check, sample.streak) for sample in health_samples(session))


def came_back(session: Session, after: datetime) -> dict[Slug, datetime]:
    """The boot servers that were down for some vantage and came up again after a time, with when."""
    query = select(BootServerRow.name, func.max(HealthRow.up_since)).group_by(BootServerRow.name)
    query = query.join(HealthRow, HealthRow.boot_server_id == BootServerRow.id).where(HealthRow.up_since > after)
    return {Slug(name): since for name, since in session.execute(query) if since is not None}


def health_samples(session: Session) -> tuple[HealthSample, ...]:
    """The same, each with what its vantage makes of the checks in a row."""
    query = select(HealthRow, BootServerRow.name).join(BootServerRow, HealthRow.boot_server_id == BootServerRow.id)
    found = [
        HealthSample(
            Health(Slug(name), row.checked_at, row.healthy, row.detail, row.duration_ms, row.vantage),
            row.streak,
            row.up,
        )
        for row, name in session.execute(query)
    ]
    return tuple(sorted(found, key=lambda each: (each.check.boot_server, each.check.vantage)))


def set_routes(session: Session, routes: Iterable[Route], now: datetime) -> None:
    """Replace all routes by those decided now."""
    lock(session, "route")
    places = _ids(session, LocationRow, LocationRow.slug)
    servers = _ids(session, BootServerRow, BootServerRow.name)
    records = [
        {
            "location_id": _id(places, route.location),
            "family": route.family,
            "chosen_id": None if route.chosen is None else _id(servers, route.chosen, "boot server"),
            "candidates": [asdict(candidate) for candidate in route.candidates],
            "reasons": [asdict(reason) for reason in route.reasons],
            "decided_at": now,
            "moved_at": route.moved_at,
        }
        for route in routes
    ]
    session.execute(delete(RouteRow))
    if records:
        session.execute(insert(RouteRow), records)


def routes(session: Session) -> tuple[Route, ...]:
    """The routes as decided last, by location and family."""
    query = (
        select(RouteRow, LocationRow.slug, BootServerRow.name)
        .join(LocationRow, RouteRow.location_id == LocationRow.id)
        .outerjoin(BootServerRow, RouteRow.chosen_id == BootServerRow.id)
    )
    found = [
        Route(
            location=Slug(location),
            family=row.family,
            candidates=tuple(_candidate(each) for each in row.candidates),
            chosen=Slug(chosen) if chosen else None,
            reasons=_reasons(row.reasons),
            moved_at=row.moved_at,
        )
        for row, location, chosen in session.execute(query)
    ]
    return tuple(sorted(found, key=lambda route: (route.location, route.family)))


def chosen(session: Session, location: Slug) -> dict[int, Slug | None]:
    """A location's boot servers as decided last, by family, without all that was weighed (hundreds of kilobytes)."""
    query = (
        select(RouteRow.family, BootServerRow.name)
        .join(LocationRow, RouteRow.location_id == LocationRow.id)
        .outerjoin(BootServerRow, RouteRow.chosen_id == BootServerRow.id)
        .where(LocationRow.slug == location)
    )
    return {family: Slug(name) if name else None for family, name in session.execute(query)}


def candidates(session: Session, location: Slug) -> dict[int, tuple[Candidate, ...]]:
    """All that was weighed for a location when it was decided last, by family."""
    query = select(RouteRow.family, RouteRow.candidates).join(LocationRow, RouteRow.location_id == LocationRow.id)
    found = session.execute(query.where(LocationRow.slug == location))
    return {family: tuple(map(_candidate, weighed)) for family, weighed in found}


def choices(session: Session, places: Collection[Slug] | None = None) -> tuple[Route, ...]:
    """What each place got when it was decided last, and since when; without all that was weighed.

    ``places``: of a few of them alone, where others are not of interest.
    """
    query = (
        select(LocationRow.slug, RouteRow.family, BootServerRow.name, RouteRow.moved_at)
        .join(LocationRow, RouteRow.location_id == LocationRow.id)
        .join(BootServerRow, RouteRow.chosen_id == BootServerRow.id)
    )
    if places is not None and len(places) <= FEW:
        query = query.where(LocationRow.slug.in_(places))
    return tuple(
        Route(Slug(location), family, (), Slug(name), moved_at=moved_at)
        for location, family, name, moved_at in session.execute(query)
    )


def usable(session: Session, family: int) -> frozenset[Slug]:
    """The boot servers that could be used when it was decided last: the same for all places, so those of one are read.

    A boot server that was given back its places one after the other (slow start) may be in it or not.
    """
    query = select(RouteRow.candidates).where(RouteRow.family == family, RouteRow.chosen_id.is_not(None))
    found = session.scalar(query.order_by(RouteRow.location_id).limit(1)) or []
    return frozenset(Slug(each["boot_server"]) for each in found if each["eligible"])


def routes_decided_at(session: Session) -> datetime | None:
    """When the routes were decided; None before the first time."""
    return session.scalar(select(RouteRow.decided_at).order_by(RouteRow.decided_at.desc()).limit(1))


def _ids(session: Session, row: type[Any], key: Any) -> dict[str, int]:
    return {found[0]: found[1] for found in session.execute(select(key, row.id))}


def _id(known: Mapping[str, int], name: str, noun: str = "location") -> int:
    if name not in known:
        raise NotFoundError(noun, name)
    return known[name]


def latency_map_of(session: Session, row: LatencyMapRow) -> LatencyMap:
    """A stored publication with its samples, in the order of its file."""
    src: Any = aliased(LocationRow)
    dst: Any = aliased(LocationRow)
    query = (
        select(LatencySampleRow, src.slug, dst.slug)
        .join(src, LatencySampleRow.src_id == src.id)
        .join(dst, LatencySampleRow.dst_id == dst.id)
        .where(LatencySampleRow.map_id == row.id)
        .order_by(LatencySampleRow.id)
    )
    samples = tuple(
        LatencySample(
            src=Slug(src_slug),
            dst=Slug(dst_slug),
            rtt_ms=sample.rtt_ms,
            min_ms=sample.min_ms,
            loss=sample.loss,
            count=sample.count,
            measured_at=sample.measured_at,
            family=sample.family,
        )
        for sample, src_slug, dst_slug in session.execute(query)
    )
    return LatencyMap(row.source, row.published_at, samples, row.epoch)


def _candidate(data: Mapping[str, Any]) -> Candidate:
    return Candidate(**{**data, "reasons": _reasons(data["reasons"])})


def _reasons(data: Sequence[Mapping[str, Any]]) -> tuple[Reason, ...]:
    return tuple(Reason(**each) for each in data)
