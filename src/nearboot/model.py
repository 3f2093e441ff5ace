"""The nouns of nearboot: frozen values that every package shares. No I/O, no database, no behaviour beyond their text form.

Rows become these values at the edge of the database, documents at the edge of the loader; inside, a value is never re-checked.
Things refer to each other by *slug* or *name* (the identifiers that users write), never by database key.

Words: see the README's glossary. Text forms: a MAC in any spelling comes in, lower-case colons go out; DUIDs likewise (RFC 8415
section 11); addresses and prefixes are those of the standard library's ``ipaddress``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NewType

Mac = NewType("Mac", str)
"""A 48-bit MAC as ``aa:bb:cc:dd:ee:ff``; only ``mac_from_text`` makes one."""
Duid = NewType("Duid", str)
"""A DHCP unique identifier as lower-case colon-separated octets, 3 to 130 of them (RFC 8415 section 11.1)."""
Slug = NewType("Slug", str)
"""A short name: lower-case letters, digits, ``-``, ``_`` and ``.``; starts with a letter or digit; at most 100 characters."""

Address = IPv4Address | IPv6Address
Prefix = IPv4Network | IPv6Network

_SEPARATORS = re.compile(r"[:.\-\s]")
_HEX = re.compile(r"[0-9a-f]*\Z")
_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}\Z")


def mac_from_text(text: str) -> Mac:
    """Read a MAC in colon, hyphen, Cisco dotted or bare form; ``ValueError`` for anything else."""
    digits = _SEPARATORS.sub("", text.strip()).lower()
    if len(digits) != 12 or not _HEX.match(digits):
        raise ValueError(f"{text!r} is not a MAC address (12 hexadecimal digits, such as 52:54:00:12:34:56)")
    return Mac(_colons(digits))


def duid_from_text(text: str) -> Duid:
    """Read a DUID as hexadecimal octets with or without separators; ``ValueError`` for anything else."""
    digits = _SEPARATORS.sub("", text.strip()).lower()
    if len(digits) % 2 or not 6 <= len(digits) <= 260 or not _HEX.match(digits):
        raise ValueError(f"{text!r} is not a DUID (3 to 130 hexadecimal octets)")
    return Duid(_colons(digits))


def slug_from_text(text: str) -> Slug:
    """Read a slug; ``ValueError`` if it has other characters than a slug may have."""
    if not _SLUG.match(text):
        raise ValueError(f"{text!r} is not a slug (lower-case letters, digits, '-', '_', '.'; at most 100)")
    return Slug(text)


def _colons(digits: str) -> str:
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))


# --- The inventory -------------------------------------------------------------------------------------------------


class LocationKind(Enum):
    """The levels of the place tree, outermost first; a location's parent is of an outer level."""

    REGION = "region"
    SITE = "site"  # a data centre or a point of presence
    ROOM = "room"
    RACK = "rack"


class Firmware(Enum):
    """How a machine starts."""

    BIOS = "bios"
    UEFI = "uefi"


class AdminState(Enum):
    """What the operator wants of a boot server."""

    ACTIVE = "active"
    DRAINING = "draining"  # finishes what it serves, gets no new clients
    DISABLED = "disabled"  # never chosen, not even when nothing else is left


class NbpFamily(Enum):
    """Families of network boot programs."""

    PXELINUX = "pxelinux"
    GRUB = "grub"
    IPXE = "ipxe"


class InstallerKind(Enum):
    """What takes over after the kernel has started."""

    NONE = "none"
    KICKSTART = "kickstart"  # Anaconda: RHEL and kin
    PRESEED = "preseed"  # debian-installer
    AUTOINSTALL = "autoinstall"  # Ubuntu's subiquity


@dataclass(frozen=True, slots=True)
class Location:
    """A node of the place tree. ``aliases`` are other names that latency maps and importers use for it."""

    slug: Slug
    kind: LocationKind
    name: str = ""
    parent: Slug | None = None
    latitude: float | None = None  # degrees, WGS 84
    longitude: float | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tier:
    """The role of a group of servers (web, cache, db)."""

    slug: Slug
    name: str = ""


@dataclass(frozen=True, slots=True)
class HardwareModel:
    """A kind of machine."""

    slug: Slug
    manufacturer: str = ""
    name: str = ""
    firmware: Firmware = Firmware.UEFI
    console: str = ""  # kernel console argument, such as "ttyS1,115200"


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface of a server. ``boot`` marks those that may netboot."""

    name: str
    mac: Mac | None = None
    duid: Duid | None = None
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None
    boot: bool = True


@dataclass(frozen=True, slots=True)
class Bmc:
    """A server's management controller; the secret is named, never held."""

    address: str  # URL, host name or address
    protocol: str = "redfish"  # or "ipmi"
    username: str = ""
    credential: str = ""  # a reference such as "env:BMC_PASSWORD" or "file:/etc/nearboot/bmc"


