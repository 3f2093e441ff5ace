"""Interfaces from ``host`` blocks, and who claims which MAC, DUID and address: each belongs to one server.

What two servers claim stays with the first; the second interface comes without it, and an error names both.

    interfaces = claims.interfaces(host, "web01.example.org", 0)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from nearboot.inventory.finding import Severity
from nearboot.inventory.importers.isc_account import Account
from nearboot.inventory.importers.isc_config import HostDeclaration
from nearboot.inventory.importers.isc_subnets import Places
from nearboot.model import Address, Duid, Interface, Mac

K = TypeVar("K", Mac, Duid, IPv4Address, IPv6Address)


@dataclass(slots=True)
class Claims:
    """Makes interfaces, and remembers the host block that each identifier was first seen in."""

    account: Account
    places: Places
    owners: dict[tuple[str, str], tuple[str, HostDeclaration]] = field(default_factory=dict)

    def interfaces(self, host: HostDeclaration, server: str, start: int) -> tuple[Interface, ...]:
        """Return the interfaces of a host block, numbered from ``start``; the addresses go to the first of them."""
        if not host.macs:
            text = f"host {host.name} has no Ethernet address: its server cannot be told apart by MAC"
            self.account.note(Severity.WARNING, "host-no-mac", text, at=host, subject=server)
        ipv4s, ipv6s = self.addresses(host, server)
        duid = self.claim(host.duid, "DUID", host, server)
        macs = [self.claim(mac, "MAC", host, server) for mac in host.macs] or [None]
        first = Interface(f"net{start}", macs[0], duid, next(iter(ipv4s), None), next(iter(ipv6s), None))
        return (first, *(Interface(f"net{start + n}", mac) for n, mac in enumerate(macs[1:], 1)))

    def addresses(self, host: HostDeclaration, server: str) -> tuple[list[IPv4Address], list[IPv6Address]]:
        """Return the free addresses of a host block, at most one of each family."""
        ipv4s: list[IPv4Address] = []
        ipv6s: list[IPv6Address] = []
        for address in _addresses(host):
            same: list[IPv4Address] | list[IPv6Address] = ipv4s if address.version == 4 else ipv6s
            if same:
                text = f"server {server}: further address {_sourced(address, host)} was not taken over, {same[0]} was"
                self.account.note(Severity.WARNING, "address-extra", text, at=host, subject=server)
            elif not self.is_at_home(address, host, server):
                continue
            elif isinstance(address, IPv4Address):
                ipv4s += filter(None, [self.claim(address, "address", host, server)])
            else:
                ipv6s += filter(None, [self.claim(address, "address", host, server)])
        return ipv4s, ipv6s

    def is_at_home(self, address: Address, host: HostDeclaration, server: str) -> bool:
        """Tell whether an address can be kept: it is in a subnet, or there is none of its family (yet)."""
        if self.places.of_address(address):
            return True
        kept = not self.places.has_family(address.version)
        fate = "kept: no subnet of its family was imported" if kept else "not taken over"
        text = f"server {server}: address {_sourced(address, host)} is in none of the imported subnets; {fate}"
        hint = "import its subnet, or correct the address"
        self.account.note(Severity.WARNING, "address-outside-subnets", text, at=host, subject=server, hint=hint)
        return kept

    def claim(self, value: K | None, noun: str, host: HostDeclaration, server: str) -> K | None:
        """Return ``value`` if it is free or this very block's; otherwise report both owners and return None."""
        if value is None:
            return None
        owner, first = self.owners.setdefault((noun, str(value)), (server, host))
        if first is host:
            return value
        text = (
            f"{noun} {_sourced(value, host)} of host {host.name} ({server}) is host {first.name}'s ({owner}) as well,"
            f" at {first.place}; host {host.name} is kept without it"
        )
        hint = "find out which of the two has it, and remove it from the other"
        # dhcpd gives one address to a machine by whichever of its cards it boots; an interface of ours has its own.
        shared = noun == "address" and owner == server
        severity = Severity.WARNING if shared else Severity.ERROR
        self.account.note(severity, f"duplicate-{noun.lower()}", text, at=host, subject=server, hint=hint)
        return None


def _sourced(value: Mac | Duid | Address, host: HostDeclaration) -> str:
    place = None if isinstance(value, str) else host.sources.get(value)
    return f"{value} (by {place})" if place else str(value)


def _addresses(host: HostDeclaration) -> Iterator[Address]:
    for target in host.targets:
        if not isinstance(target, str):
            yield target
