"""Named questions to the inventory, and the operator's few single changes. Whole inventories: apply_store.

Every function takes the session that the caller opened, and takes and gives values. What a client did: boot_store.

    with reading(engine) as session: found = server_by_mac(session, mac)
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from difflib import get_close_matches
from ipaddress import IPv4Address
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from nearboot.errors import NotFoundError
from nearboot.inventory.apply_store import apply, read_inventory
from nearboot.inventory.boot_orm import EventRow
from nearboot.inventory.orm import BootServerRow, InterfaceRow, LocationRow, ServerRow, SubnetRow
from nearboot.inventory.value_orm import CHUNK, TABLE, read
from nearboot.model import (
    Address,
    AdminState,
    BootProfile,
    BootServer,
    Duid,
    EventKind,
    HardwareModel,
    Image,
    Location,
    Mac,
    Origin,
    Server,
    Slug,
    Subnet,
    Tier,
)

__all__ = [
    "apply",
    "boot_server",
    "boot_server_by_address",
    "boot_servers",
    "images",
    "locations",
    "models",
    "origins",
    "profiles",
    "read_inventory",
    "server",
    "server_by_address",
    "server_by_duid",
    "server_by_mac",
    "server_by_uuid",
    "server_names",
    "servers",
    "set_boot_server_state",
    "subnet_by_kea_id",
    "subnets",
    "tiers",
]

NOTICED = timedelta(seconds=2)
"""How long after Kea's answer a lease may come to be known."""


def server(session: Session, name: str) -> Server:
    """The server of a name; ``NotFoundError`` with the nearest names."""
    found: tuple[Server, ...] = read(session, TABLE["servers"], ServerRow.name == name.lower())
    found = found or read(session, TABLE["servers"], ServerRow.name == name)  # an importer may keep capitals
    if not found:
        raise _not_found(session, "server", ServerRow.name, name)
    return found[0]


def servers(
    session: Session,
    *,
    names: Collection[str] | None = None,
    location: Slug | None = None,
    tier: Slug | None = None,
    model: Slug | None = None,
) -> tuple[Server, ...]:
    """Servers by name, of one or several selections; a location stands for everything below it too."""
    where = _selection(session, location, tier, model)
    if names is None:
        return read(session, TABLE["servers"], *where)
    wanted = sorted(set(names))
    portions = (wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK))
    return tuple(
        each for portion in portions for each in read(session, TABLE["servers"], ServerRow.name.in_(portion), *where)
    )


def server_names(
    session: Session, *, location: Slug | None = None, tier: Slug | None = None, model: Slug | None = None
) -> list[str]:
    """The names of the servers that ``servers`` would give, in order, without reading the servers."""
    where = _selection(session, location, tier, model)
    return sorted(session.scalars(select(ServerRow.name).where(*where)))


def server_by_mac(session: Session, mac: Mac) -> Server | None:
    """The server with an interface of this MAC."""
    return _server_with(session, InterfaceRow.mac == mac)


def server_by_duid(session: Session, duid: Duid) -> Server | None:
    """The server with an interface of this DUID."""
    return _server_with(session, InterfaceRow.duid == duid)


def server_by_uuid(session: Session, uuid: str) -> Server | None:
    """The server of an SMBIOS UUID (lower case, with hyphens); None where none, or more than one, has it."""
    found: tuple[Server, ...] = read(session, TABLE["servers"], ServerRow.uuid == uuid)
    return found[0] if len(found) == 1 else None


def server_by_address(session: Session, address: Address, at: datetime) -> Server | None:
    """The server that has an address at a time: by its inventory, else by the newest lease of that address.

    A lease holds for its lifetime. One that was noticed just after that time counts too: a client asks for its first
    file within milliseconds of Kea's answer, before the lease file has been read.
    """
    column = InterfaceRow.ipv4 if isinstance(address, IPv4Address) else InterfaceRow.ipv6
    found = _server_with(session, column == str(address))
    if found is not None:
        return found
    lease = session.scalars(
        select(EventRow)
        .where(
            EventRow.kind == EventKind.DHCP_LEASE.value, EventRow.subject == str(address), EventRow.at <= at + NOTICED
        )
        .order_by(EventRow.at.desc(), EventRow.id.desc())
        .limit(1)
    ).first()
    if lease is None or lease.server_id is None or has_expired(lease, at):
        return None
    leased: tuple[Server, ...] = read(session, TABLE["servers"], ServerRow.id == lease.server_id)
    return leased[0]


