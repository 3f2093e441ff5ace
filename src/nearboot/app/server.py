"""What follows for a server from the whole inventory: its profile and image, its subnets, the boot servers it gets now.

It reads no other server than those that are asked for.

    with reading(config) as session: (found,) = effective(session, config, [server], now)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from nearboot.app.host import subnets_of
from nearboot.app.routes import FAMILIES, look
from nearboot.config import Config
from nearboot.inventory import store
from nearboot.model import Inventory, Prefix, Server, Slug
from nearboot.model.profile import profile_of


@dataclass(frozen=True, slots=True)
class Effective:
    """What a server has without its being written in the server itself; None where there is none."""

    profile: Slug | None
    image: Slug | None
    subnets: tuple[Prefix, ...]  # those of its addresses, else those of the innermost place that has some
    boot_server_v4: Slug | None  # None as well where it has no subnet of that family
    boot_server_v6: Slug | None


def effective(session: Session, config: Config, servers: Sequence[Server], now: datetime) -> list[Effective]:
    """What follows for each of the servers, in their order."""
    inventory = Inventory(
        locations=store.locations(session),
        models=store.models(session),
        servers=tuple(servers),
        subnets=store.subnets(session),
        boot_servers=store.boot_servers(session),
        profiles=store.profiles(session),
    )
    places = {server.location for server in servers}
    picture = look(session, config, now, inventory=inventory, places=places)
    chosen = {(route.location, route.family): route.chosen for route in picture.routes}
    found = []
    for server in servers:
        profile = profile_of(server, inventory.profiles)
        subnets = {family: subnets_of(server, inventory, family) for family in FAMILIES}
        best = {family: chosen[server.location, family] if subnets[family] else None for family in FAMILIES}
        found.append(
            Effective(
                profile.slug if profile else None,
                profile.image if profile else None,
                tuple(subnet.prefix for family in FAMILIES for subnet in subnets[family]),
                best[4],
                best[6],
            )
        )
    return found
