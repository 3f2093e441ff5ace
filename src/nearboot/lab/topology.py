"""What a lab consists of: sites, links, boot servers, Kea and virtual machines. Parses ``topology/*.yaml``.

It says where things stand, not what runs in them: the daemons come from the composition root, and the facts of a
virtual machine that the file leaves out come from the inventory (``complete``).

    topology = parse(text, "topology/two-sites.yaml")
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import PurePath
from typing import TypeVar

from nearboot.lab.document import Document, Table
from nearboot.model import Firmware, Mac, Prefix, Slug, mac_from_text, slug_from_text

Gateway = TypeVar("Gateway", IPv4Interface, IPv6Interface)

TRANSIT_V4 = IPv4Network("100.64.0.0/16")
"""Addresses of the links, a /30 each: shared address space (RFC 6598), so that no site's prefix meets it."""
TRANSIT_V6 = IPv6Network("fd6e:6221::/48")
"""Addresses of the links, a /64 each."""
MIN_MEMORY_MB = 256  # the Debian cloud kernel with the lab's initrd boots in this; less was not tried
DEFAULT_MEMORY_MB = 512


@dataclass(frozen=True, slots=True)
class Site:
    """A place with one layer-2 network. ``name`` is a location slug, the addresses are its gateway's."""

    name: Slug
    ipv4: IPv4Interface | None
    ipv6: IPv6Interface | None
    latitude: float | None = None  # degrees, WGS 84
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A line between two sites, the same both ways. ``delay_ms`` is one way, ``loss`` a share of frames (0..1)."""

    a: Slug
    b: Slug
    delay_ms: float
    jitter_ms: float = 0.0  # each frame is delayed by up to this much more
    rate_mbit: float | None = None  # None: as fast as the machine
    loss: float = 0.0


@dataclass(frozen=True, slots=True)
class BootNode:
    """A boot server's host; an address that the file leaves out comes from the inventory."""

    name: Slug
    site: Slug
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine; ``name`` is the server's in the inventory, which knows what is None here."""

    name: str
    site: Slug
    mac: Mac | None = None
    firmware: Firmware | None = None
    memory_mb: int = DEFAULT_MEMORY_MB


@dataclass(frozen=True, slots=True)
class Topology:
    """A whole lab, in the order of its file. ``kea`` are the sites where a Kea server answers."""

    name: Slug
    sites: tuple[Site, ...]
    links: tuple[Link, ...]
    kea: tuple[Slug, ...]
    boot_servers: tuple[BootNode, ...]
    machines: tuple[Machine, ...]

    def site(self, name: str) -> Site:
        """Give a site by name; ``KeyError`` is a fault of ours, as parsing has checked all names."""
        return next(site for site in self.sites if site.name == name)


def parse(text: str, file: str) -> Topology:
    """Read a topology file; raise ``InputError`` with every fault of the document. The name defaults to the file's."""
    document = Document(text, file)
    root = document.root()
    stem = slug_from_text(PurePath(file).name.split(".")[0].lower() or "lab")
    name = root.read("name", slug_from_text, "a slug", required=False) or stem
    sites = [(table, _site(table)) for table in root.tables("sites")]
    known = {site.name: site for _, site in sites}
    links = [(table, _link(table, known)) for table in root.tables("links", required=False)]
    kea = [_kea(table, known) for table in root.tables("kea")]
    nodes = [(table, _boot_node(table, known)) for table in root.tables("boot_servers")]
    machines = [(table, _machine(table, known)) for table in root.tables("vms", required=False)]
    root.close()
    _check_once([(table, "name", site.name) for table, site in sites])
    _check_prefixes(sites)
    _check_links(sites, links)
    _check_once([(table, "name", node.name) for table, node in nodes])
    _check_once([(table, "name", machine.name) for table, machine in machines])
    _check_once([(table, "mac", machine.mac or "") for table, machine in machines])
    _check_addresses(nodes, known)
    _check_dhcp(machines, kea)
    document.check()
    return Topology(
        name=name,
        sites=tuple(site for _, site in sites),
        links=tuple(link for _, link in links),
        kea=tuple(dict.fromkeys(kea)),
        boot_servers=tuple(node for _, node in nodes),
        machines=tuple(machine for _, machine in machines),
    )


# A value with a fault holds "" or None: the document is refused after all of it has been read.


def _site(table: Table) -> Site:
    site = Site(
        name=table.read("name", slug_from_text, "a location slug") or Slug(""),
        ipv4=table.read(
            "ipv4", _gateway(IPv4Interface), "the gateway with its prefix, as 10.77.0.1/24", required=False
        ),
        ipv6=table.read("ipv6", _gateway(IPv6Interface), "the gateway with its prefix, as fd77::1/64", required=False),
        latitude=table.read("latitude", _between(-90, 90), "degrees from -90 to 90", required=False),
        longitude=table.read("longitude", _between(-180, 180), "degrees from -180 to 180", required=False),
    )
    table.close()
    return site


def _link(table: Table, known: Mapping[Slug, Site]) -> Link:
    ends = table.texts("between", "a list of two sites")
    if ends and (len(ends) != 2 or ends[0] == ends[1]):
        table.fault("between", ", ".join(ends), "two different sites")
    for end in ends:
        if end not in known:
            table.fault("between", repr(end), _one_of(known))
    link = Link(
        a=Slug(ends[0]) if ends else Slug(""),
        b=Slug(ends[-1]) if ends else Slug(""),
        delay_ms=table.read("delay_ms", _between(0, 10_000), "milliseconds one way, 0 to 10000") or 0.0,
        jitter_ms=table.read("jitter_ms", _between(0, 10_000), "milliseconds, 0 to 10000", required=False) or 0.0,
        rate_mbit=table.read("rate_mbit", _between(0.001, 100_000), "Mbit/s, 0.001 to 100000", required=False),
        loss=table.read("loss", _between(0, 1), "a share of frames, 0 to 1", required=False) or 0.0,
    )
    table.close()
    return link


