"""The timeline of a server's boot, compared with its route."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address

from nearboot.app.database import reading
from nearboot.app.decided import decided_for
from nearboot.config import Config
from nearboot.inventory import boot_store, store
from nearboot.model import Event, EventKind, Run, Slug
from nearboot.provisioning.trace import Trace, trace

MAX_EVENTS = 10_000


def of_server(config: Config, name: str, *, run_id: int | None, now: datetime) -> Trace | None:
    """The trace of a server's newest run, or of the one numbered; None where it has none."""
    with reading(config) as session:
        server = store.server(session, name)
        runs = boot_store.runs(session, server=server.name)
        run = _chosen(runs, run_id)
        if run is None:
            return None
        events = boot_store.events(session, run_id=run.id, limit=MAX_EVENTS)
        expected = decided_for(session, server)
    return trace(run, events, expected=expected | _told(events), now=now)


def _told(events: Iterable[Event]) -> dict[int, Slug | None]:
    """The boot server that DHCP named in this very boot: the routes may have changed since."""
    leases = (event for event in events if event.kind is EventKind.DHCP_LEASE and event.boot_server)
    return {ip_address(event.subject).version: event.boot_server for event in leases}


def _chosen(runs: tuple[Run, ...], run_id: int | None) -> Run | None:
    """The newest run, or the one of that number."""
    return next((run for run in runs if run_id is None or run.id == run_id), None)
