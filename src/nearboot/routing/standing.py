"""Whether a boot server may be used at all, before anyone asks how near it is: state, address, health.

standing(server, health, family=4, policy=policy, now=now)    # (Standing.DOWN, (Reason("unhealthy", ...),))
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

from nearboot.model import AdminState, BootServer, Health, Reason
from nearboot.routing.policy import Policy


class Standing(IntEnum):
    """The pools that a boot server can be in; the first that is not empty is chosen from."""

    UP = 0  # active, and its last probe was good, or there is none
    DOWN = 1  # active, but fails a real read: used when no active one is up (fail static)
    DRAINING = 2  # used when no active one is left
    DRAINING_DOWN = 3  # the same, but fails a real read
    UNUSABLE = 4  # disabled, or without an address of the family: never used


def standing(
    server: BootServer, health: Health | None, *, family: int, policy: Policy, now: datetime
) -> tuple[Standing, tuple[Reason, ...]]:
    """The pool that the boot server is in, and why it is not in a better one; a state of None is active."""
    if server.state is AdminState.DISABLED:
        return Standing.UNUSABLE, (Reason("disabled", f"{server.name} is disabled"),)
    if (server.ipv4 if family == 4 else server.ipv6) is None:
        text = f"{server.name} has no IPv{family} address"
        return Standing.UNUSABLE, (Reason("no-address", text, {"family": family}),)
    up, reasons = _read(server, health, policy, now)
    if server.state is AdminState.DRAINING:
        draining = Reason("draining", f"{server.name} is draining: it gets no new clients")
        return (Standing.DRAINING if up else Standing.DRAINING_DOWN), (draining, *reasons)
    return (Standing.UP if up else Standing.DOWN), reasons


def _read(server: BootServer, health: Health | None, policy: Policy, now: datetime) -> tuple[bool, tuple[Reason, ...]]:
    """Whether the server counts as up, and what is worth saying of the last probe."""
    if health is None:
        text = f"the health of {server.name} is unknown (never probed): it counts as up"
        return True, (Reason("health-unknown", text),)
    age_s = max(0.0, (now - health.checked_at).total_seconds())
    if not health.healthy:
        detail = f": {health.detail}" if health.detail else ""
        text = f"{server.name} failed its last read, {age_s:.0f} s ago{detail}"
        return False, (Reason("unhealthy", text, {"age_s": age_s, "detail": health.detail}),)
    if age_s > policy.health_fresh_s:
        text = f"the last good read from {server.name} was {age_s:.0f} s ago: its health is unknown, it counts as up"
        return True, (Reason("health-stale", text, {"age_s": age_s}),)
    return True, ()
