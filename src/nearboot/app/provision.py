"""Provisioning runs: starting one, and listing them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from nearboot.app.database import reading, writing
from nearboot.app.events import begin
from nearboot.config import Config
from nearboot.inventory import boot_store, store
from nearboot.model import AuditEntry, Run


def start(config: Config, names: Sequence[str], *, reason: str, actor: str, now: datetime) -> list[Run]:
    """Start a run of each server, all or none; open runs of them end as superseded."""
    with writing(config) as session:
        runs = []
        for name in names:
            server = store.server(session, name)
            runs.append(begin(session, server.name, now, reason=reason))
            boot_store.add_audit(session, AuditEntry(now, actor, "provision.start", server.name, reason))
    return runs


def runs(config: Config, *, server: str | None = None, unfinished: bool = False, limit: int = 100) -> tuple[Run, ...]:
    """The newest runs, newest first."""
    with reading(config) as session:
        name = store.server(session, server).name if server else None
        return boot_store.runs(session, server=name, unfinished=unfinished, limit=limit)
