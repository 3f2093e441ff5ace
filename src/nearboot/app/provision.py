"""Provisioning runs: starting one, ending one that will not end by itself, and listing them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from nearboot.app.database import reading, writing
from nearboot.app.decided import decided_for
from nearboot.app.events import begin
from nearboot.app.routes import FAMILIES, look
from nearboot.config import Config
from nearboot.errors import Fault, InputError
from nearboot.inventory import boot_store, route_store, store
from nearboot.model import AuditEntry, Event, EventKind, Run, Server, Slug

CANCELLED = "cancelled"


def start(config: Config, names: Sequence[str], *, reason: str, actor: str, now: datetime) -> list[Run]:
    """Start a run of each server, all or none; open runs of them end as superseded."""
    with writing(config) as session:
        runs = []
        for name in names:
            server = store.server(session, name)
            runs.append(begin(session, server.name, now, reason=reason))
            boot_store.add_audit(session, AuditEntry(now, actor, "provision.start", server.name, reason))
    return runs


def cancel(config: Config, names: Sequence[str], *, reason: str, actor: str, now: datetime) -> list[Run]:
    """End the open run of each server, all or none; InputError names each server that has none."""
    with writing(config) as session:
        servers = sorted(store.server(session, name).name for name in names)
        found = [_open_run(session, server) for server in servers]
        if missing := [server for server, run in zip(servers, found, strict=True) if run is None]:
            raise InputError(Fault(server, 0, "", "no open run", "a run that is under way") for server in missing)
        return [_cancelled(session, run, now, reason=reason, actor=actor) for run in found if run is not None]


def voiceless(config: Config, names: Sequence[str], now: datetime) -> dict[Slug, list[str]]:
    """Servers whose runs no call-back can end, as their boot server has no ``http_url``: by that boot server."""
    found: dict[Slug, list[str]] = {}
    with reading(config) as session:
        silent = {each.name for each in store.boot_servers(session) if not each.http_url}
        if not silent:
            return found
        routed = _routed(session, config, now)
        for server in (store.server(session, name) for name in names):
            for boot_server in sorted(silent & routed(server)):
                found.setdefault(boot_server, []).append(server.name)
    return found


def runs(config: Config, *, server: str | None = None, unfinished: bool = False, limit: int = 100) -> tuple[Run, ...]:
    """The newest runs, newest first."""
    with reading(config) as session:
        name = store.server(session, server).name if server else None
        return boot_store.runs(session, server=name, unfinished=unfinished, limit=limit)


def _routed(session: Session, config: Config, now: datetime) -> Callable[[Server], set[Slug]]:
    """The boot servers of a server, of the families that it has: as decided last, else as they would be decided now."""
    picture = None if route_store.routes_decided_at(session) else look(session, config, now)

    def of(server: Server) -> set[Slug]:
        if picture is None:
            chosen = decided_for(session, server)
        else:
            chosen = {family: picture.own_route(server, family).chosen for family in FAMILIES}
        has = {4: any(each.ipv4 for each in server.interfaces), 6: any(each.ipv6 for each in server.interfaces)}
        return {name for family, name in chosen.items() if name and (has[family] or not any(has.values()))}

    return of


def _open_run(session: Session, server: str) -> Run | None:
    boot_store.hold(session, server)  # a call-back that comes at this moment is either before it or after it
    return boot_store.open_run(session, server)


def _cancelled(session: Session, run: Run, now: datetime, *, reason: str, actor: str) -> Run:
    ended = replace(run, updated_at=now, finished_at=now, outcome=CANCELLED, problem=reason)
    boot_store.update_run(session, ended)
    boot_store.add_event(session, Event(now, EventKind.OPERATOR, server=run.server, subject=CANCELLED, run_id=run.id))
    boot_store.add_audit(session, AuditEntry(now, actor, "provision.cancel", run.server, reason))
    return ended
