"""What the operator wants of a boot server, and who moves when that changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from nearboot.app.database import writing
from nearboot.app.routes import look, moves, own_moves, troubles, with_state
from nearboot.config import Config
from nearboot.errors import NotFoundError
from nearboot.inventory import boot_store, store
from nearboot.model import AdminState, AuditEntry, BootServer, Route, Slug

FEW = 5  # names that are offered together


@dataclass(frozen=True, slots=True)
class StateChange:
    """What a new state brings. ``moved``: routes before and after; ``troubles``: bad routes' places, by their codes.

    ``own``: servers with pins or bans of their own or of their tier, and their routes before and after.
    """

    before: AdminState
    moved: tuple[tuple[Route, Route], ...]
    troubles: Mapping[tuple[str, ...], frozenset[Slug]]
    own: tuple[tuple[str, Route, Route], ...] = ()


def named(session: Session, name: str) -> BootServer:
    """The boot server of a name; ``NotFoundError`` offers those with it in their name, or at that place, or all."""
    try:
        return store.boot_server(session, name)
    except NotFoundError as error:
        if error.near:
            raise
        known = store.boot_servers(session)
        part = [server.name for server in known if name in server.name or name == server.location]
        near = part or [server.name for server in known if len(known) <= FEW]
        raise NotFoundError(error.noun, name, near[:FEW]) from error


def set_state(config: Config, name: str, state: AdminState, *, reason: str, actor: str, now: datetime) -> StateChange:
    """Change a boot server's state, whatever that means for its clients, and say what it means."""
    with writing(config) as session:
        server = named(session, name)
        before = look(session, config, now)
        after = with_state(before, Slug(server.name), state)
        old = store.set_boot_server_state(session, name, state)
        if old != state:
            text = f"{old.value} to {state.value}" + (f": {reason}" if reason else "")
            boot_store.add_audit(session, AuditEntry(now, actor, f"boot-server.{state.value}", name, text))
    own = tuple(own_moves(before, after))
    return StateChange(old, tuple(moves(before, after)), troubles(before, after), own)