@dataclass(frozen=True, slots=True)
class Server:
    """An inventoried machine. ``name`` is its fully qualified or short host name, unique in the inventory."""

    name: str
    location: Slug
    tier: Slug | None = None
    model: Slug | None = None
    serial: str = ""
    uuid: str = ""  # SMBIOS UUID, lower case with hyphens
    profile: Slug | None = None  # overrides the profile that tier and model select
    domain: str = ""
    interfaces: tuple[Interface, ...] = ()
    bmc: Bmc | None = None
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pool:
    """Addresses that Kea may lease, both ends included."""

    first: Address
    last: Address


@dataclass(frozen=True, slots=True)
class Subnet:
    """A prefix at a location. ``kea_id`` is Kea's subnet id: leases refer to it, so it never changes once given."""

    prefix: Prefix
    location: Slug
    name: str = ""
    kea_id: int | None = None  # 1..4294967294; None: allocated at load
    gateway: Address | None = None
    dns: tuple[Address, ...] = ()
    ntp: tuple[Address, ...] = ()
    domain: str = ""
    pools: tuple[Pool, ...] = ()
    relays: tuple[Address, ...] = ()  # relay addresses (giaddr, link-address) outside the prefix


@dataclass(frozen=True, slots=True)
class BootServer:
    """A place to boot from. ``http_url`` has no trailing slash. ``state`` None in a document: leave as it is."""

    name: Slug
    location: Slug
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None
    http_url: str = ""
    weight: int = 100
    tftp_port: int = 69
    state: AdminState | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """An HTTP repository of static files that boot servers cache from."""

    name: Slug
    url: str
    location: Slug | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A bootable system: paths below the boot servers' file root, kernel arguments, SHA-256 checksums (hex)."""

    slug: Slug
    kernel: str
    initrd: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    kernel_sha256: str = ""
    initrd_sha256: tuple[str, ...] = ()
    arch: str = "x86_64"


@dataclass(frozen=True, slots=True)
class BootProfile:
    """What a server boots, selected by tier and model: the most specific match wins (both, model, tier, neither)."""

    slug: Slug
    image: Slug
    tier: Slug | None = None
    model: Slug | None = None
    nbp: NbpFamily | None = None  # None: by firmware (BIOS PXELINUX, UEFI GRUB)
    args: tuple[str, ...] = ()
    installer: InstallerKind = InstallerKind.NONE


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that inventory files can say, as one value; the order within a tuple carries no meaning."""

    locations: tuple[Location, ...] = ()
    tiers: tuple[Tier, ...] = ()
    models: tuple[HardwareModel, ...] = ()
    servers: tuple[Server, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    boot_servers: tuple[BootServer, ...] = ()
    origins: tuple[Origin, ...] = ()
    images: tuple[Image, ...] = ()
    profiles: tuple[BootProfile, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference that a load makes: ``action`` is added, changed, removed or left; ``fields`` map to (old, new) text."""

    action: str
    noun: str  # "server", "subnet", ...
    name: str
    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)


# --- Latency and routes ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LatencySample:
    """A measured round trip between two locations: ``rtt_ms`` None where no reply came (loss 1.0)."""

    src: Slug
    dst: Slug
    rtt_ms: float | None
    min_ms: float | None = None
    loss: float = 0.0  # share of probes lost, 0..1
    count: int = 0  # probes sent, 0: unknown
    measured_at: datetime | None = None  # aware UTC
    family: int | None = None  # 4, 6, None: either


@dataclass(frozen=True, slots=True)
class LatencyMap:
    """One publication of measurements. ``epoch`` grows with each accepted map of a source."""

    source: str
    published_at: datetime  # aware UTC
    samples: tuple[LatencySample, ...]
    epoch: int = 0  # 0: not stored yet


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A row of a latency map that was not used, and why; never dropped silently."""

    file: str
    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """The last probe of a boot server: a real read of a small known file."""

    boot_server: Slug
    checked_at: datetime  # aware UTC
    healthy: bool
    detail: str = ""
    duration_ms: float | None = None
    vantage: str = ""  # where the probe ran


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was decided: a stable code, one sentence for people, and the numbers as data."""

    code: str
    text: str
    data: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A boot server as seen from one location. ``rank`` 0 is the chosen one; ``eligible`` False: not to be used."""

    boot_server: Slug
    rank: int
    eligible: bool
    cost_ms: float | None  # effective cost per TFTP block; None where nothing is known
    rtt_ms: float | None
    loss: float | None
    rung: str  # which step of the missing-pair ladder answered: measured, reverse, ..., geo, default
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A location's ranked boot servers for one address family, best first, with the reasons for the choice."""

    location: Slug
    family: int  # 4 or 6
    candidates: tuple[Candidate, ...]
    chosen: Slug | None
    reasons: tuple[Reason, ...] = ()


# --- Booting -----------------------------------------------------------------------------------------------------------


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
    outcome: str = ""  # "", provisioned, failed, superseded
    reason: str = ""
    token: str = ""  # names the run in call-back URLs


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who changed what, when."""

    at: datetime
    actor: str
    action: str  # "inventory.load", "boot-server.drain", ...
    subject: str
    detail: str = ""
