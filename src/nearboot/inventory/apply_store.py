"""Writing a whole inventory into the database, in bulk. Reading it, and single things: store.

What is there is compared with what is wanted, value by value, and only differences are written. The order keeps every
constraint at every step: what may hold a MAC or address that another is to get is let go first.

    with writing(engine) as session: changes = apply(session, wanted, prune=False)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from nearboot.errors import DatabaseError
from nearboot.inventory.diff import by_name, diff, merge
from nearboot.inventory.noun import NOUNS, location_depths
from nearboot.inventory.orm import BmcRow, BootServerRow, InterfaceRow, SubnetRow
from nearboot.inventory.schema_store import lock
from nearboot.inventory.value_orm import TABLE, TABLES, Table, chunks, ids, read, server_part_records
from nearboot.model import Change, Inventory

UNSYNCHRONIZED = {"synchronize_session": False}  # apply() expires the session's rows at the end
FREED_FIRST = ("origins", "boot_servers", "subnets", "servers")  # nothing in the inventory refers to these


def read_inventory(session: Session) -> Inventory:
    """Everything that inventory files can say, as the database has it."""
    return Inventory(**{table.noun.attribute: read(session, table) for table in TABLES})


def apply(session: Session, wanted: Inventory, *, prune: bool = False) -> tuple[Change, ...]:
    """Bring the database to what ``wanted`` says, and give what that changed; ``prune`` removes what it does not name.

    The caller has validated ``wanted`` and opened the transaction (``schema_store.writing``).
    """
    lock(session, "inventory")  # or two loads could allocate one Kea id
    current = read_inventory(session)
    target = merge(current, wanted, prune=prune)
    try:
        _write(session, current, target)
    except IntegrityError as error:
        raise DatabaseError(f"the database refuses the inventory: {error.orig}") from error
    session.expire_all()
    return diff(current, wanted, prune=prune)


def _write(session: Session, current: Inventory, target: Inventory) -> None:
    known = {table.noun.attribute: ids(session, table) for table in TABLES}
    works = {noun.attribute: _Work(TABLE[noun.attribute], current, target, known[noun.attribute]) for noun in NOUNS}
    _free(session, works)
    for attribute in FREED_FIRST:
        works[attribute].remove(session)
    for noun in NOUNS:
        works[noun.attribute].put(session, known)
    _put_server_parts(session, works["servers"], known["servers"])
    for noun in reversed(NOUNS):
        if noun.attribute not in FREED_FIRST:
            works[noun.attribute].remove(session)


class _Work:
    """What is to be done to one noun's rows."""

    def __init__(self, table: Table, current: Inventory, target: Inventory, known: dict[str, int]) -> None:
        self.table, self.known = table, known
        before, after = by_name(table.noun, current), by_name(table.noun, target)
        self.added = [item for name, item in after.items() if name not in before]
        self.changed = [item for name, item in after.items() if name in before and before[name] != item]
        self.removed = [known[name] for name in before if name not in after]
        if table.noun.attribute == "locations":
            self.added.sort(key=_depth_of(target))
            depth = _depth_of(current)
            deepest_first = sorted(current.locations, key=depth, reverse=True)
            self.removed = [known[item.slug] for item in deepest_first if item.slug not in after]

    def changed_ids(self) -> list[int]:
        return [self.known[self.table.noun.name(item)] for item in self.changed]

    def remove(self, session: Session) -> None:
        """One statement a portion would meet a parent before its child: locations go one by one, deepest first."""
        if self.table.noun.attribute == "locations":
            for number in self.removed:
                _delete(session, self.table.row.id, [number])
        else:
            _delete(session, self.table.row.id, self.removed)

    def put(self, session: Session, known: dict[str, dict[str, int]]) -> None:
        row, name = self.table.row, self.table.noun.name
        if self.table.noun.attribute == "locations":
            for item in self.added:  # a parent must have its id before its child is written
                result = session.execute(insert(row).values(self._record(item, known)).returning(row.id))
                self.known[name(item)] = result.scalar_one()
        elif self.added:
            session.execute(insert(row), [self._record(item, known) for item in self.added])
            self.known.update(ids(session, self.table))
        if self.changed:
            records = [{"id": self.known[name(item)]} | self._record(item, known) for item in self.changed]
            session.execute(update(row), records)

    def _record(self, item: Any, known: dict[str, dict[str, int]]) -> dict[str, Any]:
        record = self.table.record(item, known)
        if self.table.row is SubnetRow:
            record["family"] = item.prefix.version
        return record


def _free(session: Session, works: dict[str, _Work]) -> None:
    """Let go of what another row may be about to take: MACs and addresses of interfaces and boot servers, Kea ids."""
    gone = [*works["servers"].changed_ids(), *works["servers"].removed]
    _delete(session, InterfaceRow.server_id, gone)
    _delete(session, BmcRow.server_id, gone)
    for portion in chunks(works["boot_servers"].changed_ids()):
        session.execute(update(BootServerRow).where(BootServerRow.id.in_(portion)).values(ipv4=None, ipv6=None))
    subnets = works["subnets"]  # a Kea id is never null, so changed subnets are written anew
    subnets.removed, subnets.added, subnets.changed = (
        [*subnets.removed, *subnets.changed_ids()],
        [*subnets.added, *subnets.changed],
        [],
    )


def _put_server_parts(session: Session, servers: _Work, known: dict[str, int]) -> None:
    parts = [server_part_records(known[server.name], server) for server in (*servers.added, *servers.changed)]
    for row, records in (
        (InterfaceRow, [record for interfaces, _ in parts for record in interfaces]),
        (BmcRow, [record for _, bmcs in parts for record in bmcs]),
    ):
        if records:
            session.execute(insert(row), records)


def _delete(session: Session, column: Any, numbers: Sequence[int]) -> None:
    for portion in chunks(numbers):
        session.execute(
            delete(column.class_).where(column.in_(portion)), execution_options={"synchronize_session": False}
        )


def _depth_of(inventory: Inventory) -> Any:
    depths = location_depths(inventory.locations)
    return lambda location: depths[location.slug]
