"""The import doctor: looks through any inventory for what is contradictory, missing or would not boot.

It changes nothing, and refuses nothing: a loader refuses what the database cannot hold, this tells what a person should
look at. What many servers have in common is one finding with their count.

    for finding in check(inventory): print(finding, finding.hint)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

from nearboot.inventory.finding import Finding, Severity, counted, some
from nearboot.inventory.terrain import Terrain
from nearboot.model import Address, Interface, Inventory, Subnet
from nearboot.model.profile import profile_of

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

_IDENTITIES: tuple[tuple[str, Callable[[Interface], object]], ...] = (
    ("MAC", lambda interface: interface.mac),
    ("DUID", lambda interface: interface.duid),
    ("address", lambda interface: interface.ipv4),
    ("address", lambda interface: interface.ipv6),
)


def check(inventory: Inventory) -> tuple[Finding, ...]:
    """Return every finding, the gravest first; an inventory without any is ready to route and boot."""
    terrain = Terrain(inventory)
    findings = [finding for examine in CHECKS for finding in examine(inventory, terrain)]
    return tuple(sorted(findings, key=lambda finding: list(Severity).index(finding.severity)))


def duplicate_identities(inventory: Inventory, terrain: Terrain) -> Iterator[Finding]:
    """Yield MACs, DUIDs and addresses that more than one interface has: DHCP can answer only one of them rightly."""
    for noun, identity in _IDENTITIES:
        claims = ((identity(i), f"{s.name} {i.name}") for s in inventory.servers for i in s.interfaces)
        for value, holders in _grouped(claims).items():
            if value is not None and len(holders) > 1:
                text = f"{noun} {value} belongs to {some(holders)}"
                hint = "find out which of them has it, and remove it from the others"
                yield Finding(Severity.ERROR, f"duplicate-{noun.lower()}", text, str(value), hint=hint)


def overlapping_subnets(inventory: Inventory, terrain: Terrain) -> Iterator[Finding]:
    """Yield subnets that share addresses: which of them a client is in would be chance."""
    ordered = sorted(inventory.subnets, key=lambda s: (s.prefix.version, int(s.prefix[0]), s.prefix.prefixlen))
    widest: Subnet | None = None
    for subnet in ordered:
        if widest and widest.prefix.version == subnet.prefix.version and subnet.prefix[0] in widest.prefix:
            text = f"subnet {subnet.prefix} ({subnet.location}) overlaps {widest.prefix} ({widest.location})"
            hint = "keep one of the two, or make them disjoint"
            yield Finding(Severity.ERROR, "subnet-overlap", text, str(subnet.prefix), hint=hint)
        else:
            widest = subnet


def unknown_locations(inventory: Inventory, terrain: Terrain) -> Iterator[Finding]:
    """Yield what stands at a location that the inventory does not have."""
    users = [
        *((s.location, s.name) for s in inventory.servers),
        *((s.location, str(s.prefix)) for s in inventory.subnets),
        *((b.location, str(b.name)) for b in inventory.boot_servers),
        *((c.parent, str(c.slug)) for c in inventory.locations if c.parent),
    ]
    for location, names in _grouped(users).items():
        if location not in terrain.locations:
            text = f"location {location} does not exist, but {some(names)} refer to it"
            hint = "add the location, or correct the name"
            yield Finding(Severity.ERROR, "location-unknown", text, location, hint=hint, count=len(names))


def servers_without_mac(inventory: Inventory, terrain: Terrain) -> Iterator[Finding]:
    """Yield servers that no DHCP request can be matched to: no boot interface has a MAC or DUID."""
    for server in inventory.servers:
        if not any(i.boot and (i.mac or i.duid) for i in server.interfaces):
            text = f"server {server.name} has no interface with a MAC or DUID that may boot"
            hint = "add the MAC of the interface that netboots"
            yield Finding(Severity.ERROR, "server-no-mac", text, server.name, hint=hint)


def servers_without_boot_server(inventory: Inventory, terrain: Terrain) -> Iterator[Finding]:
    """Yield locations whose servers have no boot server of their own site or above: they boot from far away."""
    if inventory.servers and not terrain.boot_locations:
        text = "there is no boot server that may be used: no server can boot"
        hint = "add a boot server, or set one to active"
        yield Finding(Severity.ERROR, "no-boot-servers", text, hint=hint, count=len(inventory.servers))
        return
    for location, names in _grouped((s.location, s.name) for s in inventory.servers).items():
        if not terrain.has_boot_server(location):
            verb = "has" if len(names) == 1 else "have"
            servers = f"{counted(len(names), 'server')} at {location} ({some(names)})"
            text = f"{servers} {verb} no boot server in the same site or above it"
            hint = "add a boot server there; until then the latency map chooses one elsewhere"
            yield Finding(Severity.WARNING, "server-no-boot-server", text, location, hint=hint, count=len(names))


def incomplete_subnets(inventory: Inventory, terrain: Terrain) -> Iterator[Finding]:
    """Yield subnets without a boot server in their site, and IPv4 subnets without a (usable) gateway."""
    for subnet in inventory.subnets:
        name = str(subnet.prefix)
        if terrain.boot_locations and not terrain.has_boot_server(subnet.location):
            text = f"subnet {name} at {subnet.location} has no boot server in its site or above it"
            hint = "add a boot server there, or see `nearboot route explain`"
            yield Finding(Severity.WARNING, "subnet-no-boot-server", text, name, hint=hint)
        if subnet.gateway is None and subnet.prefix.version == 4 and subnet.prefix.prefixlen < 31:
            text = f"subnet {name} at {subnet.location} has no gateway: clients reach only boot servers in the subnet"
            yield Finding(Severity.WARNING, "subnet-no-gateway", text, name, hint="add its gateway")
        elif subnet.gateway and subnet.gateway not in subnet.prefix and not subnet.gateway.is_link_local:
            text = f"gateway {subnet.gateway} is not an address of subnet {name}"
            hint = "correct the gateway, or the prefix"
            yield Finding(Severity.ERROR, "subnet-gateway-outside", text, name, hint=hint)


def misplaced_addresses(inventory: Inventory, terrain: Terrain) -> Iterator[Finding]:
    """Yield servers with an address that belongs to another location's subnet, or to none that is known."""
    for server in inventory.servers:
        for interface in server.interfaces:
            for address in _addresses(interface):
                subnet = terrain.subnet_of(address)
                if subnet is None:
                    text = f"server {server.name} at {server.location}: address {address} is in no known subnet"
                    hint = "add the subnet, or correct the address"
                    yield Finding(Severity.WARNING, "address-outside-subnets", text, server.name, hint=hint)
                elif not terrain.related(server.location, subnet.location):
                    text = (
                        f"server {server.name} is at {server.location}, but its address {address} is in"
                        f" {subnet.prefix} at {subnet.location}"
                    )
                    hint = "correct the server's location or its address"
                    yield Finding(Severity.ERROR, "address-outside-location", text, server.name, hint=hint)


