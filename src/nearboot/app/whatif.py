"""What a change would bring, asked of the database and written nowhere.

found = what_if(config, Supposed(drain=("ams-boot",)), names=True, now=now)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache

from sqlalchemy.orm import Session

from nearboot.app import routes
from nearboot.app.answer import terrain
from nearboot.app.database import reading
from nearboot.app.files import file_size
from nearboot.config import Config
from nearboot.inventory import crowd_store
from nearboot.inventory.crowd_store import Kind
from nearboot.model import Inventory, Server, Slug
from nearboot.routing.predict import EXAMPLE, round_trips
from nearboot.routing.suppose import Supposed
from nearboot.routing.whatif import Choice, Crowd, Key, WhatIf, Whose, compare


def what_if(config: Config, supposed: Supposed, *, names: bool, now: datetime) -> WhatIf:
    """Compare the routes of all places that are used with what they would be. ``names``: list the servers that move.

    Servers are counted and not read, so that it does not matter how many there are.
    """
    with reading(config) as session:
        inventory, kinds = terrain(session), crowd_store.kinds(session)
        crowds = crowds_of(kinds, inventory, lambda path: file_size(config, path))
        before = routes.look(session, config, now, inventory=inventory, places=used(kinds, inventory))
        after = routes.supposing(before, supposed)
        found = compare(
            choices(before, kinds),
            choices(after, kinds),
            crowds,
            boot_servers={each.name: each.capacity for side in (before, after) for each in side.inventory.boot_servers},
            supposed=after.supposed.lines(),
        )
        return _named(session, found, inventory) if names else found


def used(kinds: Iterable[Kind], inventory: Inventory) -> set[Slug]:
    """The places at which servers or subnets stand."""
    return {kind.example.location for kind in kinds} | {subnet.location for subnet in inventory.subnets}


def choices(picture: routes.Picture, kinds: Collection[Kind]) -> dict[Key, Choice]:
    """What each place gets over each family that it has a subnet of; over IPv4 where it has none at all.

    Servers with pins or bans are told apart from the others of their place.
    """
    over = {family: routes.networked(picture.inventory, family) for family in routes.FAMILIES}
    places = used(kinds, picture.inventory)
    over[4] |= places - over[4] - over[6]
    wanted = {(route.location, "", route.family): route for route in picture.routes if route.location in places}
    for kind in kinds:
        if whose := whose_of(kind.example, picture.inventory):
            for family in routes.FAMILIES:
                wanted[kind.example.location, whose, family] = picture.own_route(kind.example, family)
    return {key: Choice.of(route) for key, route in wanted.items() if key[0] in over[key[2]]}


def whose_of(server: Server, inventory: Inventory) -> str:
    """The pins and bans of a server and its tier in words; "" for those without."""
    override = routes.override_of(server, inventory)
    said = (("pinned to", override.pin), ("never from", override.forbid))
    return "; ".join(f"{words} {', '.join(sorted(names))}" for words, names in said if names)


def crowds_of(kinds: Iterable[Kind], inventory: Inventory, size: Callable[[str], int | None]) -> tuple[Crowd, ...]:
    """How many servers stand at each place, and how often one of them waits for its boot server in the mean."""
    totals: dict[Whose, tuple[int, int, int]] = {}
    known = cache(size)
    for kind in kinds:
        whose = kind.example.location, whose_of(kind.example, inventory)
        servers, trips, assumed = totals.get(whose, (0, 0, 0))
        client = routes.client_of(kind.example, inventory)
        files: Mapping[str, int] = routes.image_files(kind.example, inventory, known)
        each = sum(round_trips(found, client) for found in (files or EXAMPLE).values())
        totals[whose] = servers + kind.count, trips + each * kind.count, assumed + (0 if files else kind.count)
    return tuple(
        Crowd(place, count, trips / count, assumed, whose)
        for (place, whose), (count, trips, assumed) in sorted(totals.items())
    )


def _named(session: Session, found: WhatIf, inventory: Inventory) -> WhatIf:
    """The same with the names of the servers that move."""
    names: dict[Whose, list[str]] = {}
    for server in crowd_store.servers_at(session, {effect.location for effect in found.moved}):
        names.setdefault((server.location, whose_of(server, inventory)), []).append(server.name)
    effects = (
        replace(each, names=tuple(names.get((each.location, each.whose), ())) if each.moved else ())
        for each in found.effects
    )
    return replace(found, effects=tuple(effects))
