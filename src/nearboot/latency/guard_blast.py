"""How many locations a map would move to another boot server: past a share of them it is held for a person.

Who publishes a map that moves half the fleet is either right or dangerous, and no rule on round trips can tell which.

    alarms = blast([Move("ams", 4, "ams-boot", "fra-boot")], locations=12, share=0.10)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nearboot.latency.alarm import Action, Alarm
from nearboot.model import Reason, Slug


@dataclass(frozen=True, slots=True)
class Move:
    """A location that would get another boot server."""

    location: Slug
    family: int  # 4 or 6
    before: Slug | None
    after: Slug | None
    before_ms: float | None = None  # cost of the boot server that it has, by the map in use
    after_ms: float | None = None  # cost of the one that it would get, by the new map


def blast(moves: Sequence[Move], *, locations: int, share: float) -> tuple[Alarm, ...]:
    """Hold a map that moves more than a share of the locations, in either family."""
    moved = {move.location for move in moves}
    if not locations or len(moved) <= share * locations:
        return ()
    text = (
        f"{len(moved)} of {locations} locations would get another boot server, {len(moved) / locations:.1%}; "
        f"more than {share:.0%} is held"
    )
    data = {"moved": len(moved), "locations": locations, "share": round(len(moved) / locations, 4), "limit": share}
    return (Alarm(Action.HOLD, Reason("blast-radius", text, data)),)
