"""Values of ``nearboot.model`` from the inventory's rows, and rows from values: one table a noun, column by column.

References are ids in rows and slugs in values: reading joins the slugs in, writing looks the ids up.

    values = read(session, TABLE["servers"], InterfaceRow.mac == mac)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, aliased

from nearboot.inventory.noun import NOUN, Noun, prefix_order
from nearboot.inventory.orm import (
    BmcRow,
    BootProfileRow,
    BootServerRow,
    HardwareModelRow,
    ImageRow,
    InterfaceRow,
    LocationRow,
    OriginRow,
    Row,
    ServerRow,
    SubnetRow,
    TierRow,
)
from nearboot.model import (
    AdminState,
    Bmc,
    Firmware,
    InstallerKind,
    Interface,
    LocationKind,
    NbpFamily,
    Pool,
)

Ids = Mapping[str, Mapping[str, int]]
"""The row ids of things by noun and name, such as ``ids["locations"]["ams"]``."""

NOTHING: Mapping[Any, Any] = {}
CHUNK = 500  # SQLite takes at most 32,766 values in a statement, 999 before 3.32
_Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A row's column that holds a value's field."""

    field: str
    encode: _Convert | None = None
    decode: _Convert | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A noun's rows: which columns hold which fields; ``refers``: field to the noun whose id ``<field>_id`` holds."""

    noun: Noun
    row: type[Any]
    columns: tuple[Column, ...]

    @property
    def key(self) -> Any:
        """The column that identifies a row to people."""
        return getattr(self.row, self.noun.key)

    def record(self, item: Any, ids: Ids) -> dict[str, Any]:
        """A value's columns, without its id and without what is in tables of its own."""
        found = _record(self.columns, item)
        for field, target in self.noun.refers:
            name = getattr(item, field)
            found[f"{field}_id"] = None if name is None else ids[target][name]
        return found


def _record(columns: Iterable[Column], item: Any) -> dict[str, Any]:
    values = ((column, getattr(item, column.field)) for column in columns)
    return {column.field: column.encode(value) if column.encode else value for column, value in values}


def _plain(*fields: str) -> tuple[Column, ...]:
    return tuple(Column(field) for field in fields)


def _choice(field: str, members: type[Any]) -> Column:
    return Column(
        field,
        lambda member: None if member is None else member.value,
        lambda text: None if text is None else members(text),
    )


def _text(field: str, decode: _Convert) -> Column:
    return Column(
        field, lambda value: None if value is None else str(value), lambda text: None if text is None else decode(text)
    )


def _texts(field: str) -> Column:
    return Column(field, list, tuple)


def _addresses(field: str) -> Column:
    return Column(field, lambda values: [str(value) for value in values], lambda texts: tuple(map(ip_address, texts)))


def _pool(text: str) -> Pool:
    first, _, last = text.partition("-")
    return Pool(ip_address(first), ip_address(last))


INTERFACE = (*_plain("name", "mac", "duid"), _text("ipv4", IPv4Address), _text("ipv6", IPv6Address), Column("boot"))
BMC = _plain("address", "protocol", "username", "credential")

TABLES: tuple[Table, ...] = (
    Table(
        NOUN["locations"],
        LocationRow,
        (*_plain("slug", "name", "latitude", "longitude"), _choice("kind", LocationKind), _texts("aliases")),
    ),
    Table(NOUN["tiers"], TierRow, (*_plain("slug", "name"), *map(_texts, ("boot_from", "never_boot_from")))),
    Table(
        NOUN["models"],
        HardwareModelRow,
        (*_plain("slug", "manufacturer", "name", "console"), _choice("firmware", Firmware)),
    ),
    Table(
        NOUN["images"],
        ImageRow,
        (*_plain("slug", "kernel", "kernel_sha256", "arch"), *map(_texts, ("initrd", "args", "initrd_sha256"))),
    ),
    Table(
        NOUN["profiles"],
        BootProfileRow,
        (Column("slug"), _choice("nbp", NbpFamily), _texts("args"), _choice("installer", InstallerKind)),
    ),
    Table(
        NOUN["servers"],
        ServerRow,
        (
            *_plain("name", "serial", "uuid", "domain"),
            Column("params", dict),
            *map(_texts, ("boot_from", "never_boot_from")),
        ),
    ),
    Table(
        NOUN["subnets"],
        SubnetRow,
        (
            _text("prefix", ip_network),
            *_plain("kea_id", "name", "domain"),
            _text("gateway", ip_address),
            *map(_addresses, ("dns", "ntp", "relays")),
            Column(
                "pools",
                lambda pools: [f"{pool.first}-{pool.last}" for pool in pools],
                lambda texts: tuple(map(_pool, texts)),
            ),
        ),
    ),
    Table(
        NOUN["boot_servers"],
        BootServerRow,
        (
            *_plain("name", "http_url", "weight", "tftp_port", "capacity"),
            _text("ipv4", IPv4Address),
            _text("ipv6", IPv6Address),
            _choice("state", AdminState),
        ),
    ),
    Table(NOUN["origins"], OriginRow, _plain("name", "url")),
)

