"""The rows of the inventory: places, servers, subnets, boot servers, images, profiles. What happens to them: boot_orm.

Rows never leave this package; the stores turn them into values of ``nearboot.model``. Constraint names follow one
convention, so that a migration can name what it changes. Addresses are kept as canonical text, sorted lists as JSON:
SQLite and PostgreSQL then behave alike. The metadata is complete once boot_orm is imported too.

    session.scalar(select(ServerRow).where(ServerRow.name == "web-ams-01"))
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    MetaData,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from nearboot.model import AdminState, Firmware, InstallerKind, LocationKind, NbpFamily

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in, aware UTC out; SQLite, which keeps no zone, stores UTC without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive datetimes: nobody could tell what they mean."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; times in the database are aware")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back; PostgreSQL answers in the zone of its session."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Row(DeclarativeBase):
    """The base of all rows."""

    metadata = MetaData(naming_convention=CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        str: String,
        list[str]: JSON,
        dict[str, str]: JSON,
        list[Any]: JSON,
        dict[str, Any]: JSON,
    }


def one_of(column: str, choices: type[Enum], *also: str) -> CheckConstraint:
    """A check that a column holds the value of a member of an Enum, or one of ``also``."""
    values = ", ".join(f"'{value}'" for value in [*(member.value for member in choices), *also])
    return CheckConstraint(f"{column} IN ({values})", name=column)


class LocationRow(Row):
    """A node of the place tree."""

    __tablename__ = "locations"
    __table_args__ = (
        one_of("kind", LocationKind),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        CheckConstraint("parent_id <> id", name="parent"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    name: Mapped[str]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"), index=True)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    aliases: Mapped[list[str]]


class TierRow(Row):
    """The role of a group of servers."""

    __tablename__ = "tiers"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    boot_from: Mapped[list[str]] = mapped_column(server_default="[]")
    never_boot_from: Mapped[list[str]] = mapped_column(server_default="[]")


class HardwareModelRow(Row):
    """A kind of machine."""

    __tablename__ = "hardware_models"
    __table_args__ = (one_of("firmware", Firmware),)
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    manufacturer: Mapped[str]
    name: Mapped[str]
    firmware: Mapped[str]
    console: Mapped[str]


class ImageRow(Row):
    """A bootable system."""

    __tablename__ = "images"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    kernel: Mapped[str]
    initrd: Mapped[list[str]]
    args: Mapped[list[str]]
    kernel_sha256: Mapped[str]
    initrd_sha256: Mapped[list[str]]
    arch: Mapped[str]


class BootProfileRow(Row):
    """What a server boots, by tier and model."""

    __tablename__ = "boot_profiles"
    __table_args__ = (one_of("nbp", NbpFamily), one_of("installer", InstallerKind))
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), index=True)
    tier_id: Mapped[int | None] = mapped_column(ForeignKey("tiers.id"), index=True)
    model_id: Mapped[int | None] = mapped_column(ForeignKey("hardware_models.id"), index=True)
    nbp: Mapped[str | None]
    args: Mapped[list[str]]
    installer: Mapped[str]


class ServerRow(Row):
    """An inventoried machine."""

    __tablename__ = "servers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), index=True)
    tier_id: Mapped[int | None] = mapped_column(ForeignKey("tiers.id"), index=True)
    model_id: Mapped[int | None] = mapped_column(ForeignKey("hardware_models.id"), index=True)
    profile_id: Mapped[int | None] = mapped_column(ForeignKey("boot_profiles.id"), index=True)
    serial: Mapped[str]
    uuid: Mapped[str] = mapped_column(index=True)  # the first name that PXELINUX asks for
    domain: Mapped[str]
    params: Mapped[dict[str, str]]
    boot_from: Mapped[list[str]] = mapped_column(server_default="[]")
    never_boot_from: Mapped[list[str]] = mapped_column(server_default="[]")


class InterfaceRow(Row):
    """A network interface; ``position`` keeps the order in which the document lists them."""

    __tablename__ = "interfaces"
    __table_args__ = (UniqueConstraint("server_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id", ondelete="CASCADE"))
    position: Mapped[int]
    name: Mapped[str]
    mac: Mapped[str | None] = mapped_column(unique=True)
    duid: Mapped[str | None] = mapped_column(unique=True)
    ipv4: Mapped[str | None] = mapped_column(unique=True)
    ipv6: Mapped[str | None] = mapped_column(unique=True)
    boot: Mapped[bool]


class BmcRow(Row):
    """A server's management controller, at most one a server."""

    __tablename__ = "bmcs"
    __table_args__ = (CheckConstraint("protocol IN ('redfish', 'ipmi')", name="protocol"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id", ondelete="CASCADE"), unique=True)
    address: Mapped[str]
    protocol: Mapped[str]
    username: Mapped[str]
    credential: Mapped[str]


class SubnetRow(Row):
    """A prefix at a location; pools are ``first-last`` texts."""

    __tablename__ = "subnets"
    __table_args__ = (
        CheckConstraint("family IN (4, 6)", name="family"),
        # 0 is Kea's "global" and 4294967295 its "unused" (SUBNET_ID_GLOBAL, SUBNET_ID_UNUSED).
        CheckConstraint("kea_id BETWEEN 1 AND 4294967294", name="kea_id"),
        UniqueConstraint("family", "kea_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    prefix: Mapped[str] = mapped_column(unique=True)
    family: Mapped[int]
    kea_id: Mapped[int] = mapped_column(BigInteger)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), index=True)
    name: Mapped[str]
    gateway: Mapped[str | None]
    dns: Mapped[list[str]]
    ntp: Mapped[list[str]]
    domain: Mapped[str]
    pools: Mapped[list[str]]
    relays: Mapped[list[str]]


class BootServerRow(Row):
    """A place to boot from."""

    __tablename__ = "boot_servers"
    __table_args__ = (
        CheckConstraint("weight > 0", name="weight"),
        CheckConstraint("tftp_port BETWEEN 1 AND 65535", name="tftp_port"),
        one_of("state", AdminState),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), index=True)
    ipv4: Mapped[str | None] = mapped_column(unique=True)
    ipv6: Mapped[str | None] = mapped_column(unique=True)
    http_url: Mapped[str]
    weight: Mapped[int]
    tftp_port: Mapped[int]
    state: Mapped[str]
    capacity: Mapped[int | None]


class OriginRow(Row):
    """An HTTP repository that boot servers cache from."""

    __tablename__ = "origins"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]
    location_id: Mapped[int | None] = mapped_column(ForeignKey("locations.id"), index=True)
