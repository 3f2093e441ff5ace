"""Probing the boot servers: a real read from each, the result kept in the database for the routes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from nearboot.app import boot_server
from nearboot.app.database import reading, writing
from nearboot.config import Config
from nearboot.inventory import route_store, store
from nearboot.model import Health
from nearboot.probe.health_runner import probe_all


def check(config: Config, names: tuple[str, ...], *, vantage: str, clock: Callable[[], datetime]) -> list[Health]:
    """Probe the named boot servers (none named: all), and store what was found."""
    with reading(config) as session:
        found = [boot_server.named(session, name) for name in names] or list(store.boot_servers(session))
    health = config.health
    results = asyncio.run(
        probe_all(
            found, file=health.file, timeout_s=health.timeout_s, attempts=health.attempts, vantage=vantage, clock=clock
        )
    )
    with writing(config) as session:
        for result in results:
            route_store.set_health(session, result)
    return results