TABLE = {table.noun.attribute: table for table in TABLES}


def read(session: Session, table: Table, *where: ColumnElement[bool]) -> tuple[Any, ...]:
    """The values of a noun's rows that meet conditions on its own columns, by name."""
    rows = session.execute(query_of(table).where(*where)).all()
    parts: Mapping[int, dict[str, Any]] = {}
    if table.row is ServerRow:
        parts = _server_parts(session, [row[0] for row in rows] if where else None)
    return values_of(table, rows, parts)


def values_of(
    table: Table, rows: Sequence[Sequence[Any]], parts: Mapping[int, Mapping[str, Any]] = NOTHING
) -> tuple[Any, ...]:
    """The values of rows as ``query_of`` gives them, by name; ``parts``: fields from tables of their own, by row id."""
    values = [_value(table, row, parts.get(row[0], NOTHING)) for row in rows]
    # Sorted here: each database has its own idea of the order of texts.
    return tuple(sorted(values, key=prefix_order if table.row is SubnetRow else table.noun.name))


def ids(session: Session, table: Table) -> dict[str, int]:
    """The id of each of a noun's rows by name."""
    return {row[0]: row[1] for row in session.execute(select(table.key, table.row.id))}


def server_part_records(number: int, server: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The interfaces' and the BMC's columns of a server whose row has an id."""
    interfaces = [
        {"server_id": number, "position": position} | _record(INTERFACE, interface)
        for position, interface in enumerate(server.interfaces)
    ]
    bmcs = [] if server.bmc is None else [{"server_id": number} | _record(BMC, server.bmc)]
    return interfaces, bmcs


def chunks(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    """Ids in portions that a statement may hold."""
    return (numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK))


def query_of(table: Table) -> Select[Any]:
    """All of a noun's rows: the id, then the columns, then the names that the references stand for."""
    query: Select[Any] = select(table.row.id, *(getattr(table.row, column.field) for column in table.columns))
    for field, target in table.noun.refers:
        other: Any = aliased(TABLE[target].row)
        query = query.add_columns(getattr(other, NOUN[target].key))
        query = query.outerjoin(other, getattr(table.row, f"{field}_id") == other.id)
    return query


def _value(table: Table, row: Sequence[Any], parts: Mapping[str, Any]) -> Any:
    fields = decoded(table.columns, row[1:])
    fields.update(zip((field for field, _ in table.noun.refers), row[1 + len(table.columns) :], strict=True))
    return table.noun.value(**fields, **parts)


def decoded(columns: Sequence[Column], texts: Sequence[Any]) -> dict[str, Any]:
    """The fields that columns hold, in that order."""
    return {
        column.field: text if column.decode is None else column.decode(text)
        for column, text in zip(columns, texts, strict=False)
    }


def _server_parts(session: Session, numbers: Sequence[int] | None) -> Mapping[int, dict[str, Any]]:
    """Interfaces and BMCs by their server's id; of all servers where no ids are given."""
    parts: dict[int, dict[str, Any]] = {}
    for row in _rows_of_servers(session, InterfaceRow, INTERFACE, numbers):
        part = parts.setdefault(row[0], {})
        part["interfaces"] = (*part.get("interfaces", ()), Interface(**decoded(INTERFACE, row[1:])))
    for row in _rows_of_servers(session, BmcRow, BMC, numbers):
        parts.setdefault(row[0], {})["bmc"] = Bmc(**decoded(BMC, row[1:]))
    return parts


def _rows_of_servers(
    session: Session, row: type[Row], columns: Sequence[Column], numbers: Sequence[int] | None
) -> Iterable[Sequence[Any]]:
    owner: Any = row.__table__.c.server_id
    order = [owner, row.__table__.c.position] if row is InterfaceRow else [owner]
    query = select(owner, *(getattr(row, column.field) for column in columns)).order_by(*order)
    if numbers is None:
        yield from session.execute(query)
        return
    for portion in chunks(numbers):
        yield from session.execute(query.where(owner.in_(portion)))
