"""Subnets and boot servers from what ISC dhcpd files declare: places by the rules, boot servers by next-server.

places = import_subnets(declared, rules, account)
places.location_of_address(address)
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from nearboot.inventory.finding import Severity
from nearboot.inventory.importers.isc_account import Account
from nearboot.inventory.importers.isc_config import Declarations, Setting, SubnetDeclaration
from nearboot.inventory.importers.isc_values import address_or_none, host_name_or_none
from nearboot.inventory.importers.rules import Rules
from nearboot.inventory.importers.tier_names import text_as_slug
from nearboot.model import Address, BootServer, Pool, Prefix, Slug, Subnet, slug_from_text

_NAMES = {  # our field: the option of DHCPv4, the option of DHCPv6
    "dns": ("domain-name-servers", "dhcp6.name-servers"),
    "ntp": ("ntp-servers", "dhcp6.sntp-servers"),
    "domain": ("domain-name", "dhcp6.domain-search"),
}


@dataclass(slots=True)
class Places:
    """The subnets that were imported, and what stands where; a look-up takes the logarithm of their number."""

    subnets: list[Subnet] = field(default_factory=list)
    declared: list[SubnetDeclaration] = field(default_factory=list)  # of each subnet, in the same order
    _ranges: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)  # version: (first, last, index)

    def add(self, subnet: Subnet, declaration: SubnetDeclaration) -> None:
        """Add a subnet that overlaps none."""
        first, last = _ends(subnet.prefix)
        insort(self._ranges.setdefault(subnet.prefix.version, []), (first, last, len(self.subnets)))
        self.subnets.append(subnet)
        self.declared.append(declaration)

    def overlapping(self, prefix: Prefix) -> int | None:
        """Return the index of a subnet that shares an address with ``prefix``."""
        first, last = _ends(prefix)
        ranges = self._ranges.get(prefix.version, [])
        at = bisect_left(ranges, (first + 1,))  # the ranges do not overlap: only the neighbours can meet the prefix
        for start, end, index in ranges[max(at - 1, 0) : at + 1]:
            if start <= last and first <= end:
                return index
        return None

    def of_address(self, address: Address) -> Subnet | None:
        """Return the subnet that an address belongs to."""
        ranges = self._ranges.get(address.version, [])
        at = bisect_left(ranges, (int(address) + 1,)) - 1
        return self.subnets[ranges[at][2]] if at >= 0 and int(address) <= ranges[at][1] else None

    def has_family(self, version: int) -> bool:
        """Tell whether any subnet is of this IP version."""
        return version in self._ranges

    def of_prefix(self, prefix: Prefix | None) -> Subnet | None:
        """Return the subnet with exactly this prefix."""
        subnet = self.of_address(prefix[0]) if prefix else None
        return subnet if subnet and subnet.prefix == prefix else None


def import_subnets(declared: Declarations, rules: Rules, account: Account) -> Places:
    """Make subnets of those declarations that have a location and overlap no other; the rest become errors."""
    places = Places()
    for declaration in declared.subnets:
        subnet = _subnet(declaration, rules, account)
        if subnet is None:
            continue
        other = places.overlapping(subnet.prefix)
        if other is None:
            places.add(subnet, declaration)
        else:
            _report_overlap(declaration, places.declared[other], account)
    return places


def import_boot_servers(
    places: Places, overrides: Iterable[Setting], rules: Rules, account: Account
) -> tuple[BootServer, ...]:
    """Make one boot server of each next-server address that subnets, groups or hosts name."""
    uses: dict[Address | str, Counter[Slug]] = {}
    first: dict[Address | str, Setting] = {}
    for subnet, declaration in zip(places.subnets, places.declared, strict=True):
        setting = declaration.settings.get("next-server")
        if setting:
            target = _target(setting)
            uses.setdefault(target, Counter())[subnet.location] += 1
            first.setdefault(target, setting)
    for setting in overrides:
        uses.setdefault(_target(setting), Counter())
        first.setdefault(_target(setting), setting)
    servers: dict[Slug, BootServer] = {}
    for target, locations in uses.items():
        location = _location_of(target, locations, places, rules)
        _report_boot_server(target, location, locations, first[target], account)
        if location:
            server = _boot_server(target, location, rules, servers)
            servers[server.name] = server
    return tuple(servers.values())


def _subnet(declaration: SubnetDeclaration, rules: Rules, account: Account) -> Subnet | None:
    settings, prefix = declaration.settings, declaration.prefix
    v6 = prefix.version == 6
    next_server = settings.get("next-server")
    account.use(next_server)
    domain = _domain(declaration, settings.get(_NAMES["domain"][v6]), account)
    location = rules.location_of_subnet(prefix, _target(next_server) if next_server else None, domain)
    if location is None:
        text, hint = f"subnet {prefix} has no location", "add a rule under 'subnets' (prefix, next_server or domain)"
        account.drop("subnet", "subnet-no-location", text, at=declaration, subject=str(prefix), hint=hint)
        return None
    if declaration.shared_network:
        text = f"subnet {prefix} shares its link with others (shared-network {declaration.shared_network}); kept apart"
        account.note(Severity.WARNING, "shared-network", text, at=declaration, subject=str(prefix))
    _check_derived(declaration, account)
    return Subnet(
        prefix,
        location,
        gateway=_gateway(declaration, account),
        dns=tuple(_addresses(settings.get(_NAMES["dns"][v6]), prefix, account)),
        ntp=tuple(_addresses(settings.get(_NAMES["ntp"][v6]), prefix, account)),
        domain=domain,
        pools=tuple(_pools(declaration, account)),
    )


def _domain(declaration: SubnetDeclaration, setting: Setting | None, account: Account) -> str:
    """Return the domain (of a search list the first); some files have several in one text, which is no domain."""
    first = account.use(setting).split(",")[0]
    domain = host_name_or_none(first)
    if setting and domain is None:
        text = f"subnet {declaration.prefix}: {setting.name} {first!r} is not a domain; not taken over"
        account.note(Severity.WARNING, "domain-unusable", text, at=setting.statement, subject=str(declaration.prefix))
    return domain or ""


def _gateway(declaration: SubnetDeclaration, account: Account) -> Address | None:
    setting, prefix = declaration.settings.get("routers"), declaration.prefix
    if setting is None or prefix.version == 6:  # DHCPv6 has no such option: routers announce themselves
        return None
    found = list(_addresses(setting, prefix, account))
    inside = [address for address in found if address in prefix]
    lost = [address for address in found if address not in inside[:1]]
    for address in lost:
        why = "a subnet has one gateway" if address in prefix else "it is not an address of the subnet"
        text = f"subnet {prefix}: router {address} was not taken over: {why}"
        account.note(Severity.WARNING, "gateway-unused", text, at=setting.statement, subject=str(prefix))
    return inside[0] if inside else None


def _pools(declaration: SubnetDeclaration, account: Account) -> Iterator[Pool]:
    """Yield the ranges that overlap no earlier one of the subnet; Kea refuses the others."""
    kept: list[Pool] = []
    for pool in declaration.pools:
        clash = next((p for p in kept if int(pool.first) <= int(p.last) and int(p.first) <= int(pool.last)), None)
        if clash is None:
            kept.append(pool)
            yield pool
            continue
        subnet = f"subnet {declaration.prefix}"
        text = f"{subnet}: range {pool.first}-{pool.last} overlaps {clash.first}-{clash.last}; not taken over"
        account.note(Severity.WARNING, "range-overlap", text, at=declaration, subject=str(declaration.prefix))


def _addresses(setting: Setting | None, prefix: Prefix, account: Account) -> Iterable[Address]:
    """Yield the addresses of a list option; a name in it cannot be kept, and is reported."""
    if setting is None:
        return
    account.use(setting)
    for target in _targets(setting):
        if not isinstance(target, str) and target.version == prefix.version:
            yield target
            continue
        text = f"subnet {prefix}: {setting.name} {target} is not an IPv{prefix.version} address; not taken over"
        account.note(Severity.WARNING, "option-not-address", text, at=setting.statement, subject=str(prefix))


def _check_derived(declaration: SubnetDeclaration, account: Account) -> None:
    """Compare the options that follow from the prefix with it: they are not kept, so they must say the same."""
    prefix = declaration.prefix
    for name, derived in (("subnet-mask", prefix.netmask), ("broadcast-address", prefix.broadcast_address)):
        setting = declaration.settings.get(name)
        if setting and prefix.version == 4 and account.use(setting) != str(derived):
            text = f"subnet {prefix}: {name} is {setting.value}, the prefix says {derived}"
            account.note(Severity.WARNING, "subnet-contradiction", text, at=setting.statement, subject=str(prefix))


def _report_overlap(declaration: SubnetDeclaration, other: SubnetDeclaration, account: Account) -> None:
    same = declaration.prefix == other.prefix
    code, verb = ("subnet-duplicate", "is declared before") if same else ("subnet-overlap", "overlaps")
    text = f"subnet {declaration.prefix} {verb}{'' if same else f' {other.prefix}'} at {other.file}:{other.line}"
    account.drop("subnet", code, text, at=declaration, subject=str(declaration.prefix), hint="keep one of the two")


def _location_of(target: Address | str, locations: Mapping[Slug, int], places: Places, rules: Rules) -> Slug | None:
    """Tell where a boot server stands: by rule, by the subnet of its address, by most of the subnets that name it."""
    if ruled := rules.location_of_next_server(target):
        return ruled
    around = None if isinstance(target, str) else places.of_address(target)
    if around:
        return around.location
    return max(locations, key=lambda slug: locations[slug]) if locations else None


def _report_boot_server(
    target: Address | str, location: Slug | None, locations: Mapping[Slug, int], at: Setting, account: Account
) -> None:
    subject, statement = str(target), at.statement
    if location is None:
        hint = "add a rule under 'subnets' with this next_server"
        text = f"next-server {target} has no location; no boot server made"
        account.note(Severity.ERROR, "boot-server-no-location", text, at=statement, subject=subject, hint=hint)
    elif isinstance(target, str):
        text = f"next-server {target} is a name: its boot server has no address yet"
        account.note(
            Severity.WARNING, "boot-server-no-address", text, at=statement, subject=subject, hint="add its ipv4"
        )
    elif len(locations) > 1:
        text = f"next-server {target} serves subnets of {', '.join(sorted(locations))}; placed at {location}"
        account.note(Severity.WARNING, "boot-server-many-locations", text, at=statement, subject=subject)


def _boot_server(target: Address | str, location: Slug, rules: Rules, taken: Mapping[Slug, BootServer]) -> BootServer:
    values = {"location": location, "address": str(target)}
    base = text_as_slug(rules.boot_servers.name.format(**values))
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    ipv4 = target if isinstance(target, IPv4Address) else None
    return BootServer(slug_from_text(name), location, ipv4, http_url=rules.boot_servers.http_url.format(**values))


def _target(setting: Setting) -> Address | str:
    return address_or_none(setting.value) or setting.value.lower()


def _targets(setting: Setting) -> tuple[Address | str, ...]:
    items = (item.strip() for item in setting.value.split(","))
    return tuple(address_or_none(item) or item for item in items)


def _ends(prefix: Prefix) -> tuple[int, int]:
    return int(prefix[0]), int(prefix[-1])
