"""What inventory files say: places, servers, subnets, boot servers, images, profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

from nearboot.model.identity import Address, Duid, Mac, Prefix, Slug


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
    boot_from: tuple[Slug, ...] = ()  # boot servers that its servers are to use; none: the nearest
    never_boot_from: tuple[Slug, ...] = ()


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
    boot_from: tuple[Slug, ...] = ()  # boot servers that it is to use, over its tier's; none: the nearest
    never_boot_from: tuple[Slug, ...] = ()  # besides its tier's


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
    capacity: int | None = None  # servers whose boot server it can be; None: any number


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
    """One difference that a load makes: ``action`` is added, changed, removed or left; ``fields``: (old, new) text."""

    action: str
    noun: str  # "server", "subnet", ...
    name: str
    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)
