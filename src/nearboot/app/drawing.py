"""Drawing what the database holds: the latency heatmap and the map of routes, each one file.

drawn = heatmap(config, "latency.svg", (), now)
print(drawn.line)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from statistics import median

from nearboot.app import heatmap as heatmaps
from nearboot.app import latency, pictures, route_map, routes
from nearboot.app.answer import terrain
from nearboot.app.database import reading
from nearboot.app.route_map import Join, Mark, Point
from nearboot.app.whatif import choices, used, whose_of
from nearboot.config import Config
from nearboot.errors import Fault, InputError, NotFoundError
from nearboot.inventory import crowd_store, store
from nearboot.inventory.crowd_store import Kind
from nearboot.latency.estimate import Measured
from nearboot.latency.place import Places
from nearboot.latency.rows import counted
from nearboot.model import AdminState, BootServer, Inventory, Slug
from nearboot.routing.quantity import age_text
from nearboot.routing.whatif import Choice, Whose

FEW = 5  # places that a note names


@dataclass(frozen=True, slots=True)
class Drawing:
    """What was drawn. ``notes``: what could not be, and why."""

    line: str
    notes: tuple[str, ...] = ()


def heatmap(config: Config, file: str, wanted: Sequence[str], now: datetime) -> Drawing:
    """Draw the measured round trips between all places that have some, or between ``wanted`` alone."""
    path = pictures.prepare(config, file)
    measured = latency.measured(config, now)
    with reading(config) as session:
        locations, boot_servers = store.locations(session), store.boot_servers(session)
    known = {end for each in measured for end in (each.sample.src, each.sample.dst)}
    _check(wanted, known | {location.slug for location in locations})
    held = {server.location for server in boot_servers}
    places = {Slug(each) for each in wanted} or known | (held if known else set())
    if not places:
        expected = "measured round trips: nearboot latency load FILE"
        raise InputError([Fault(file, 0, "", "no latency map to draw", expected)])
    used = [each for each in measured if {each.sample.src, each.sample.dst} <= places]
    values = {(each.sample.src, each.sample.dst): each.sample.rtt_ms for each in used}
    found = {pair: value for pair, value in values.items() if value is not None}
    order = heatmaps.ordered(places, locations)
    figure = heatmaps.draw(order, found, bold=held & places, subtitle=_sources(used, now))
    pictures.write(figure, path)
    pairs = len(places) * (len(places) - 1)
    missing = f", {counted(pairs - len(found), 'pair')} not measured" if pairs > len(found) else ""
    return Drawing(f"{file}: {counted(len(places), 'place')}, {counted(len(found), 'pair')} measured{missing}")


def route_picture(config: Config, file: str, *, family: int, now: datetime) -> Drawing:
    """Draw which boot server each place gets; places without coordinates are named in the notes."""
    path = pictures.prepare(config, file)
    with reading(config) as session:
        inventory, kinds = terrain(session), crowd_store.kinds(session)
        picture = routes.look(session, config, now, inventory=inventory, places=used(kinds, inventory))
    chosen = {key[:2]: choice for key, choice in choices(picture, kinds).items() if key[2] == family}
    servers = _counts(kinds, inventory)
    places = Places.of(picture.inventory.locations)
    by_name = {server.name: server for server in picture.inventory.boot_servers}
    joins = _joins(chosen, servers, by_name, places)
    marks = _marks(picture, chosen, servers, places)
    drawn = {place for place, _ in chosen}
    lost = [place for place in drawn if places.coordinates(place) is None]
    if not joins and not marks:
        expected = "locations with latitude and longitude, and servers or subnets there"
        raise InputError([Fault(file, 0, "", "no place to draw", expected)])
    count = sum(servers.get(whose, 0) for whose in chosen)
    subtitle = f"{counted(len(drawn), 'place')}, {count:,} servers, over IPv{family}; {now:%Y-%m-%d %H:%M} UTC"
    figure = route_map.draw(joins, marks, title="Which boot server each place gets", subtitle=subtitle)
    pictures.write(figure, path)
    line = f"{file}: {counted(len(drawn) - len(lost), 'place')}, {counted(len(marks), 'boot server')}"
    return Drawing(line, _lost_note(lost))


def _check(wanted: Collection[str], known: Collection[str]) -> None:
    for name in wanted:
        if name not in known:
            raise NotFoundError("location", name, get_close_matches(name, known, 3))


def _sources(measured: Sequence[Measured], now: datetime) -> str:
    """Who measured, and when."""
    if not measured:
        return "nothing measured between them"
    sources = sorted({each.source for each in measured})
    named = ", ".join(sources[:3]) + (f" and {len(sources) - 3} more" if len(sources) > 3 else "")
    ages = [(now - each.at).total_seconds() for each in measured]
    return f"measured by {named}; age: {age_text(median(ages))} in the median, {age_text(max(ages))} at most"


def _counts(kinds: Collection[Kind], inventory: Inventory) -> dict[Whose, int]:
    servers: dict[Whose, int] = {}
    for kind in kinds:
        whose = kind.example.location, whose_of(kind.example, inventory)
        servers[whose] = servers.get(whose, 0) + kind.count
    return servers


def _joins(
    chosen: dict[Whose, Choice], servers: dict[Whose, int], by_name: dict[Slug, BootServer], places: Places
) -> list[Join]:
    """One line for all places of one point that get a boot server at one point: the racks of a site."""
    found: dict[tuple[Point, Point | None], Join] = {}
    for (place, whose), choice in sorted(chosen.items(), key=lambda item: item[0]):
        at = places.coordinates(place)
        server = by_name.get(choice.boot_server) if choice.boot_server else None
        to = places.coordinates(server.location) if server else None
        if at is None or (server and to is None):
            continue
        before = found.get((at, to))
        count = servers.get((place, whose), 0) + (before.servers if before else 0)
        found[at, to] = Join(before.name if before else places.site(place), at, to, count, choice.cost_ms)
    return list(found.values())


def _marks(
    picture: routes.Picture, chosen: dict[Whose, Choice], servers: dict[Whose, int], places: Places
) -> list[Mark]:
    carried: dict[Slug, int] = {}
    for whose, choice in chosen.items():
        if choice.boot_server:
            carried[choice.boot_server] = carried.get(choice.boot_server, 0) + servers.get(whose, 0)
    return [
        Mark(server.name, at, _state(picture, server), carried.get(server.name, 0))
        for server in picture.inventory.boot_servers
        if (at := places.coordinates(server.location)) is not None
    ]


def _state(picture: routes.Picture, server: BootServer) -> str:
    check = picture.health.get(server.name)
    if server.state is AdminState.DISABLED:
        return "disabled"
    if server.state is AdminState.DRAINING:
        return "draining"
    return "failing its reads" if check is not None and not check.healthy else "active"


def _lost_note(lost: Sequence[Slug]) -> tuple[str, ...]:
    if not lost:
        return ()
    more = f" and {len(lost) - FEW} more" if len(lost) > FEW else ""
    names = ", ".join(sorted(lost)[:FEW]) + more
    return (f"not on the map, as neither they nor their site have coordinates: {names}",)
