"""The hosts of many boot requests at once: servers by MAC, UUID or address, their open runs, and the catalog.

Every read sees the database as it is now, in one transaction: the hosts and their runs always; the catalog (tiers,
models, images, profiles, boot servers: small and slow to change) again as soon as anything at all was committed by
anybody since the last read. What tells that is the database's own: SQLite's ``data_version``, PostgreSQL's snapshot. No
writer has to think of it.

    reader = HostReader(engine)
    hosts = reader.read(Wanted(macs={mac}, addresses={client}, at=now))
    host = hosts.by_mac(mac)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select
from sqlalchemy.exc import DBAPIError

from nearboot.inventory.host_query_orm import BY_INDEX, HostQueries, host_queries, server_of
from nearboot.inventory.schema_store import answering
from nearboot.inventory.store import NOTICED, has_expired
from nearboot.inventory.value_orm import TABLE, query_of, values_of
from nearboot.model import (
    Address,
    BootProfile,
    BootServer,
    HardwareModel,
    Image,
    Run,
    Server,
    Tier,
)
from nearboot.model.profile import profile_of

CATALOG = ("tiers", "models", "images", "profiles", "boot_servers")
VERSION = {"sqlite": "PRAGMA data_version", "postgresql": "SELECT pg_current_snapshot()::text"}
"""What is the same as long as nobody else has committed anything."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a batch of requests names. ``addresses`` are looked up as of ``at`` (aware UTC): leases end."""

    at: datetime
    macs: Collection[str] = ()
    uuids: Collection[str] = ()
    addresses: Collection[Address] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """A server and its run that is not finished."""

    server: Server
    run: Run | None


class Catalog:
    """What many hosts share, by slug."""

    def __init__(self, values: Mapping[str, Sequence[Any]]) -> None:
        self.tiers: Mapping[str, Tier] = {tier.slug: tier for tier in values["tiers"]}
        self.models: Mapping[str, HardwareModel] = {model.slug: model for model in values["models"]}
        self.images: Mapping[str, Image] = {image.slug: image for image in values["images"]}
        self.boot_servers: Mapping[str, BootServer] = {each.name: each for each in values["boot_servers"]}
        self._addresses = {
            address: each for each in values["boot_servers"] for address in (each.ipv4, each.ipv6) if address
        }
        self._profiles: Sequence[BootProfile] = values["profiles"]
        self._profile_of: dict[tuple[object, ...], BootProfile | None] = {}

    def boot_server_at(self, address: Address) -> BootServer | None:
        """The boot server that has an address."""
        return self._addresses.get(address)

    def profile(self, server: Server) -> BootProfile | None:
        """The profile that a server boots by; decided once for each kind of server."""
        kind = (server.profile, server.tier, server.model)
        if kind not in self._profile_of:
            self._profile_of[kind] = profile_of(server, self._profiles)
        return self._profile_of[kind]


@dataclass(frozen=True, slots=True)
class Hosts:
    """What was found: by the names that were asked for, all as of one moment."""

    catalog: Catalog
    macs: Mapping[str, Host]
    uuids: Mapping[str, Host | None] = field(default_factory=dict)
    addresses: Mapping[Address, Host] = field(default_factory=dict)

    def by_mac(self, mac: str) -> Host | None:
        """The server with an interface of this MAC."""
        return self.macs.get(mac)

    def by_uuid(self, uuid: str) -> Host | None:
        """The server of this SMBIOS UUID; None where none, or more than one, has it."""
        return self.uuids.get(uuid)

    def by_address(self, address: Address) -> Host | None:
        """The server that has this address: by its inventory, else by the newest lease of it."""
        return self.addresses.get(address)


