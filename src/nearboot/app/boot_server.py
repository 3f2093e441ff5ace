"""What the operator wants of a boot server, and who moves when that changes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from nearboot.app.database import writing
from nearboot.app.routes import Picture, look, moves, with_state
from nearboot.config import Config
from nearboot.errors import NotFoundError
from nearboot.inventory import boot_store, store
from nearboot.model import AdminState, AuditEntry, BootServer, Route, Slug

FEW = 5  # names that are offered together


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


def set_state(
    config: Config, name: str, state: AdminState, *, reason: str, actor: str, now: datetime
) -> tuple[AdminState, list[tuple[Route, Route]], Picture]:
    """Change a boot server's state; gives the state before, the routes that move (before, after) and the picture."""
    with writing(config) as session:
        server = named(session, name)
        before = look(session, config, now)
        after = with_state(before, Slug(server.name), state)
        old = store.set_boot_server_state(session, name, state)
        if old != state:
            text = f"{old.value} to {state.value}" + (f": {reason}" if reason else "")
            boot_store.add_audit(session, AuditEntry(now, actor, f"boot-server.{state.value}", name, text))
    return old, moves(before, after), after
