"""Servers from the ``host`` blocks of ISC dhcpd files: each becomes a server, or a finding that says why it did not.

Two blocks with one name are two interfaces of one server: dhcpd has no other way to say that.

    servers = import_servers(declared, rules, account, places=places, roles=roles)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from nearboot.inventory.finding import Severity, some
from nearboot.inventory.importers.isc_account import Account
from nearboot.inventory.importers.isc_config import Declarations, HostDeclaration, Setting
from nearboot.inventory.importers.isc_interfaces import Claims
from nearboot.inventory.importers.isc_subnets import Places
from nearboot.inventory.importers.isc_values import host_name_or_none
from nearboot.inventory.importers.rules import Rules
from nearboot.model import Server, Slug, Subnet


@dataclass(slots=True)
class Servers:
    """What became of the host blocks: read = made + merged + those that the account counts as not imported."""

    by_name: dict[str, Server] = field(default_factory=dict)
    first: dict[str, HostDeclaration] = field(default_factory=dict)  # the block that a server was made of
    taken: list[HostDeclaration] = field(default_factory=list)  # all blocks that were made or merged
    merged: int = 0


def import_servers(
    declared: Declarations, rules: Rules, account: Account, *, places: Places, roles: Mapping[str, Slug]
) -> Servers:
    """Make the servers; ``roles`` is the tier of each host name, in lower case."""
    making = _Making(rules, account, places, roles, Claims(account, places))
    for host in declared.hosts:
        making.add(host)
    _report_settings(making.servers.taken, account)
    return making.servers


def next_server_overrides(hosts: list[HostDeclaration]) -> list[Setting]:
    """Return the next-server settings of hosts and of the groups around them."""
    found = (_effective(host).get("next-server") for host in hosts)
    return [setting for setting in found if setting]


@dataclass(slots=True)
class _Making:
    rules: Rules
    account: Account
    places: Places
    roles: Mapping[str, Slug]
    claims: Claims
    servers: Servers = field(default_factory=Servers)

    def add(self, host: HostDeclaration) -> None:
        name, subnet = _server_name(host), self.subnet(host)
        if host_name_or_none(name) is None:
            self.account.drop("host", "bad-name", f"{name!r} is not a host name", at=host, subject=name)
            return
        domain = _domain(host, name, subnet)
        names = tuple(dict.fromkeys((f"{name}.{domain}" if domain and "." not in name else name, name)))
        location = self.location(host, names, subnet)
        if location is None:
            text, hint = f"host {host.name} ({name}) has no location", "add a rule under 'locations' or 'hostnames'"
            self.account.drop("host", "no-location", text, at=host, subject=name, hint=hint)
            return
        self.servers.taken.append(host)
        known = self.servers.by_name.get(name)
        self.report_further_names(host, name)
        if known:
            self.merge(known, host, location)
            return
        self.servers.first[name] = host
        self.servers.by_name[name] = Server(
            name,
            location,
            tier=self.tier(host, names),
            model=self.model(host),
            domain=domain,
            interfaces=self.claims.interfaces(host, name, 0),
            params=self.params(host, name),
        )

    def merge(self, known: Server, host: HostDeclaration, location: Slug) -> None:
        """Give a server that has a block already the interfaces of a further one; what contradicts is told."""
        first = self.servers.first[known.name]
        more = self.claims.interfaces(host, known.name, len(known.interfaces))
        own = self.params(host, known.name)
        params = {**own, **known.params}
        self.servers.by_name[known.name] = replace(known, interfaces=known.interfaces + more, params=params)
        self.servers.merged += 1
        text = (
            f"host {host.name} is {known.name} again (host {first.name}, {first.place}); it became a further interface"
        )
        self.account.note(Severity.WARNING, "host-merged", text, at=host, subject=known.name)
        if location != known.location:
            text = (
                f"{known.name} is at {known.location} by host {first.name} ({first.place}), at {location} by this one"
            )
            self.account.note(Severity.WARNING, "location-contradiction", text, at=host, subject=known.name)
        for name, value in own.items():
            if params[name] != value:
                text = (
                    f"server {known.name} keeps {name} {params[name]!r} of {first.place}, not {value!r} of this block"
                )
                self.account.note(Severity.WARNING, "setting-contradiction", text, at=host, subject=known.name)

    def params(self, host: HostDeclaration, server: str) -> dict[str, str]:
        """Return the settings of a host as texts; one with control characters cannot be kept, and is told."""
        kept: dict[str, str] = {}
        for name, setting in _effective(host).items():
            if setting.value.isprintable():
                kept[name] = setting.value
                continue
            text = f"server {server}: {name} {setting.value!r} has control characters; not kept in its params"
            self.account.note(Severity.WARNING, "setting-unusable", text, at=setting.statement, subject=server)
        return kept

    def report_further_names(self, host: HostDeclaration, name: str) -> None:
        names = [target for target in host.targets if isinstance(target, str)]
        if names[1:]:
            text = f"server {name} has further names that were not taken over: {', '.join(names[1:])}"
            self.account.note(Severity.WARNING, "name-extra", text, at=host, subject=name)

    def subnet(self, host: HostDeclaration) -> Subnet | None:
        """Return the imported subnet of the host's address, else the one that its block stands in."""
        found = (self.places.of_address(target) for target in host.targets if not isinstance(target, str))
        return next(filter(None, found), None) or self.places.of_prefix(host.subnet)

    def location(self, host: HostDeclaration, names: tuple[str, ...], subnet: Subnet | None) -> Slug | None:
        """Return where a host stands: its name tells, else its subnet; a contradiction is reported."""
        told = next(filter(None, map(self.rules.location_of_name, names)), None)
        if told and subnet and subnet.location != told:
            text = f"{names[0]} is at {told} by its name, but its address is in {subnet.prefix} at {subnet.location}"
            self.account.note(Severity.WARNING, "location-contradiction", text, at=host, subject=names[-1])
        return told or (subnet.location if subnet else None)

    def tier(self, host: HostDeclaration, names: tuple[str, ...]) -> Slug | None:
        tier = next(filter(None, map(self.roles.get, names)), None)
        tier = tier or next(filter(None, map(self.rules.tier_of_name, names)), None)
        if tier is None:
            hint = "name it in the tiers CSV, or add a rule under 'tiers'"
            text = f"server {names[-1]} has no tier"
            self.account.note(Severity.WARNING, "no-tier", text, at=host, subject=names[-1], hint=hint)
        return tier

    def model(self, host: HostDeclaration) -> Slug | None:
        settings = _effective(host)
        for rule in self.rules.models:
            setting = settings.get(rule.setting)
            if setting and fnmatchcase(setting.value, rule.match):
                return rule.model
        return None


