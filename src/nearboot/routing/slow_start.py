"""A boot server that came back takes its locations back one after the other, not all at once. Pure.

Each location has its turn, by a hash, within the policy's slow start: a tenth at once, the rest evenly.

    turn(Slug("ams"), Slug("boot-ams"), since, policy)     # when boot-ams may serve ams again
"""

from __future__ import annotations

from datetime import datetime, timedelta

from nearboot.routing.policy import Policy
from nearboot.routing.spread import TURN_SALT, uniform


def turn(location_key: int, server_key: int, since: datetime, policy: Policy) -> datetime:
    """When the boot server may serve the location again. Keys are ``spread.key`` of the names."""
    return since + timedelta(seconds=wait_s(uniform(location_key, server_key, TURN_SALT), policy))


def wait_s(number: float, policy: Policy) -> float:
    """How long a location with that number in (0, 1) waits for a boot server that came back."""
    floor = policy.slow_start_floor
    return policy.slow_start_s * max(0.0, number - floor) / (1 - floor) if floor < 1 else 0.0


def share(age_s: float, policy: Policy) -> float:
    """The share of its locations that a boot server has so long after it came back."""
    if policy.slow_start_s <= 0:
        return 1.0
    floor = policy.slow_start_floor
    return min(1.0, floor + (1 - floor) * max(0.0, age_s) / policy.slow_start_s)
