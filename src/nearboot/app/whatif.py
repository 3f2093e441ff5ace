"""What a change would bring, asked of the database and written nowhere.

found = what_if(config, Supposed(drain=("ams-boot",)), names=True, now=now)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache

from nearboot.app import routes
from nearboot.app.database import reading
from nearboot.app.files import file_size
from nearboot.config import Config
from nearboot.inventory import crowd_store, store
from nearboot.inventory.crowd_store import Kind
from nearboot.model import Inventory, Slug
from nearboot.routing.predict import EXAMPLE, round_trips
from nearboot.routing.suppose import Supposed
from nearboot.routing.whatif import Choice, Crowd, Key, WhatIf, compare


def what_if(config: Config, supposed: Supposed, *, names: bool, now: datetime) -> WhatIf:
    """Compare the routes of all places that are used with what they would be. ``names``: list the servers that move.

    Servers are counted and not read, so that it does not matter how many there are.
    """
    with reading(config) as session:
        inventory = Inventory(
            locations=store.locations(session),
            models=store.models(session),
            subnets=store.subnets(session),
            boot_servers=store.boot_servers(session),
            images=store.images(session),
            profiles=store.profiles(session),
        )
        crowds = crowds_of(crowd_store.kinds(session), inventory, lambda path: file_size(config, path))
        used = {crowd.location for crowd in crowds} | {subnet.location for subnet in inventory.subnets}
        before = routes.look(session, config, now, inventory=inventory, places=used)
        after = routes.supposing(before, supposed)
        found = compare(
            choices(before, used),
            choices(after, used),
            crowds,
            boot_servers={server.name for each in (before, after) for server in each.inventory.boot_servers},
            supposed=after.supposed.lines(),
        )
        if not names:
            return found
        listed = crowd_store.names_at(session, {effect.location for effect in found.moved})
    effects = (replace(each, names=listed.get(each.location, ()) if each.moved else ()) for each in found.effects)
    return replace(found, effects=tuple(effects))


def choices(picture: routes.Picture, used: Collection[Slug]) -> dict[Key, Choice]:
    """What each place gets over each family that it has a subnet of; over IPv4 where it has none at all."""
    over = {family: routes.networked(picture.inventory, family) for family in routes.FAMILIES}
    bare = set(used) - over[4] - over[6]
    return {
        (route.location, route.family): Choice.of(route)
        for route in picture.routes
        if route.location in over[route.family] or (route.family == 4 and route.location in bare)
    }


def crowds_of(kinds: Iterable[Kind], inventory: Inventory, size: Callable[[str], int | None]) -> tuple[Crowd, ...]:
    """How many servers stand at each place, and how often one of them waits for its boot server in the mean."""
    totals: dict[Slug, tuple[int, int, int]] = {}
    known = cache(size)
    for kind in kinds:
        servers, trips, assumed = totals.get(kind.example.location, (0, 0, 0))
        client = routes.client_of(kind.example, inventory)
        files: Mapping[str, int] = routes.image_files(kind.example, inventory, known)
        each = sum(round_trips(found, client) for found in (files or EXAMPLE).values())
        totals[kind.example.location] = (
            servers + kind.count,
            trips + each * kind.count,
            assumed + (0 if files else kind.count),
        )
    return tuple(
        Crowd(place, count, trips / count, assumed) for place, (count, trips, assumed) in sorted(totals.items())
    )
