"""The rounds before the latency map that is in use: what smoothing and noise are made of.

for latency_map in earlier_rounds(session): latency_map.source, latency_map.epoch
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from nearboot.inventory.boot_orm import LatencyMapRow, LatencySampleRow
from nearboot.inventory.route_store import latency_map_of
from nearboot.model import LatencyMap, MapState

ROUNDS = 5  # with the one in use: of older ones 0.7 % is left after rounds of a minute
GAP = timedelta(minutes=15)  # what came longer before the next says nothing of its noise
MOST_SAMPLES = 100_000  # to read more of them takes longer than the smoothing is worth


def earlier_rounds(session: Session) -> tuple[LatencyMap, ...]:
    """Of each source the accepted maps before the one in use, as far as each came soon before the next.

    Empty for maps that a person loads now and then, and where no sample tells of probes.
    """
    accepted = LatencyMapRow.state == MapState.ACCEPTED.value
    rows = session.scalars(select(LatencyMapRow).where(accepted).order_by(LatencyMapRow.epoch.desc()))
    by_source: dict[str, list[LatencyMapRow]] = {}
    for row in rows:
        by_source.setdefault(row.source, []).append(row)
    found: list[LatencyMap] = []
    left = MOST_SAMPLES
    for _, epochs in sorted(by_source.items()):
        for later, row in pairwise(epochs[:ROUNDS]):
            left -= _count(session, row)
            if _taken(later) - _taken(row) > GAP or left < 0:
                break
            found.append(latency_map_of(session, row))
    return tuple(found)


def _taken(row: LatencyMapRow) -> datetime:
    return row.loaded_at


def _count(session: Session, row: LatencyMapRow) -> int:
    return session.scalar(select(func.count()).where(LatencySampleRow.map_id == row.id)) or 0
