"""Questions about routes, answered without reading more servers than are asked about.

found = explanations(config, lambda known: choose(["web[01-40]"], known), family=4, now=now)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from nearboot.app import routes
from nearboot.app.database import reading
from nearboot.app.files import file_size
from nearboot.config import Config
from nearboot.inventory import crowd_store, store
from nearboot.model import Inventory, Route, Server, Slug
from nearboot.routing.explain import Explanation

Choose = Callable[[Sequence[str]], Sequence[str]]
"""Which of the known names are meant."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Routes, each with whose it is: ``server`` or ``tier`` where it was asked for by that, and how many servers."""

    route: Route
    server: str = ""
    tier: Slug | None = None
    servers: int | None = None


def terrain(session: Session) -> Inventory:
    """The inventory without servers, however many there are."""
    return Inventory(
        tiers=store.tiers(session),
        locations=store.locations(session),
        models=store.models(session),
        subnets=store.subnets(session),
        boot_servers=store.boot_servers(session),
        images=store.images(session),
        profiles=store.profiles(session),
    )


def asked(session: Session, config: Config, choose: Choose, now: datetime) -> tuple[routes.Picture, list[Server]]:
    """The picture of the places of some servers, and these servers in the order in which they are meant."""
    names = list(choose(store.server_names(session)))
    found = {server.name: server for server in store.servers(session, names=names)}
    servers = [found[name] for name in names]
    inventory = replace(terrain(session), servers=tuple(servers))
    places = {server.location for server in servers}
    return routes.look(session, config, now, inventory=inventory, places=places), servers


def explanations(config: Config, choose: Choose, *, family: int, now: datetime) -> list[Explanation]:
    """Why each of the servers gets its boot server."""
    with reading(config) as session:
        picture, servers = asked(session, config, choose, now)
    found = []
    for server in servers:
        files = routes.image_files(server, picture.inventory, lambda path: file_size(config, path))
        found.append(routes.explained(picture, server, family=family, files=files))
    return found


def of_servers(
    config: Config, choose: Choose, families: Collection[int], now: datetime
) -> tuple[routes.Picture, list[Shown]]:
    """The route of each of the servers."""
    with reading(config) as session:
        picture, servers = asked(session, config, choose, now)
    every = [(server, family) for server in servers for family in families]
    return picture, [Shown(picture.own_route(server, family), server.name) for server, family in every]


def of_tiers(
    config: Config, tiers: Sequence[str], families: Collection[int], now: datetime
) -> tuple[routes.Picture, list[Shown]]:
    """The routes of the places at which servers of the tiers stand, with how many; errors name an unknown tier."""
    with reading(config) as session:
        counts: dict[tuple[Slug, Slug], int] = {}
        for tier in dict.fromkeys(map(Slug, tiers)):
            store.server_names(session, tier=tier)  # NotFoundError with the nearest
            for kind in crowd_store.kinds(session, tier=tier):
                key = tier, kind.example.location
                counts[key] = counts.get(key, 0) + kind.count
        places = {place for _, place in counts}
        picture = routes.look(session, config, now, inventory=terrain(session), places=places)
    return picture, [
        Shown(picture.own_route(Server("", place, tier=tier), family), tier=tier, servers=count)
        for (tier, place), count in sorted(counts.items())
        for family in families
    ]
