"""How many servers stand where, and of which kind, without reading them: for questions about whole fleets.

for kind in kinds(session): kind.location, kind.count
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from nearboot.inventory.orm import BootProfileRow, HardwareModelRow, LocationRow, ServerRow, TierRow
from nearboot.model import Server, Slug

PORTION = 500  # locations in one query
_OWN = tuple(cast(column, Text) for column in (ServerRow.boot_from, ServerRow.never_boot_from))
"""Its pins and bans as the text of JSON lists, which can be grouped by."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Servers that are alike in place, tier, model, profile, pins and bans; ``example`` has these, and no name."""

    example: Server
    count: int


def kinds(session: Session, *, tier: Slug | None = None) -> tuple[Kind, ...]:
    """All servers, or those of a tier, in groups of those that are alike."""
    columns = (LocationRow.slug, TierRow.slug, HardwareModelRow.slug, BootProfileRow.slug, *_OWN)
    query: Any = (
        select(*columns, func.count())
        .select_from(ServerRow)
        .join(LocationRow, ServerRow.location_id == LocationRow.id)
        .outerjoin(TierRow, ServerRow.tier_id == TierRow.id)
        .outerjoin(HardwareModelRow, ServerRow.model_id == HardwareModelRow.id)
        .outerjoin(BootProfileRow, ServerRow.profile_id == BootProfileRow.id)
        .group_by(*columns)
    )
    if tier is not None:
        query = query.where(TierRow.slug == tier)
    found = [
        Kind(_example("", place, role, model=model, profile=profile, own=own), count)
        for place, role, model, profile, *own, count in session.execute(query)
    ]
    return tuple(sorted(found, key=lambda kind: repr(kind.example)))


def servers_at(session: Session, locations: Collection[Slug]) -> list[Server]:
    """The servers at locations (not below them) by name, with tier, pins and bans alone."""
    found: list[Server] = []
    wanted = sorted(set(locations))
    for start in range(0, len(wanted), PORTION):
        query: Any = (
            select(ServerRow.name, LocationRow.slug, TierRow.slug, *_OWN)
            .join(LocationRow, ServerRow.location_id == LocationRow.id)
            .outerjoin(TierRow, ServerRow.tier_id == TierRow.id)
            .where(LocationRow.slug.in_(wanted[start : start + PORTION]))
        )
        found += [_example(name, place, role, own=own) for name, place, role, *own in session.execute(query)]
    return sorted(found, key=lambda server: server.name)


def _example(
    name: str,
    place: str,
    tier: str | None,
    *,
    model: str | None = None,
    profile: str | None = None,
    own: Sequence[str],
) -> Server:
    pins, bans = (tuple(map(Slug, json.loads(text))) for text in own)
    tier, model, profile = (Slug(each) if each else None for each in (tier, model, profile))
    return Server(name, Slug(place), tier=tier, model=model, profile=profile, boot_from=pins, never_boot_from=bans)
