"""Tiers of hosts from a CSV file, and slugs for roles that are no slugs (``mediawiki::appserver``).

table = load_tiers(text, "roles.csv", TierTable("roles.csv"))
slugs = tier_slugs(table.values())
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from io import StringIO

from nearboot.errors import Fault, InputError
from nearboot.inventory.finding import counted
from nearboot.inventory.importers.rules import TierTable
from nearboot.model import Slug, slug_from_text

_MAX = 100  # characters in a slug


def load_tiers(text: str, file: str, table: TierTable) -> dict[str, str]:
    """Read host name → role; raises ``InputError`` with every row that is not usable. Names come out in lower case."""
    rows = csv.reader(StringIO(text.removeprefix("\ufeff")))  # Excel's byte order mark
    header = [name.strip() for name in next(rows, [])]
    missing = [name for name in (table.name_column, table.tier_column) if name not in header]
    if missing:
        raise InputError(
            [Fault(file, 1, "", f"columns {', '.join(header) or 'none'}", f"a column {n!r}") for n in missing]
        )
    name_at, tier_at = header.index(table.name_column), header.index(table.tier_column)
    roles: dict[str, str] = {}
    faults: list[Fault] = []
    for row in filter(None, rows):
        if len(row) != len(header):
            faults.append(
                Fault(file, rows.line_num, "", counted(len(row), "field"), f"{len(header)}, as in the header")
            )
            continue
        name, role = row[name_at].strip().lower(), row[tier_at].strip()
        if not name or not role:
            faults.append(
                Fault(file, rows.line_num, "", "an empty field", "a name and a role (leave out hosts without)")
            )
        elif not (name + role).isprintable():
            faults.append(Fault(file, rows.line_num, "", repr(f"{name}, {role}"), "text without control characters"))
        elif roles.setdefault(name, role) != role:
            faults.append(Fault(file, rows.line_num, name, f"role {role!r}", f"{roles[name]!r}, as further above"))
    if faults:
        raise InputError(faults)
    return roles


def tier_slugs(roles: Iterable[str]) -> Mapping[str, Slug]:
    """Give each role a slug of its own: itself where it is one; two roles never share a slug."""
    slugs: dict[str, Slug] = {}
    taken: set[str] = set()
    for role in sorted(
        set(roles), key=lambda role: (text_as_slug(role) != role, role)
    ):  # those that are slugs keep them
        slug, number = text_as_slug(role), 1
        while slug in taken:
            number += 1
            slug = f"{text_as_slug(role)[: _MAX - len(str(number)) - 1]}-{number}"
        taken.add(slug)
        slugs[role] = slug_from_text(slug)
    return slugs


def text_as_slug(text: str) -> str:
    """Return ``text`` with every character that a slug may not have replaced by a hyphen."""
    return re.sub(r"[^a-z0-9._-]", "-", text.lower()).lstrip("._-")[:_MAX] or "unnamed"
