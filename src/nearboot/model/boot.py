"""What happens while a server boots: NBP rules, phases, events, runs, and who changed what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from nearboot.model.identity import Slug


@dataclass(frozen=True, slots=True)
class NbpRule:
    """Which NBP a client architecture gets. ``archs`` are IANA processor architecture types (RFC 4578, 5970)."""

    name: str  # class name, such as "pxe-bios"
    archs: tuple[int, ...]
    path: str  # file name below the TFTP or HTTP root
    http: bool = False  # HTTP boot: the client takes a URL, and wants option 60 "HTTPClient" echoed


class Phase(Enum):
    """The phases of provisioning, in order."""

    POWER_ON = "power-on"
    DHCP = "dhcp"
    NBP = "nbp"
    CONFIG = "config"
    KERNEL = "kernel"
    INSTALLER = "installer"
    CONFIGURE = "configure"
    REBOOT = "reboot"
    PROVISIONED = "provisioned"


class EventKind(Enum):
    """What happened on a host's timeline."""

    PROVISION_START = "provision-start"
    DHCP_LEASE = "dhcp-lease"
    TFTP_READ = "tftp-read"
    HTTP_READ = "http-read"
    CALLBACK = "callback"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a boot. ``server`` None: a client that the inventory does not know. ``at`` is aware UTC."""

    at: datetime
    kind: EventKind
    server: str | None = None
    client: str = ""  # client address or MAC, as seen
    boot_server: Slug | None = None
    subject: str = ""  # file name, lease address, callback phase
    outcome: str = "ok"  # ok, or what went wrong: aborted-by-client, timed-out, not-found, ...
    phase: Phase | None = None  # the phase that this event shows the host to be in
    detail: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    id: int = 0  # 0: not stored yet
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One provisioning run of a server, from intent to provisioned."""

    id: int
    server: str
    phase: Phase
    started_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    outcome: str = ""  # "", provisioned, failed, superseded, cancelled
    reason: str = ""  # why it was started
    problem: str = ""  # why it failed, or what else a person should look at
    token: str = ""  # names the run in call-back URLs


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who changed what, when."""

    at: datetime
    actor: str
    action: str  # "inventory.load", "boot-server.drain", ...
    subject: str
    detail: str = ""
