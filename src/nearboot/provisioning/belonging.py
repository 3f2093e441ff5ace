"""To which run an event belongs: the server's newest, a new one that nobody announced, or none.

A boot begins with a lease that is no renewal, or with the first NBP or configuration that is read well. Where the
server has no open run, such an event begins one. Where it has one, the event joins it, unless the run is idle: nothing
but renewals for more than an hour. An idle run is over, whether or not it ended with a call-back, so that next week's
boot is not told in this week's trace; only one that somebody announced waits for its first boot as long as it takes.
Any other event joins the open run while it is not idle. An event of the time before a run's end belongs to it, however
late it is told.

    match belongs(event, newest, heard_at=last): ...
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum

from nearboot.model import Event, EventKind, Phase, Run
from nearboot.provisioning.diagnosis import READS
from nearboot.provisioning.phases import ORDER

IDLE = timedelta(hours=1)
"""Longer than a server's firmware takes, and an installer between two call-backs."""
BY_ITSELF = "booted by itself"
"""The reason of a run that nobody announced."""
RENEWAL = "renewal"
"""The key in a lease's detail that tells a renewal."""


class Belongs(Enum):
    """Where an event goes."""

    NEWEST = "newest"
    NEW = "new"
    NONE = "none"


def belongs(event: Event, newest: Run | None, *, heard_at: datetime | None) -> Belongs:
    """Where an event goes, by its server's newest run and the last event of that run that is no renewal."""
    if newest is not None and _is_of(event, newest, heard_at):
        return Belongs.NEWEST
    return Belongs.NEW if begins_boot(event) else Belongs.NONE


def begins_boot(event: Event) -> bool:
    """Whether an event may be the first of a boot."""
    if event.kind is EventKind.DHCP_LEASE:
        return not is_marked_renewal(event)
    return event.kind in READS and event.outcome == "ok" and event.phase in (Phase.NBP, Phase.CONFIG)


def is_renewal(lease: Event, earlier: Iterable[Event]) -> bool:
    """Whether one of a server's earlier leases of the address was still valid."""
    return any(
        each.kind is EventKind.DHCP_LEASE
        and each.subject == lease.subject
        and each.at <= lease.at <= each.at + _lifetime(each)
        for each in earlier
    )


def is_marked_renewal(event: Event) -> bool:
    """Whether an event was stored as a lease's renewal."""
    return event.kind is EventKind.DHCP_LEASE and bool(event.detail.get(RENEWAL))


def _is_of(event: Event, run: Run, heard_at: datetime | None) -> bool:
    if run.finished_at is not None:
        return event.at <= run.finished_at
    awaited = run.reason != BY_ITSELF and ORDER[run.phase] < ORDER[Phase.NBP]
    return awaited or event.at - max(run.updated_at, heard_at or run.updated_at) <= IDLE


def _lifetime(lease: Event) -> timedelta:
    seconds = lease.detail.get("valid_lifetime_s")
    return timedelta(seconds=seconds if isinstance(seconds, int) else 0)