def boot_servers(session: Session) -> tuple[BootServer, ...]:
    """All boot servers, by name."""
    return read(session, TABLE["boot_servers"])


def boot_server(session: Session, name: str) -> BootServer:
    """The boot server of a name; ``NotFoundError`` with the nearest names."""
    found: tuple[BootServer, ...] = read(session, TABLE["boot_servers"], BootServerRow.name == name)
    if not found:
        raise _not_found(session, "boot server", BootServerRow.name, name)
    return found[0]


def boot_server_by_address(session: Session, address: Address) -> BootServer | None:
    """The boot server that has an address."""
    column = BootServerRow.ipv4 if isinstance(address, IPv4Address) else BootServerRow.ipv6
    found: tuple[BootServer, ...] = read(session, TABLE["boot_servers"], column == str(address))
    return found[0] if found else None


def set_boot_server_state(session: Session, name: str, state: AdminState) -> AdminState:
    """Change what the operator wants of a boot server; gives the state before."""
    row = session.scalar(select(BootServerRow).where(BootServerRow.name == name))
    if row is None:
        raise _not_found(session, "boot server", BootServerRow.name, name)
    before = AdminState(row.state)
    row.state = state.value
    session.flush()
    return before


def locations(session: Session) -> tuple[Location, ...]:
    """All locations, by slug."""
    return read(session, TABLE["locations"])


def tiers(session: Session) -> tuple[Tier, ...]:
    """All tiers, by slug."""
    return read(session, TABLE["tiers"])


def models(session: Session) -> tuple[HardwareModel, ...]:
    """All hardware models, by slug."""
    return read(session, TABLE["models"])


def subnets(session: Session) -> tuple[Subnet, ...]:
    """All subnets, by the text of their prefix."""
    return read(session, TABLE["subnets"])


def subnet_by_kea_id(session: Session, number: int, *, family: int) -> Subnet | None:
    """The subnet that Kea's server of a family knows by this number."""
    found: tuple[Subnet, ...] = read(session, TABLE["subnets"], SubnetRow.kea_id == number, SubnetRow.family == family)
    return found[0] if found else None


def origins(session: Session) -> tuple[Origin, ...]:
    """All origins, by name."""
    return read(session, TABLE["origins"])


def images(session: Session) -> tuple[Image, ...]:
    """All images, by slug."""
    return read(session, TABLE["images"])


def profiles(session: Session) -> tuple[BootProfile, ...]:
    """All boot profiles, by slug."""
    return read(session, TABLE["profiles"])


def _selection(
    session: Session, location: Slug | None, tier: Slug | None, model: Slug | None
) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if location is not None:
        where.append(ServerRow.location_id.in_(_below(session, location)))
    for slug, column, attribute in ((tier, ServerRow.tier_id, "tiers"), (model, ServerRow.model_id, "models")):
        if slug is not None:
            where.append(column == _id_of(session, attribute, slug))
    return where


def _server_with(session: Session, condition: ColumnElement[bool]) -> Server | None:
    number = session.scalar(select(InterfaceRow.server_id).where(condition))
    found: tuple[Server, ...] = () if number is None else read(session, TABLE["servers"], ServerRow.id == number)
    return found[0] if found else None


def has_expired(lease: Any, at: datetime) -> bool:
    """Whether a lease's event (its ``at`` and ``detail``) tells of a time that was over."""
    lifetime_s = lease.detail.get("valid_lifetime_s")
    ended: bool = isinstance(lifetime_s, int) and lease.at + timedelta(seconds=lifetime_s) < at
    return ended


def _below(session: Session, slug: str) -> list[int]:
    """The ids of a location and of all below it."""
    found = [_id_of(session, "locations", slug)]
    children: dict[int | None, list[int]] = {}
    for number, parent in session.execute(select(LocationRow.id, LocationRow.parent_id)):
        children.setdefault(parent, []).append(number)
    for number in found:  # grows while it is walked
        found.extend(children.get(number, ()))
    return found


def _id_of(session: Session, attribute: str, slug: str) -> int:
    table = TABLE[attribute]
    number: int | None = session.scalar(select(table.row.id).where(table.key == slug))
    if number is None:
        raise _not_found(session, table.noun.word, table.key, slug)
    return number


def _not_found(session: Session, noun: str, column: Any, name: str) -> NotFoundError:
    return NotFoundError(noun, name, get_close_matches(name, session.scalars(select(column)).all(), 3))