def unplaced_locations(inventory: Inventory, terrain: Terrain) -> Iterator[Finding]:
    """Yield locations in use that neither a latency map nor the map of the earth can tell anything about."""
    used = {server.location for server in inventory.servers} | {subnet.location for subnet in inventory.subnets}
    used |= {boot_server.location for boot_server in inventory.boot_servers}
    unplaced = (
        slug for slug in used & terrain.locations.keys() if not any(map(terrain.is_placed, terrain.upwards(slug)))
    )
    for site, slugs in sorted(_grouped((terrain.site(slug), slug) for slug in unplaced).items()):
        text = f"location {site} has neither coordinates nor aliases, nor has any location above it"
        hint = "add latitude and longitude, or as aliases the names that the latency maps use"
        yield Finding(Severity.WARNING, "location-unplaced", text, site, hint=hint, count=len(slugs))


def servers_without_profile(inventory: Inventory, terrain: Terrain) -> Iterator[Finding]:
    """Yield the kinds of servers (tier and model) that no boot profile is for, and profiles named that do not exist."""
    known = {profile.slug for profile in inventory.profiles}
    lost = [s for s in inventory.servers if s.profile and s.profile not in known]
    for name, servers in _grouped((s.profile, s.name) for s in lost).items():
        text = f"boot profile {name} does not exist, but {some(servers)} name it"
        hint = "add the profile, or correct the name"
        yield Finding(Severity.ERROR, "profile-unknown", text, name or "", hint=hint, count=len(servers))
    unmatched = [s for s in inventory.servers if not s.profile and profile_of(s, inventory.profiles) is None]
    if unmatched and not inventory.profiles:
        text = f"there is no boot profile: {counted(len(unmatched), 'server')} with nothing to boot"
        hint = "add an image and a profile (one without tier and model is for all)"
        yield Finding(Severity.WARNING, "no-profiles", text, hint=hint, count=len(unmatched))
        return
    for (tier, model), names in _grouped(((s.tier, s.model), s.name) for s in unmatched).items():
        kind = f"tier {tier or 'none'} and model {model or 'none'}"
        verb = "matches" if len(names) == 1 else "match"
        text = f"{counted(len(names), 'server')} of {kind} ({some(names)}) {verb} no boot profile"
        hint = "add a profile for the tier or the model, or one for all"
        yield Finding(Severity.WARNING, "server-no-profile", text, tier or "", hint=hint, count=len(names))


