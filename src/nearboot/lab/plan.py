"""Turns a topology into the commands that build it, and those that take it away. Runs nothing.

A site is a network namespace with a bridge, whose address is the gateway: it routes to other sites. Each boot server
is a namespace of its own, joined to its site's bridge by a veth pair, so that near and far are truly different hosts.
Machines and links hang on TAPs. All interfaces live in namespaces only, and go away with them.

       nb-LAB:site:ams                      link process                     nb-LAB:site:fra
    ┌─────────────────────────┐    delay, jitter, rate, loss          ┌─────────────────────────┐
    │ nb-t0 ─┐        nb-w0 ──┼──────────────────────────────────────▶│── nb-w0       ┌─ nb-b0  │
    │ nb-t1 ─┴ nb-lan ─ nb-b0 │                                       │      nb-lan ──┘    │    │
    └─────────────────────┼───┘                                       └────────────────────┼────┘
                eth0 in nb-LAB:boot:ams-boot                           eth0 in nb-LAB:boot:fra-boot

    for step in steps(topology): run(step.argv)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface

from nearboot.lab.path import next_hops
from nearboot.lab.topology import TRANSIT_V4, TRANSIT_V6, BootNode, Link, Site, Topology

BRIDGE = "nb-lan"
"""A site's bridge: the interface on which Kea listens."""
HOST_INTERFACE = "eth0"
"""A boot server's interface."""

_MAC_PREFIX = "02:6e:62:00"  # locally administered, "nb"; pinned, else a bridge takes its newest port's

Argv = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An interface in a namespace."""

    namespace: str
    interface: str


@dataclass(frozen=True, slots=True)
class Wire:
    """A link between sites as the link process sees it: two TAPs and what lies between them."""

    name: str
    a: Endpoint
    b: Endpoint
    link: Link


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and the one that takes its effect away (None: it goes away with its namespace)."""

    argv: Argv
    undo: Argv | None = None


def prefix(lab: str) -> str:
    """Give what the names of all namespaces of a lab start with; no slug holds a colon, so no other lab's do."""
    return f"nb-{lab}:"


def site_namespace(lab: str, site: str) -> str:
    """Give the namespace of a site's router, where Kea, the machines' TAPs and probes of that site live."""
    return f"{prefix(lab)}site:{site}"


def boot_namespace(lab: str, boot_server: str) -> str:
    """Give the namespace of a boot server's host."""
    return f"{prefix(lab)}boot:{boot_server}"


def machine_tap(topology: Topology, machine: str) -> Endpoint:
    """Give the TAP of a machine."""
    index, found = next((i, m) for i, m in enumerate(topology.machines) if m.name == machine)
    return Endpoint(site_namespace(topology.name, found.site), f"nb-t{index}")


def wires(topology: Topology) -> tuple[Wire, ...]:
    """Give the wires of the links, in their order."""
    return tuple(
        Wire(
            name=f"link-{link.a}-{link.b}",
            a=Endpoint(site_namespace(topology.name, link.a), f"nb-w{index}"),
            b=Endpoint(site_namespace(topology.name, link.b), f"nb-w{index}"),
            link=link,
        )
        for index, link in enumerate(topology.links)
    )


def steps(topology: Topology) -> tuple[Step, ...]:
    """Give the commands that build the lab's network, in order."""
    return tuple(_steps(topology))


def teardown(topology: Topology) -> tuple[Argv, ...]:
    """Give the commands that take it away: the steps' undoing, in reverse."""
    return tuple(step.undo for step in reversed(steps(topology)) if step.undo)


def _steps(topology: Topology) -> Iterator[Step]:
    for index, site in enumerate(topology.sites):
        yield from _site(topology, site, index)
    for index, node in enumerate(topology.boot_servers):
        yield from _boot_server(topology, node, index)
    for machine in topology.machines:
        tap = machine_tap(topology, machine.name)
        yield from _tap(tap)
        yield _ip(tap.namespace, "link", "set", tap.interface, "master", BRIDGE)
    for index, wire in enumerate(wires(topology)):
        yield from _wire(wire, index)
    for site in topology.sites:
        yield from _routes(topology, site)


