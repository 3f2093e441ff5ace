"""How many servers stand where, and of which kind, without reading them: for questions about whole fleets.

for kind in kinds(session): kind.location, kind.count
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from nearboot.inventory.orm import BootProfileRow, HardwareModelRow, LocationRow, ServerRow, TierRow
from nearboot.model import Server, Slug

PORTION = 500  # locations in one query


@dataclass(frozen=True, slots=True)
class Kind:
    """Servers that are alike in place, tier, model and profile; ``example`` has these, and no name."""

    example: Server
    count: int


def kinds(session: Session, *, tier: Slug | None = None) -> tuple[Kind, ...]:
    """All servers, or those of a tier, in groups of those that are alike."""
    slugs = (LocationRow.slug, TierRow.slug, HardwareModelRow.slug, BootProfileRow.slug)
    query: Any = (
        select(*slugs, func.count())
        .select_from(ServerRow)
        .join(LocationRow, ServerRow.location_id == LocationRow.id)
        .outerjoin(TierRow, ServerRow.tier_id == TierRow.id)
        .outerjoin(HardwareModelRow, ServerRow.model_id == HardwareModelRow.id)
        .outerjoin(BootProfileRow, ServerRow.profile_id == BootProfileRow.id)
        .group_by(*slugs)
    )
    if tier is not None:
        query = query.where(TierRow.slug == tier)
    found = [
        Kind(Server("", place, tier=role, model=model, profile=profile), count)
        for place, role, model, profile, count in session.execute(query)
    ]
    return tuple(sorted(found, key=lambda kind: repr(kind.example)))


def names_at(session: Session, locations: Collection[Slug]) -> dict[Slug, tuple[str, ...]]:
    """The names of the servers at locations (not below them), by location."""
    found: dict[Slug, list[str]] = {}
    wanted = sorted(set(locations))
    for start in range(0, len(wanted), PORTION):
        portion = wanted[start : start + PORTION]
        query = (
            select(LocationRow.slug, ServerRow.name)
            .join(LocationRow, ServerRow.location_id == LocationRow.id)
            .where(LocationRow.slug.in_(portion))
            .order_by(ServerRow.name)
        )
        for slug, name in session.execute(query):
            found.setdefault(Slug(slug), []).append(name)
    return {slug: tuple(names) for slug, names in found.items()}
