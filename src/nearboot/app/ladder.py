"""What is believed of paths, as the database has it: the maps in use and their rounds before, past the guards.

read_ladder(session, inventory.locations, now).ladder.estimate("ams", "sin", family=4)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from nearboot.inventory import route_store
from nearboot.inventory.rounds_store import earlier_rounds
from nearboot.latency import guard
from nearboot.latency.estimate import Ladder
from nearboot.model import LatencyMap, Location, Reason


@dataclass(frozen=True, slots=True)
class Believed:
    """The ladder, what is used of the maps in use, and what the guards say of them now."""

    ladder: Ladder
    maps: tuple[LatencyMap, ...]
    findings: tuple[Reason, ...]


def read_ladder(session: Session, locations: Sequence[Location], now: datetime) -> Believed:
    """Read the maps and check them; of rounds before the present ones, only what is not refused is used."""
    current = [guard.check(each, locations, now=now) for each in route_store.current_latency_maps(session)]
    earlier = [guard.check(each, locations, now=now) for each in earlier_rounds(session)]
    distrusted = frozenset(slug for each in current for slug in each.distrusted)
    ladder = Ladder.of([each.map for each in (*earlier, *current)], locations, now=now, distrusted=distrusted)
    findings = tuple(finding for each in current for finding in each.findings)
    return Believed(ladder, tuple(each.map for each in current), findings)