def _report_settings(hosts: list[HostDeclaration], account: Account) -> None:
    """Say which settings hosts make themselves (one finding a value; next-server one a host) or have from groups."""
    own: dict[tuple[str, str], list[HostDeclaration]] = {}
    grouped: dict[tuple[str, str], tuple[Setting, list[HostDeclaration]]] = {}
    for host in hosts:
        for setting in host.own.values():
            if setting.name == "next-server":
                _report_next_server(host, setting, account)
            else:
                own.setdefault((setting.name, setting.value), []).append(host)
        for setting in host.inherited.values():
            account.use(setting)
            grouped.setdefault((setting.place, setting.name), (setting, []))[1].append(host)
    for (name, value), having in own.items():
        text = f"{name} {value!r} is set by {_named(having)}: kept in the servers' params"
        account.note(Severity.INFO, "host-setting", text, at=having[0], subject=name, count=len(having))
    for setting, having in grouped.values():
        text = f"{setting.name} {setting.value!r} of a group reaches {_named(having)}: kept in the servers' params"
        account.note(
            Severity.INFO, "group-setting", text, at=setting.statement, subject=setting.name, count=len(having)
        )


def _named(hosts: list[HostDeclaration]) -> str:
    return f"{len(hosts)} host{'s' if len(hosts) > 1 else ''} ({some(host.name for host in hosts)})"


def _report_next_server(host: HostDeclaration, setting: Setting, account: Account) -> None:
    name = _server_name(host)
    text = f"server {name} has a next-server of its own, {setting.value}: kept in its params; routes do not follow it"
    account.note(Severity.WARNING, "next-server-override", text, at=setting.statement, subject=name)


def _server_name(host: HostDeclaration) -> str:
    """Return the first name among the fixed addresses, else the name of the block."""
    named = next((target for target in host.targets if isinstance(target, str)), host.name)
    return named.rstrip(".").lower()


def _domain(host: HostDeclaration, name: str, subnet: Subnet | None) -> str:
    if "." in name:
        return name.partition(".")[2]
    setting = _effective(host).get("domain-name")
    own = host_name_or_none(setting.value) if setting else None
    return own or (subnet.domain if subnet else "")


def _effective(host: HostDeclaration) -> dict[str, Setting]:
    return {**host.inherited, **host.own}
