"""Imports ISC dhcpd configuration: text and rules in, an inventory and an account of everything that is not in it out.

result = import_isc([("dhcpd.conf", text)], rules, read=read)
result.inventory.servers, result.findings, result.counts
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nearboot.inventory.finding import Finding, Severity, counted, some
from nearboot.inventory.importers.host_table import HostTable
from nearboot.inventory.importers.isc_account import Account
from nearboot.inventory.importers.isc_addresses import report_names, resolve
from nearboot.inventory.importers.isc_config import Declarations, read_config
from nearboot.inventory.importers.isc_include import Read, expand
from nearboot.inventory.importers.isc_servers import Servers, import_servers, next_server_overrides
from nearboot.inventory.importers.isc_subnets import import_boot_servers, import_subnets
from nearboot.inventory.importers.rules import Rules, TierTable
from nearboot.inventory.importers.tier_names import load_tiers, tier_slugs
from nearboot.model import Inventory, Server, Slug, Tier

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was read and what became of it: ``hosts_read == servers + hosts_merged + hosts not imported``."""

    hosts_read: int
    servers: int
    hosts_merged: int  # blocks that became a further interface of a server
    interfaces: int
    subnets_read: int
    subnets: int
    boot_servers: int
    tiers: int
    locations: int
    not_imported: Mapping[str, int] = field(default_factory=dict)  # "host:no-location", "subnet:subnet-overlap", ...

    def lines(self) -> tuple[str, ...]:
        """The account as text, one line each for hosts, subnets and the rest, such that each line adds up."""
        merged = f", {self.hosts_merged} merged into those" if self.hosts_merged else ""
        made = f"{counted(self.servers, 'server')} made with {counted(self.interfaces, 'interface')}{merged}"
        return (
            f"hosts: {self.hosts_read} read, {made}, {self._missing('host')}",
            f"subnets: {self.subnets_read} read, {self.subnets} made, {self._missing('subnet')}",
            f"boot servers: {self.boot_servers}; tiers: {self.tiers}; locations created: {self.locations}",
        )

    def _missing(self, what: str) -> str:
        reasons = {key.partition(":")[2]: n for key, n in self.not_imported.items() if key.startswith(f"{what}:")}
        listed = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
        return f"{sum(reasons.values())} not imported" + (f" ({listed})" if listed else "")


@dataclass(frozen=True, slots=True)
class ImportResult:
    """An inventory made from foreign files, and what a person should know about it."""

    inventory: Inventory
    findings: tuple[Finding, ...]
    counts: Counts


def import_isc(
    files: Sequence[tuple[str, str]],
    rules: Rules,
    *,
    read: Read,
    tiers_csv: tuple[str, str] | None = None,
    hosts: HostTable | None = None,
) -> ImportResult:
    """Import ``files`` (name, text); ``InputError`` with every fault where one of them is not dhcpd's language.

    ``read`` returns the text of an included file, and of the tiers CSV that ``rules`` name unless ``tiers_csv`` (name,
    text) is given; it raises ``FileNotFoundError`` for what is not there, which becomes a finding. A CSV that no rule
    names has the columns of ``TierTable``. ``hosts`` has the addresses of names that stand as fixed-address.
    """
    statements, findings = expand(files, read=read)
    declared = read_config(statements)
    account = Account(list(findings))
    roles = _roles(rules, account, read, tiers_csv)
    slugs = tier_slugs(roles.values())
    places = import_subnets(declared, rules, account)
    if hosts:
        declared = resolve(declared, hosts, places, account)
    tiers_of = {name: slugs[role] for name, role in roles.items()}
    servers = import_servers(declared, rules, account, places=places, roles=tiers_of)
    report_names(servers.taken, hosts, account)
    boot_servers = import_boot_servers(places, next_server_overrides(servers.taken), rules, account)
    _report_globals(declared, account)
    _report_roles(roles, servers, account)
    tiers = _tiers(rules, servers, slugs, account)
    account.close(declared)
    inventory = Inventory(
        locations=rules.create_locations,
        tiers=tiers,
        models=rules.create_models,
        servers=tuple(servers.by_name.values()),
        subnets=tuple(places.subnets),
        boot_servers=boot_servers,
    )
    gravest_first = sorted(account.findings, key=lambda finding: _ORDER.index(finding.severity))
    return ImportResult(inventory, tuple(gravest_first), _counts(declared, inventory, servers, account))


def _roles(rules: Rules, account: Account, read: Read, given: tuple[str, str] | None) -> Mapping[str, str]:
    table = rules.tiers_csv or (TierTable(given[0]) if given else None)
    if table is None:
        return {}
    if given is None:
        try:
            given = (table.file, read(table.file))
        except OSError as error:
            text = f"tiers CSV {table.file!r} was not read: {error}; no server gets its tier from it"
            account.note(Severity.ERROR, "tiers-unread", text, subject=table.file)
            return {}
    return load_tiers(given[1], given[0], table)


def _tiers(rules: Rules, servers: Servers, slugs: Mapping[str, Slug], account: Account) -> tuple[Tier, ...]:
    """Return the tiers that servers have; a role that is no slug keeps its own spelling as the tier's name."""
    used = {server.tier for server in servers.by_name.values() if server.tier}
    made = {tier.slug: tier for tier in rules.create_tiers}
    role_of = {slug: role for role, slug in slugs.items()}
    renamed: list[str] = []
    for slug in sorted(used - made.keys()):
        role = role_of.get(slug, slug)
        made[slug] = Tier(slug, role if role != slug else "")
        if role != slug:
            renamed.append(f"{role} to {slug}")
    if renamed:
        verb = "role is no slug, and was" if len(renamed) == 1 else "roles are no slugs, and were"
        text = f"{len(renamed)} {verb} renamed ({some(renamed)}); the tiers' names keep the roles"
        account.note(Severity.INFO, "tier-renamed", text, count=len(renamed))
    return tuple(made.values())


def _report_roles(roles: Mapping[str, str], servers: Servers, account: Account) -> None:
    known = _known_names(servers.by_name)
    unknown = [name for name in roles if name not in known]
    if unknown:
        verb = "name in the tiers CSV is" if len(unknown) == 1 else "names in the tiers CSV are"
        text = f"{len(unknown)} {verb} no imported server ({some(unknown)})"
        account.note(Severity.INFO, "tier-without-server", text, count=len(unknown))


def _known_names(servers: Mapping[str, Server]) -> frozenset[str]:
    with_domain = (f"{server.name}.{server.domain}" for server in servers.values())
    return frozenset((*servers, *with_domain))


def _report_globals(declared: Declarations, account: Account) -> None:
    """Say what the global boot file was: it is for clients that nothing else matches."""
    setting = declared.top.get("filename")
    if setting:
        account.use(setting)
        text = f"global filename {setting.value!r} was not taken over: boot profiles decide what a client gets"
        account.note(Severity.INFO, "global-filename", text, at=setting.statement, subject=setting.value)


def _counts(declared: Declarations, inventory: Inventory, servers: Servers, account: Account) -> Counts:
    return Counts(
        hosts_read=len(declared.hosts),
        servers=len(inventory.servers),
        hosts_merged=servers.merged,
        interfaces=sum(len(server.interfaces) for server in inventory.servers),
        subnets_read=len(declared.subnets),
        subnets=len(inventory.subnets),
        boot_servers=len(inventory.boot_servers),
        tiers=len(inventory.tiers),
        locations=len(inventory.locations),
        not_imported=dict(account.not_imported),
    )
