"""The statements that find many hosts at once, built once: a list is one parameter, so a statement's text never varies.

SQLite takes a list as JSON (``json_each``), PostgreSQL as an array; either then uses the column's index for each value,
and neither compiles or plans the statement again. What is made of the rows: host_store, event_store.

    queries = host_queries("sqlite"); rows = queries.hosts(connection, macs=["52:54:00:00:00:01"])
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Select,
    String,
    Table,
    any_,
    bindparam,
    cast,
    func,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy import column as sql_column
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, aliased

from nearboot.inventory.boot_orm import EventRow, RunRow
from nearboot.inventory.orm import BmcRow, InterfaceRow, ServerRow
from nearboot.inventory.value_orm import BMC, INTERFACE, TABLE, decoded, query_of, values_of
from nearboot.model import Bmc, EventKind, Interface, Phase, Run, Server

LEASE = EventKind.DHCP_LEASE.value
RUN = ("id", "phase", "started_at", "updated_at", "finished_at", "outcome", "reason", "problem", "token")
SERVER = TABLE["servers"]
_SERVER_END = 1 + len(SERVER.columns) + len(SERVER.noun.refers)
_INTERFACE_END = _SERVER_END + len(INTERFACE)
_BMC_END = _INTERFACE_END + len(BMC)

On = Connection | Session

BY_INDEX = """SELECT set_config(name, 'off', {})
FROM unnest(ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_material', 'jit']) AS name"""
"""Keeps PostgreSQL from reading whole tables. It plans once what it is asked often, maybe while a table is empty (a
fleet's first boot), and would go on so until that table's next ANALYZE: 250 ms a statement, where the index takes 2."""


class Lists:
    """How one of the two databases takes a list as one parameter."""

    def __init__(self, dialect: str) -> None:
        self.is_array = dialect == "postgresql"

    def among(self, column: Any, name: str, kind: type[Any] = String) -> ColumnElement[bool]:
        """The condition that a column is one of a list's values, given with ``values`` as the parameter ``name``."""
        if self.is_array:
            return column == any_(bindparam(name, type_=ARRAY(kind)))  # type: ignore[no-any-return]  # a column is Any
        return column.in_(select(self.each(name).c.value))  # type: ignore[no-any-return]

    def within(self, column: Any, found: Select[Any] | CompoundSelect[Any]) -> ColumnElement[bool]:
        """The condition that a column is among what a subquery finds, found first.

        As an array: PostgreSQL may else join all rows before, or ask the subquery again for each.
        """
        if self.is_array:
            return column == any_(func.array(found.scalar_subquery()))  # type: ignore[no-any-return]
        return column.in_(found)  # type: ignore[no-any-return]

    def values(self, values: Collection[Any]) -> Any:
        """A list as a parameter."""
        return list(values) if self.is_array else json.dumps(list(values))

    def each(self, name: str, kind: type[Any] = String) -> Any:
        """A list as a table with one column, ``value``."""
        if self.is_array:
            return func.unnest(bindparam(name, type_=ARRAY(kind))).table_valued("value", name=name).render_derived()
        return func.json_each(bindparam(name, type_=String)).table_valued("value", name=name)

    def rows(self, name: str, table: Table, columns: Collection[str]) -> Select[Any]:
        """Rows for some columns of a table, given with ``records``: a thousand inserted cost as much as 30 bound one by
        one."""
        types = {column: table.c[column].type for column in columns}
        if self.is_array:
            given = cast(bindparam(name, type_=String), JSON)
            typed = [sql_column(column, kind) for column, kind in types.items()]
            rows = func.json_to_recordset(given).table_valued(*typed, name=name).render_derived(with_types=True)
            return select(*(rows.c[column] for column in columns))
        value = self.each(name).c.value
        return select(*(type_coerce(func.json_extract(value, f"$.{column}"), kind) for column, kind in types.items()))

    def records(self, records: Sequence[Mapping[str, Any]]) -> str:
        """Rows as a parameter; times are aware."""
        return json.dumps(records, default=self._time)

    def _time(self, at: datetime) -> str:
        """As the database itself writes it (SQLAlchemy keeps SQLite's without a zone)."""
        if self.is_array:
            return at.isoformat()
        return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


@cache
def host_queries(dialect: str) -> HostQueries:
    """The statements for a database; making them takes some milliseconds."""
    return HostQueries(dialect)


class HostQueries:
    """The statements for one of the two databases."""

    def __init__(self, dialect: str) -> None:
        self.lists = lists = Lists(dialect)
        named = union_all(
            select(InterfaceRow.server_id).where(lists.among(InterfaceRow.mac, "macs")),
            select(InterfaceRow.server_id).where(lists.among(InterfaceRow.ipv4, "addresses")),
            select(InterfaceRow.server_id).where(lists.among(InterfaceRow.ipv6, "addresses")),
            select(ServerRow.id).where(lists.among(ServerRow.uuid, "uuids")),
        )
        self._by_name = _hosts().where(lists.within(ServerRow.id, named))
        self._by_id = _hosts().where(lists.among(ServerRow.id, "ids", BigInteger))
        self._leases = self._newest_leases()

    def hosts(
        self, on: On, *, macs: Collection[str] = (), uuids: Collection[str] = (), addresses: Collection[str] = ()
    ) -> Sequence[Row[Any]]:
        """A row for each interface of each server that has one of the names; by server, in the interfaces' order."""
        given = {"macs": macs, "uuids": uuids, "addresses": addresses}
        return on.execute(self._by_name, {name: self.lists.values(each) for name, each in given.items()}).all()

    def hosts_by_id(self, on: On, numbers: Collection[int]) -> Sequence[Row[Any]]:
        """The same for the servers of these rows."""
        return on.execute(self._by_id, {"ids": self.lists.values(numbers)}).all()

    def leases(self, on: On, addresses: Collection[str], until: datetime) -> Sequence[Row[Any]]:
        """The newest lease of each address until then: subject, server_id, at, detail."""
        return on.execute(self._leases, {"subjects": self.lists.values(addresses), "until": until}).all()

    def _newest_leases(self) -> Select[Any]:
        lease, subjects = aliased(EventRow), self.lists.each("subjects")
        newest = (
            select(lease.id)
            .where(lease.kind == LEASE, lease.subject == subjects.c.value, lease.at <= bindparam("until"))
            .order_by(lease.at.desc(), lease.id.desc())
            .limit(1)
            .correlate_except(lease)
            .scalar_subquery()
        )
        return select(EventRow.subject, EventRow.server_id, EventRow.at, EventRow.detail).where(
            self.lists.within(EventRow.id, select(newest).select_from(subjects))
        )


def server_of(rows: Sequence[Row[Any]]) -> tuple[Server, Run | None]:
    """The server that the rows of its interfaces tell of, and its run that is not finished."""
    first = rows[0]
    parts: dict[str, Any] = {
        "interfaces": tuple(
            Interface(**decoded(INTERFACE, row[_SERVER_END:_INTERFACE_END]))
            for row in rows
            if row[_SERVER_END] is not None
        )
    }
    if first[_INTERFACE_END] is not None:
        parts["bmc"] = Bmc(**decoded(BMC, first[_INTERFACE_END:_BMC_END]))
    (server,) = values_of(SERVER, [first[:_SERVER_END]], {first[0]: parts})
    return server, run_of(first[_BMC_END:], server.name)


def run_of(columns: Sequence[Any], server: str) -> Run | None:
    """The run of the columns ``RUN``; None where an outer join found none."""
    number, phase, *others = columns
    return None if number is None else Run(number, server, Phase(phase), *others)


def _hosts() -> Select[Any]:
    """A server's columns, its interface's, its BMC's and its open run's: one of each at most but interfaces."""
    return (
        query_of(SERVER)
        .add_columns(
            *(getattr(InterfaceRow, column.field) for column in INTERFACE),
            *(getattr(BmcRow, column.field) for column in BMC),
            *(getattr(RunRow, name) for name in RUN),
        )
        .outerjoin(InterfaceRow, InterfaceRow.server_id == ServerRow.id)
        .outerjoin(BmcRow, BmcRow.server_id == ServerRow.id)
        .outerjoin(RunRow, (RunRow.server_id == ServerRow.id) & RunRow.finished_at.is_(None))
        .order_by(ServerRow.id, InterfaceRow.position)
    )
