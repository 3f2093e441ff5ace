"""The boot server of one server as decided last: what Kea was told, its pins and bans and its tier's included.

decided_for(session, server)[4]
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from nearboot.app.routes import override_of
from nearboot.inventory import route_store, store
from nearboot.model import Inventory, Server, Slug
from nearboot.routing.override import pick


def decided_for(session: Session, server: Server) -> dict[int, Slug | None]:
    """By family; nothing before the first decision."""
    override = override_of(server, Inventory(tiers=store.tiers(session) if server.tier else ()))
    if not override:
        return route_store.chosen(session, server.location)
    weighed = route_store.candidates(session, server.location)
    return {family: pick(candidates, override) for family, candidates in weighed.items()}