def _kea(table: Table, known: Mapping[Slug, Site]) -> Slug:
    site = _site_name(table, known)
    table.close()
    return site


def _boot_node(table: Table, known: Mapping[Slug, Site]) -> BootNode:
    node = BootNode(
        name=table.read("name", slug_from_text, "a boot server's slug") or Slug(""),
        site=_site_name(table, known),
        ipv4=table.read("ipv4", IPv4Address, "an IPv4 address", required=False),
        ipv6=table.read("ipv6", IPv6Address, "an IPv6 address", required=False),
    )
    table.close()
    return node


def _machine(table: Table, known: Mapping[Slug, Site]) -> Machine:
    memory = table.read("memory_mb", _memory, f"megabytes, at least {MIN_MEMORY_MB}", required=False)
    machine = Machine(
        name=table.read("name", slug_from_text, "a server's name") or "",
        site=_site_name(table, known),
        mac=table.read("mac", mac_from_text, "a MAC address, as 52:54:00:77:00:01", required=False),
        firmware=table.read("firmware", Firmware, "bios or uefi", required=False),
        memory_mb=memory or DEFAULT_MEMORY_MB,
    )
    table.close()
    return machine


def _site_name(table: Table, known: Mapping[Slug, Site]) -> Slug:
    return table.read("site", _member(known), _one_of(known)) or Slug("")


def _one_of(known: Mapping[Slug, Site]) -> str:
    return "one of the sites " + ", ".join(sorted(known))


def _member(known: Mapping[Slug, Site]) -> Callable[[str], Slug]:
    def parse_member(text: str) -> Slug:
        if text not in known:
            raise ValueError(text)
        return Slug(text)

    return parse_member


def _gateway(kind: Callable[[str], Gateway]) -> Callable[[str], Gateway]:
    """Read an interface address that leaves room for hosts and is not its network's own address."""

    def parse_gateway(text: str) -> Gateway:
        interface = kind(text)
        if interface.network.num_addresses < 4 or interface.ip == interface.network.network_address:
            raise ValueError(text)
        return interface

    return parse_gateway


def _between(low: float, high: float) -> Callable[[str], float]:
    def parse_number(text: str) -> float:
        number = float(text)
        if not (math.isfinite(number) and low <= number <= high):
            raise ValueError(text)
        return number

    return parse_number


def _memory(text: str) -> int:
    number = int(text)
    if number < MIN_MEMORY_MB:
        raise ValueError(text)
    return number


def _check_once(fields: Iterable[tuple[Table, str, str]]) -> None:
    seen: set[str] = set()
    for table, field, value in fields:
        if value and value in seen:
            table.fault(field, f"{value!r} a second time", "each once")
        seen.add(value)


def _check_prefixes(sites: Sequence[tuple[Table, Site]]) -> None:
    taken: list[tuple[str, Prefix]] = [("the links", TRANSIT_V4), ("the links", TRANSIT_V6)]
    for table, site in sites:
        if site.ipv4 is None and site.ipv6 is None:
            table.fault("ipv4", "no address", "ipv4 or ipv6")
        for field, interface in (("ipv4", site.ipv4), ("ipv6", site.ipv6)):
            if interface is None:
                continue
            for owner, prefix in taken:
                if prefix.version == interface.version and interface.network.overlaps(prefix):
                    table.fault(field, f"{interface.network}", f"a prefix apart from {prefix} of {owner}")
            taken.append((f"site {site.name}", interface.network))


def _check_links(sites: Sequence[tuple[Table, Site]], links: Sequence[tuple[Table, Link]]) -> None:
    """Each pair once, and every site reachable from the first."""
    pairs: set[frozenset[Slug]] = set()
    for table, link in links:
        pair = frozenset((link.a, link.b))
        if pair in pairs:
            table.fault("between", f"{link.a}, {link.b} a second time", "each pair once")
        pairs.add(pair)
    reached = {site.name for _, site in sites[:1]}
    while grown := {end for pair in pairs if pair & reached for end in pair} - reached:
        reached |= grown
    for table, site in sites:
        if site.name and site.name not in reached:
            table.fault("name", f"{site.name}, which no link joins to {sites[0][1].name}", "links that join all sites")


def _check_addresses(nodes: Sequence[tuple[Table, BootNode]], known: Mapping[Slug, Site]) -> None:
    taken: set[object] = {address.ip for site in known.values() for address in (site.ipv4, site.ipv6) if address}
    for table, node in nodes:
        site = known.get(node.site)
        for field, address, interface in (
            ("ipv4", node.ipv4, site.ipv4 if site else None),
            ("ipv6", node.ipv6, site.ipv6 if site else None),
        ):
            if address is None or site is None:
                continue
            if interface is None or address not in interface.network:
                expected = f"an address of {interface.network}" if interface else f"none, as site {site.name} has none"
                table.fault(field, str(address), expected)
            elif address in taken:
                table.fault(field, f"{address} a second time", "each address once")
            taken.add(address)


def _check_dhcp(machines: Sequence[tuple[Table, Machine]], kea: Sequence[Slug]) -> None:
    for table, machine in machines:
        if machine.site and machine.site not in kea:
            found = f"{machine.site}, where no Kea answers"
            table.fault("site", found, "a site listed under kea: DHCP does not leave its site without a relay")