class HostReader:
    """Reads on a connection of its own, which one thread at a time may use; the first read opens it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queries = host_queries(engine.dialect.name)
        self._tables = _Tables()
        self._connection: Connection | None = None

    def read(self, wanted: Wanted) -> Hosts:
        """One transaction; ``DatabaseError`` where the database refuses. A connection that was lost is opened anew."""
        with answering():
            try:
                return self._read(wanted)
            except DBAPIError as error:
                self.close()
                if not error.connection_invalidated:
                    raise
            return self._read(wanted)

    def close(self) -> None:
        """Give the connection back; the next read opens another."""
        connection, self._connection = self._connection, None
        self._tables = _Tables()
        if connection is not None:
            connection.close()

    def _read(self, wanted: Wanted) -> Hosts:
        connection = self._connection or self._open()
        with connection.begin():
            version = connection.exec_driver_sql(VERSION[self._engine.dialect.name]).scalar()
            return _found(connection, self._queries, wanted, self._tables.read(connection, version))

    def _open(self) -> Connection:
        """A connection that nobody else has: its settings, and what SQLite's ``data_version`` counts from."""
        connection = self._engine.connect()
        if self._engine.dialect.name == "postgresql":
            # The statements of one transaction must see one state, as SQLite's always do.
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        connection.detach()
        self._connection = connection
        if self._engine.dialect.name == "postgresql":
            # Planning takes 4.4 ms, reading 0.5.
            connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
            connection.exec_driver_sql(BY_INDEX.format("false"))
            connection.commit()
        return connection


class _Tables:
    """The catalog as it was read last, and the rows that it was made of."""

    def __init__(self) -> None:
        self._version: object = None
        self._rows: dict[str, Sequence[Any]] = {}
        self._queries: dict[str, Select[Any]] = {name: query_of(TABLE[name]) for name in CATALOG}
        self._values: dict[str, Sequence[Any]] = {}
        self._catalog: Catalog | None = None

    def read(self, connection: Connection, version: object) -> Catalog:
        """The catalog of the transaction; its rows become values only where they are others than the last time."""
        if self._catalog is not None and version == self._version:
            return self._catalog
        is_same = self._catalog is not None
        for name, query in self._queries.items():
            rows = connection.execute(query).all()
            if rows != self._rows.get(name):
                self._rows[name], self._values[name], is_same = rows, values_of(TABLE[name], rows), False
        if self._catalog is None or not is_same:
            self._catalog = Catalog(self._values)
        self._version = version
        return self._catalog


def _found(connection: Connection, queries: HostQueries, wanted: Wanted, catalog: Catalog) -> Hosts:
    rows = queries.hosts(connection, macs=wanted.macs, uuids=wanted.uuids, addresses=[*map(str, wanted.addresses)])
    hosts = _hosts(rows)
    by_address = {
        address: host
        for host in hosts.values()
        for interface in host.server.interfaces
        for address in (interface.ipv4, interface.ipv6)
        if address is not None
    }
    leased = _leased(connection, queries, wanted, [each for each in wanted.addresses if each not in by_address])
    missing = set(leased.values()) - hosts.keys()
    if missing:
        hosts |= _hosts(queries.hosts_by_id(connection, missing))
    uuids: dict[str, Host | None] = {}
    for host in hosts.values():
        uuids[host.server.uuid] = None if host.server.uuid in uuids else host
    return Hosts(
        catalog,
        {interface.mac: host for host in hosts.values() for interface in host.server.interfaces if interface.mac},
        uuids,
        by_address | {address: hosts[number] for address, number in leased.items()},
    )


def _hosts(rows: Sequence[Any]) -> dict[int, Host]:
    """Hosts by the id of their row, of rows in that order, one for each interface."""
    of_server: dict[int, list[Any]] = {}
    for row in rows:
        of_server.setdefault(row[0], []).append(row)
    return {number: Host(*server_of(each)) for number, each in of_server.items()}


def _leased(
    connection: Connection, queries: HostQueries, wanted: Wanted, addresses: Sequence[Address]
) -> dict[Address, int]:
    """The server's row of each address that has a valid lease (see ``store.server_by_address``)."""
    if not addresses:
        return {}
    of_text: Mapping[str, Address] = {str(address): address for address in addresses}
    leases = queries.leases(connection, [*of_text], wanted.at + NOTICED)
    return {
        of_text[lease.subject]: lease.server_id
        for lease in leases
        if lease.server_id is not None and not has_expired(lease, wanted.at)
    }
