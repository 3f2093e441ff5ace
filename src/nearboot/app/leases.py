"""``nearboot serve leases``: follows the lease files of Kea; each assignment is an event of its server."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from nearboot.app.daemon import run_daemon, say_ready
from nearboot.app.database import database
from nearboot.app.events import record
from nearboot.config import Config
from nearboot.errors import NearbootError
from nearboot.inventory import route_store, store
from nearboot.inventory.schema_store import writing
from nearboot.kea.lease_runner import Position, follow
from nearboot.kea.leases import Lease, lease_event
from nearboot.model import Server, Slug

log = logging.getLogger(__name__)

NOTICED = timedelta(seconds=0.5)
"""Kea writes whole seconds, cut off. A row is seen within this time: so it was written no earlier than that ago."""
SECOND = timedelta(seconds=1)


def serve(config: Config, files: tuple[Path, ...]) -> None:
    """Follow the files until SIGTERM or SIGINT; leases that are in them already are not told again."""
    with database(config) as engine:
        stop = asyncio.Event()
        run_daemon(_serve(engine, files, stop), stop)


async def _serve(engine: Engine, files: tuple[Path, ...], stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        for file in files:
            group.create_task(follow_file(engine, file, stop, skip_existing=True))
        await asyncio.sleep(0)  # each has begun, and found where its file ends: from now on no row is missed
        say_ready(f"leases of {', '.join(str(file) for file in files)}")


async def follow_file(engine: Engine, file: Path, stop: asyncio.Event, *, skip_existing: bool) -> None:
    """Follow one lease file until ``stop``; a row that cannot be read is logged and passed over."""

    async def on_lease(lease: Lease, _position: Position) -> None:
        if lease.is_assignment:
            try:
                await asyncio.to_thread(note, engine, lease, datetime.now(UTC))
            except NearbootError as error:  # following goes on without its book
                log.error("event lost: kind=dhcp-lease client=%s subject=%s: %s", lease.mac, lease.address, error)

    await follow(
        file,
        on_lease=on_lease,
        stop=stop,
        skip_existing=skip_existing,
        on_problem=lambda error: log.warning("file=%s %s", file, error),
    )


def note(engine: Engine, lease: Lease, now: datetime) -> None:
    """Store an assignment, with the boot server that the route of the client's location names."""
    with writing(engine) as session:
        server = _server(session, lease)
        event = lease_event(lease, server=server.name if server else None, boot_server=_named(session, server, lease))
        if now - event.at < SECOND + NOTICED:
            event = replace(event, at=max(event.at, now - NOTICED))
        record(session, event)


def _server(session: Session, lease: Lease) -> Server | None:
    if lease.mac is not None and (found := store.server_by_mac(session, lease.mac)):
        return found
    return store.server_by_duid(session, lease.duid) if lease.duid is not None else None


def _named(session: Session, server: Server | None, lease: Lease) -> Slug | None:
    return route_store.chosen(session, server.location).get(lease.address.version) if server else None
