"""What a guard says of a latency map as a whole: pass it with a note, hold it for a person, or refuse it.

Rows that cannot be true are not alarms: they are quarantined one by one, and the rest of the map stands.

    alarm = Alarm(Action.HOLD, Reason("blast-radius", "31 of 100 locations would move", {"moved": 31}))
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from nearboot.model import Reason


class Action(Enum):
    """What follows from an alarm."""

    NOTE = "note"  # worth a person's look; the map is used
    HOLD = "hold"  # may be true: kept aside until a person accepts it
    REFUSE = "refuse"  # cannot be true: nothing is stored


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that a guard found. ``remedy``: what would be right, or what to do about it."""

    action: Action
    reason: Reason
    remedy: str = ""


def reasons(alarms: Iterable[Alarm], *actions: Action) -> tuple[Reason, ...]:
    """The reasons of the alarms that have one of the actions."""
    return tuple(alarm.reason for alarm in alarms if alarm.action in actions)