def servers_without_tier(inventory: Inventory, terrain: Terrain) -> Iterator[Finding]:
    """Yield, as one finding, the servers that have no tier: only profiles for all tiers can match them."""
    names = [server.name for server in inventory.servers if server.tier is None]
    if names:
        verb = "has" if len(names) == 1 else "have"
        text = f"{counted(len(names), 'server')} {verb} no tier ({some(names)})"
        yield Finding(Severity.INFO, "server-no-tier", text, hint="give them a tier", count=len(names))


def unreachable_boot_servers(inventory: Inventory, terrain: Terrain) -> Iterator[Finding]:
    """Yield boot servers that no client can be sent to, and those that no client can call back."""
    for boot_server in inventory.boot_servers:
        if boot_server.ipv4 is None and boot_server.ipv6 is None:
            text = f"boot server {boot_server.name} has no address: it can never be chosen"
            hint = "add its ipv4 or ipv6"
            yield Finding(Severity.ERROR, "boot-server-no-address", text, boot_server.name, hint=hint)
        elif not boot_server.http_url:
            text = (
                f"boot server {boot_server.name} has no http_url: machines that it serves cannot call back, so their "
                "runs never end; no UEFI HTTP boot"
            )
            hint = "add http_url, where `nearboot serve http` answers, such as http://10.0.0.2:8080"
            yield Finding(Severity.WARNING, "boot-server-no-http", text, boot_server.name, hint=hint)


def profiles_without_image(inventory: Inventory, terrain: Terrain) -> Iterator[Finding]:
    """Yield profiles that boot an image which does not exist."""
    known = {image.slug for image in inventory.images}
    for profile in inventory.profiles:
        if profile.image not in known:
            text = f"boot profile {profile.slug} boots image {profile.image}, which does not exist"
            hint = "add the image, or correct the name"
            yield Finding(Severity.ERROR, "profile-no-image", text, profile.slug, hint=hint)


CHECKS: tuple[Callable[[Inventory, Terrain], Iterable[Finding]], ...] = (
    duplicate_identities,
    overlapping_subnets,
    unknown_locations,
    servers_without_mac,
    servers_without_boot_server,
    incomplete_subnets,
    misplaced_addresses,
    unplaced_locations,
    servers_without_profile,
    servers_without_tier,
    unreachable_boot_servers,
    profiles_without_image,
)
"""Every check, in the order in which findings of the same severity come out."""


def _addresses(interface: Interface) -> tuple[Address, ...]:
    found: tuple[Address | None, ...] = (interface.ipv4, interface.ipv6)
    return tuple(address for address in found if address is not None)


def _grouped(pairs: Iterable[tuple[K, T]]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
