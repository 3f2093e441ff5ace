"""The rows of what happens: latency maps, health, routes, provisioning runs, events and the audit log.

When an inventoried thing is removed, what only concerned it goes too (its runs, health, routes, samples); events stay,
without the name, because they are the record of what a client did.

    session.scalars(select(EventRow).where(EventRow.run_id == 7))
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from nearboot.inventory.orm import Row, one_of
from nearboot.model import EventKind, Phase

# SQLite numbers rows by itself only in an INTEGER primary key.
BIG_KEY = BigInteger().with_variant(Integer, "sqlite")


class LatencyMapRow(Row):
    """One publication of measurements; the accepted one with the highest epoch of its source is the current one."""

    __tablename__ = "latency_maps"
    __table_args__ = (CheckConstraint("epoch > 0", name="epoch"), UniqueConstraint("source", "epoch"))
    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    epoch: Mapped[int]
    published_at: Mapped[datetime]
    loaded_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(server_default="accepted")
    actor: Mapped[str] = mapped_column(server_default="")
    file: Mapped[str] = mapped_column(server_default="")
    format: Mapped[str] = mapped_column(server_default="")
    decided_by: Mapped[str] = mapped_column(server_default="")
    decision: Mapped[str] = mapped_column(server_default="")
    samples: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    reasons: Mapped[list[Any]] = mapped_column(server_default="[]")
    decided_at: Mapped[datetime | None]
    signed_at: Mapped[datetime | None]


class LatencyQuarantineRow(Row):
    """A row or a name of a latency file that was not used, and why."""

    __tablename__ = "latency_quarantine"
    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    map_id: Mapped[int] = mapped_column(ForeignKey("latency_maps.id", ondelete="CASCADE"), index=True)
    file: Mapped[str]
    line: Mapped[int]
    text: Mapped[str]
    reason: Mapped[str]


class LatencySampleRow(Row):
    """A measured round trip between two locations."""

    __tablename__ = "latency_samples"
    __table_args__ = (
        CheckConstraint("loss BETWEEN 0 AND 1", name="loss"),
        CheckConstraint("rtt_ms >= 0", name="rtt_ms"),
        CheckConstraint("min_ms >= 0", name="min_ms"),
        CheckConstraint("count >= 0", name="count"),
        CheckConstraint("family IN (4, 6)", name="family"),
    )
    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    map_id: Mapped[int] = mapped_column(ForeignKey("latency_maps.id", ondelete="CASCADE"), index=True)
    src_id: Mapped[int] = mapped_column(ForeignKey("locations.id", ondelete="CASCADE"), index=True)
    dst_id: Mapped[int] = mapped_column(ForeignKey("locations.id", ondelete="CASCADE"), index=True)
    rtt_ms: Mapped[float | None]
    min_ms: Mapped[float | None]
    loss: Mapped[float]
    count: Mapped[int]
    measured_at: Mapped[datetime | None]
    family: Mapped[int | None]


class HealthRow(Row):
    """The last check of a boot server from one vantage, how many in a row had that outcome, and what that makes it."""

    __tablename__ = "health"
    __table_args__ = (CheckConstraint("streak > 0", name="streak"), UniqueConstraint("boot_server_id", "vantage"))
    id: Mapped[int] = mapped_column(primary_key=True)
    boot_server_id: Mapped[int] = mapped_column(ForeignKey("boot_servers.id", ondelete="CASCADE"))
    vantage: Mapped[str]
    checked_at: Mapped[datetime]
    healthy: Mapped[bool]
    streak: Mapped[int]
    up: Mapped[bool] = mapped_column(server_default=true())
    up_since: Mapped[datetime | None]  # None: it is down, or was never seen to be
    detail: Mapped[str]
    duration_ms: Mapped[float | None]


class RouteRow(Row):
    """A location's ranked boot servers for one address family, with the reasons, as decided last."""

    __tablename__ = "routes"
    __table_args__ = (CheckConstraint("family IN (4, 6)", name="family"), UniqueConstraint("location_id", "family"))
    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id", ondelete="CASCADE"))
    family: Mapped[int]
    chosen_id: Mapped[int | None] = mapped_column(ForeignKey("boot_servers.id", ondelete="SET NULL"), index=True)
    candidates: Mapped[list[Any]]
    reasons: Mapped[list[Any]]
    decided_at: Mapped[datetime]
    moved_at: Mapped[datetime | None]


class RunRow(Row):
    """One provisioning run of a server; a server has at most one that is not finished."""

    __tablename__ = "provisioning_runs"
    __table_args__ = (
        one_of("phase", Phase),
        Index(
            "uq_provisioning_runs_open",
            "server_id",
            unique=True,
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index(None, "server_id", "started_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("servers.id", ondelete="CASCADE"))
    phase: Mapped[str]
    started_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str]
    reason: Mapped[str]
    problem: Mapped[str] = mapped_column(server_default="")
    token: Mapped[str] = mapped_column(unique=True)


class EventRow(Row):
    """One step of a boot, of a known server or of a stranger."""

    __tablename__ = "events"
    __table_args__ = (
        one_of("kind", EventKind),
        one_of("phase", Phase),
        Index(None, "server_id", "at"),
        Index(None, "client", "at"),
        Index(None, "kind", "subject", "at"),  # who held this address at that time
    )
    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str]
    server_id: Mapped[int | None] = mapped_column(ForeignKey("servers.id", ondelete="SET NULL"))
    client: Mapped[str]
    boot_server_id: Mapped[int | None] = mapped_column(ForeignKey("boot_servers.id", ondelete="SET NULL"), index=True)
    subject: Mapped[str]
    outcome: Mapped[str]
    phase: Mapped[str | None]
    detail: Mapped[dict[str, Any]]
    run_id: Mapped[int | None] = mapped_column(ForeignKey("provisioning_runs.id", ondelete="SET NULL"), index=True)


class AuditRow(Row):
    """Who changed what, when."""

    __tablename__ = "audit_log"
    id: Mapped[int] = mapped_column(BIG_KEY, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[str]
