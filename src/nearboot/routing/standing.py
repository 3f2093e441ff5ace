"""Whether a boot server may be used at all, before anyone asks how near it is: state, address, health.

standing(server, health, family=4, policy=policy, now=now)    # (Standing.DOWN, (Reason("unhealthy", ...),))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from nearboot.model import AdminState, BootServer, Health, Reason, Slug
from nearboot.routing.override import Override
from nearboot.routing.policy import Policy


class Standing(IntEnum):
    """The pools that a boot server can be in; the first that is not empty is chosen from."""

    UP = 0  # active, and its last probe was good, or there is none
    DOWN = 1  # active, but fails a real read: used when no active one is up (fail static)
    DRAINING = 2  # used when no active one is left
    DRAINING_DOWN = 3  # the same, but fails a real read
    UNUSABLE = 4  # disabled, forbidden, or without an address of the family: never used


@dataclass(frozen=True, slots=True)
class Stood:
    """A boot server in its pool, with what keeps it from a better one."""

    server: BootServer
    standing: Standing
    reasons: tuple[Reason, ...]


def stand(
    boot_servers: Iterable[BootServer],
    health: Mapping[Slug, Health],
    *,
    family: int,
    policy: Policy,
    now: datetime,
    override: Override | None = None,
) -> tuple[tuple[Stood, ...], tuple[Reason, ...]]:
    """Every boot server by name with its pool, and what is to be said of all: that health is not believed (panic)."""
    stood = [
        Stood(server, *standing(server, health.get(server.name), family=family, policy=policy, now=now))
        for server in sorted(boot_servers, key=lambda server: server.name)
    ]
    panicked = _panic(stood, policy)
    if panicked:
        stood = [_believed_up(each) for each in stood]
    if override:
        stood = [_banned(each, override) for each in stood]
    return tuple(stood), panicked


def _panic(stood: list[Stood], policy: Policy) -> tuple[Reason, ...]:
    """So many that look down at once are more likely a fault of the looking: all keep what they have."""
    down = sum(each.standing is Standing.DOWN for each in stood)
    active = down + sum(each.standing is Standing.UP for each in stood)
    if down < policy.panic_least or down <= policy.panic_share * active or down == active:
        return ()  # with none up, there is nothing to choose between: they are used as they are
    text = f"{down} of {active} active boot servers look down, which is not believed: health is ignored"
    return (Reason("panic", text, {"down": down, "active": active}),)


def _believed_up(each: Stood) -> Stood:
    better = {Standing.DOWN: Standing.UP, Standing.DRAINING_DOWN: Standing.DRAINING}
    return Stood(each.server, better.get(each.standing, each.standing), each.reasons)


def _banned(each: Stood, override: Override) -> Stood:
    if each.server.name not in override.forbid:
        return each
    by = f" ({override.origin})" if override.origin else ""
    reason = Reason("forbidden", f"{each.server.name} is forbidden here{by}", {"origin": override.origin})
    return Stood(each.server, Standing.UNUSABLE, (reason, *each.reasons))


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
    if not health.known:
        return True, health.reasons
    age_s = max(0.0, (now - health.checked_at).total_seconds())
    if not health.healthy:
        detail = f": {health.detail}" if health.detail else ""
        text = f"{server.name} failed its last read, {age_s:.0f} s ago{detail}"
        return False, health.reasons or (Reason("unhealthy", text, {"age_s": age_s, "detail": health.detail}),)
    if age_s > policy.health_fresh_s:
        text = f"the last good read from {server.name} was {age_s:.0f} s ago: its health is unknown, it counts as up"
        return True, (Reason("health-stale", text, {"age_s": age_s}),)
    return True, health.reasons
