"""Addresses for ``host`` blocks whose fixed-address is a name: from host tables, where dhcpd asks the DNS at start.

IPv6 addresses of the table are taken only where an imported subnet holds them: dhcpd itself looks names up as IPv4.

    declared = resolve(declared, table, places, account)
    report_names(declared.hosts, table, account)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from nearboot.inventory.finding import Severity, some
from nearboot.inventory.importers.host_table import Found, HostEntry, HostTable
from nearboot.inventory.importers.isc_account import Account
from nearboot.inventory.importers.isc_config import Declarations, HostDeclaration
from nearboot.inventory.importers.isc_subnets import Places
from nearboot.model import Address


def resolve(declared: Declarations, table: HostTable, places: Places, account: Account) -> Declarations:
    """Return the declarations with the addresses that the table gives for names, after the addresses that stand there.

    The names stay: they are the servers' names. Of several addresses, those in imported subnets go first.
    """
    hosts: list[HostDeclaration] = []
    ambiguous: list[HostDeclaration] = []
    unused: list[HostEntry] = []
    for host in declared.hosts:
        found = [table.find(name, host.name) for name in _names(host)]
        entries = list(_entries(found))
        usable = [e for e in entries if e.address.version == 4 or places.of_address(e.address)]
        usable.sort(key=lambda entry: places.of_address(entry.address) is None)
        unused += [entry for entry in entries if entry not in usable]
        hosts.append(_with_addresses(host, usable))
        ambiguous += [host] if any(f.ambiguous for f in found) and not _has_address(hosts[-1]) else []
    _report_found([host for host in hosts if host.sources], table, account)
    _report_ambiguous(ambiguous, table, account)
    _report_unused(unused, account)
    return replace(declared, hosts=tuple(hosts))


def report_names(hosts: Sequence[HostDeclaration], table: HostTable | None, account: Account) -> None:
    """Say, once, which hosts have a name that nothing is known of where Kea needs an address."""
    named = [host for host in hosts if any(_names(host)) and not _has_address(host)]
    if not named:
        return
    none = f", and {_files(table)} has none for them" if table else ""
    text = (
        f"{_count(named)} a name instead of an address ({some(_first_names(named))}){none}:"
        " Kea knows them by their MAC but has no address to give them"
    )
    hint = (
        "add them to the hosts file, or add their ipv4 to the inventory"
        if table
        else "pass --hosts FILE, with lines of an address, its name and aliases as in /etc/hosts; dhcpd asks the DNS"
    )
    account.note(Severity.WARNING, "address-is-name", text, at=named[0], hint=hint, count=len(named))


def _with_addresses(host: HostDeclaration, entries: Sequence[HostEntry]) -> HostDeclaration:
    sources: dict[Address, str] = {}
    for entry in entries:
        if entry.address not in host.targets:
            sources.setdefault(entry.address, entry.place)
    return replace(host, targets=(*host.targets, *sources), sources=sources)


def _entries(found: Iterable[Found]) -> Iterator[HostEntry]:
    for each in found:
        yield from each.entries


def _report_found(hosts: Sequence[HostDeclaration], table: HostTable, account: Account) -> None:
    if hosts:
        text = f"{_count(hosts)} a name as fixed-address, and the address of {_files(table)} ({some(_sourced(hosts))})"
        account.note(Severity.INFO, "address-by-name", text, at=hosts[0], count=len(hosts))


def _report_ambiguous(hosts: Sequence[HostDeclaration], table: HostTable, account: Account) -> None:
    if hosts:
        text = (
            f"{_count(hosts)} a short name that stands for more than one machine in {_files(table)}"
            f" ({some(host.name for host in hosts)}); no address taken"
        )
        hint = "add their full names to the hosts file"
        account.note(Severity.WARNING, "address-ambiguous", text, at=hosts[0], hint=hint, count=len(hosts))


def _report_unused(entries: Sequence[HostEntry], account: Account) -> None:
    if entries:
        shown = some(f"{entry.address} of {entry.names[0]}" for entry in entries)
        text = f"{len(entries)} IPv6 addresses of hosts are in none of the imported subnets ({shown}); not taken over"
        account.note(Severity.INFO, "address-unused", text, at=entries[0], count=len(entries))


def _names(host: HostDeclaration) -> tuple[str, ...]:
    return tuple(target for target in host.targets if isinstance(target, str))


def _has_address(host: HostDeclaration) -> bool:
    return any(not isinstance(target, str) for target in host.targets)


def _first_names(hosts: Iterable[HostDeclaration]) -> list[str]:
    return [_names(host)[0].rstrip(".").lower() for host in hosts]


def _sourced(hosts: Iterable[HostDeclaration]) -> list[str]:
    firsts = (next(iter(host.sources.items())) for host in hosts)
    return [f"{address} by {place}" for address, place in firsts]


def _count(hosts: Sequence[HostDeclaration]) -> str:
    return f"{len(hosts)} hosts have" if len(hosts) > 1 else "1 host has"


def _files(table: HostTable) -> str:
    return ", ".join(table.files)