def _site(topology: Topology, site: Site, index: int) -> Iterator[Step]:
    namespace = site_namespace(topology.name, site.name)
    yield from _namespace(namespace)
    yield _sysctl(namespace, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    mac = f"{_MAC_PREFIX}:01:{index:02x}"
    # No spanning tree, no waiting: a port forwards at once, or the first DHCP broadcasts are lost.
    bridge = ("type", "bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0")
    yield _ip(namespace, "link", "add", BRIDGE, "address", mac, *bridge)
    yield from _addresses(namespace, BRIDGE, site.ipv4, site.ipv6)
    yield _ip(namespace, "link", "set", BRIDGE, "up")


def _boot_server(topology: Topology, node: BootNode, index: int) -> Iterator[Step]:
    site = topology.site(node.site)
    router, namespace, port = (
        site_namespace(topology.name, site.name),
        boot_namespace(topology.name, node.name),
        f"nb-b{index}",
    )
    yield from _namespace(namespace)
    peer = ("type", "veth", "peer", "name", HOST_INTERFACE, "netns", namespace)
    yield _ip(router, "link", "add", port, *peer)
    yield _ip(router, "link", "set", port, "master", BRIDGE)
    yield _ip(router, "link", "set", port, "up")
    ipv4 = IPv4Interface((node.ipv4, site.ipv4.network.prefixlen)) if node.ipv4 and site.ipv4 else None
    ipv6 = IPv6Interface((node.ipv6, site.ipv6.network.prefixlen)) if node.ipv6 and site.ipv6 else None
    yield from _addresses(namespace, HOST_INTERFACE, ipv4, ipv6)
    yield _ip(namespace, "link", "set", HOST_INTERFACE, "up")
    if ipv4 and site.ipv4:
        yield _ip(namespace, "route", "add", "default", "via", str(site.ipv4.ip))
    if ipv6 and site.ipv6:
        yield _ip(namespace, "-6", "route", "add", "default", "via", str(site.ipv6.ip))


def _wire(wire: Wire, index: int) -> Iterator[Step]:
    for end, address4, address6 in zip((wire.a, wire.b), _transit4(index), _transit6(index), strict=True):
        yield from _tap(end)
        yield from _addresses(end.namespace, end.interface, address4, address6)


def _routes(topology: Topology, site: Site) -> Iterator[Step]:
    """Route to every other site, from the site's own address, so that far hosts can answer a router's probe."""
    namespace = site_namespace(topology.name, site.name)
    for other, hop in sorted(next_hops(topology.links, site.name).items()):
        index = topology.links.index(hop)
        far = 1 if hop.a == site.name else 0
        target = topology.site(other)
        if target.ipv4 and site.ipv4:
            via4 = str(_transit4(index)[far].ip)
            yield _ip(namespace, "route", "add", str(target.ipv4.network), "via", via4, "src", str(site.ipv4.ip))
        if target.ipv6 and site.ipv6:
            via6 = str(_transit6(index)[far].ip)
            yield _ip(namespace, "-6", "route", "add", str(target.ipv6.network), "via", via6, "src", str(site.ipv6.ip))


def _namespace(name: str) -> Iterator[Step]:
    yield Step(("ip", "netns", "add", name), undo=("ip", "netns", "delete", name))
    yield _ip(name, "link", "set", "lo", "up")
    # Addresses are ours alone: no waiting for duplicates (a tentative source cannot send), none from advertisements.
    yield _sysctl(name, "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0")


def _tap(end: Endpoint) -> Iterator[Step]:
    yield _ip(end.namespace, "tuntap", "add", "dev", end.interface, "mode", "tap")
    yield _ip(end.namespace, "link", "set", end.interface, "up")


def _addresses(
    namespace: str, interface: str, ipv4: IPv4Interface | None, ipv6: IPv6Interface | None
) -> Iterator[Step]:
    if ipv4:
        yield _ip(namespace, "addr", "add", str(ipv4), "dev", interface)
    if ipv6:
        yield _ip(namespace, "addr", "add", str(ipv6), "dev", interface, "nodad")


def _transit4(index: int) -> tuple[IPv4Interface, IPv4Interface]:
    first = TRANSIT_V4.network_address + 4 * index
    return IPv4Interface((first + 1, 30)), IPv4Interface((first + 2, 30))


def _transit6(index: int) -> tuple[IPv6Interface, IPv6Interface]:
    first = TRANSIT_V6.network_address + (index << 64)
    return IPv6Interface((first + 1, 64)), IPv6Interface((first + 2, 64))


def _ip(namespace: str, *words: str) -> Step:
    return Step(("ip", "-n", namespace, *words))


def _sysctl(namespace: str, *settings: str) -> Step:
    return Step(("ip", "netns", "exec", namespace, "sysctl", "-qw", *settings))
