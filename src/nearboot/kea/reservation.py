"""Host reservations: each interface of the inventory once, in the subnet that holds its address, or globally.

An interface without a usable address keeps its host name by a global reservation, so that no host is lost between the
inventory and Kea. A host whose location has another boot server than its subnet's, or that has pins or bans, is sent
there by its reservation.

    reserved = reserve(inputs.inventory, subnets, place, family=4)
    reserved.by_subnet[subnet.kea_id], reserved.everywhere
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from nearboot.kea.classes import OWN_ROUTE, Json, own_route
from nearboot.kea.place import Placement, Target
from nearboot.model import Address, Interface, Inventory, Prefix, Server, Subnet


@dataclass(slots=True)
class Reservations:
    """Reservations of one family: by subnet id, and global ones; ``own`` are the targets of redirected hosts."""

    by_subnet: dict[int, list[Json]] = field(default_factory=dict)
    everywhere: list[Json] = field(default_factory=list)
    own: dict[int, dict[str, Target]] = field(default_factory=dict)
    unreserved: list[tuple[str, str]] = field(
        default_factory=list
    )  # (server interface, why its address is not reserved)

    def own_in(self, subnet_id: int) -> tuple[Target, ...]:
        """Return the boot servers that redirected hosts of a subnet have, by name."""
        return tuple(target for _, target in sorted(self.own.get(subnet_id, {}).items()))

    def own_anywhere(self) -> tuple[Target, ...]:
        """Return the boot servers that redirected hosts have in any subnet, by name."""
        merged = {name: target for targets in self.own.values() for name, target in targets.items()}
        return tuple(target for _, target in sorted(merged.items()))


class SubnetIndex:
    """Finds the most specific subnet of an address: one dictionary look-up per prefix length in use."""

    def __init__(self, subnets: Iterable[Subnet]) -> None:
        self._by_prefix: dict[Prefix, Subnet] = {subnet.prefix: subnet for subnet in subnets}
        self._lengths = sorted({prefix.prefixlen for prefix in self._by_prefix}, reverse=True)

    def find(self, address: Address) -> Subnet | None:
        """Return the subnet that contains an address; None where none does."""
        for length in self._lengths:
            prefix = _prefix_around(address, length)
            if prefix in self._by_prefix:
                return self._by_prefix[prefix]
        return None


def reserve(inventory: Inventory, subnets: Sequence[Subnet], place: Placement, *, family: int) -> Reservations:
    """Put every interface that Kea can recognise in its place, in a stable order."""
    reserved, index = Reservations(), SubnetIndex(subnets)
    taken: dict[Address, str] = {}
    for server in sorted(inventory.servers, key=lambda server: server.name):
        for interface in server.interfaces:
            if identifier := _identifier(interface, family):
                subnet = _home(server, interface, index, taken, reserved, family=family)
                _reserve(reserved, server, interface, identifier, subnet, place=place, family=family)
    return reserved


def _identifier(interface: Interface, family: int) -> Json:
    """How Kea knows an interface: in v6 by DUID where the inventory has one, else by MAC."""
    if family == 6 and interface.duid:
        return {"duid": interface.duid}
    return {"hw-address": interface.mac} if interface.mac else {}


def _home(
    server: Server,
    interface: Interface,
    index: SubnetIndex,
    taken: dict[Address, str],
    reserved: Reservations,
    *,
    family: int,
) -> Subnet | None:
    """The subnet whose reservation gives the interface its address; None (and a note of it) where none can."""
    address = interface.ipv4 if family == 4 else interface.ipv6
    if address is None:
        return None
    name = f"{server.name} {interface.name}"
    subnet = index.find(address)
    if subnet is None:
        reserved.unreserved.append((name, f"{address} is in no subnet"))
    elif address in taken:
        reserved.unreserved.append((name, f"{address} is already reserved for {taken[address]}"))
        return None
    elif _unusable(address, subnet.prefix):
        reserved.unreserved.append((name, f"{address} is the network or broadcast address of {subnet.prefix}"))
        return None
    taken.setdefault(address, name)
    return subnet


def _reserve(
    reserved: Reservations,
    server: Server,
    interface: Interface,
    identifier: Mapping[str, object],
    subnet: Subnet | None,
    *,
    place: Placement,
    family: int,
) -> None:
    if subnet is None or subnet.kea_id is None:
        reserved.everywhere.append({**identifier, "hostname": server.name})
        return
    entry: Json = dict(identifier)
    if family == 4:
        entry["ip-address"] = str(interface.ipv4)
    else:
        entry["ip-addresses"] = [str(interface.ipv6)]
    entry["hostname"] = server.name
    target = place.target_for(server)
    if target is not None and target != place.target_of(subnet.location):
        entry.update(_redirection(target, family))
        reserved.own.setdefault(subnet.kea_id, {})[target.name] = target
    reserved.by_subnet.setdefault(subnet.kea_id, []).append(entry)


def _redirection(target: Target, family: int) -> Json:
    """What sends a host elsewhere. Never a boot file: that would hold for every stage of the boot (xCAT#7743)."""
    classes: Json = {"client-classes": [OWN_ROUTE, own_route(target)]}
    if family == 6:
        return classes
    option66: Json = {"name": "tftp-server-name", "data": str(target.address)}
    return {"next-server": str(target.address), "option-data": [option66], **classes}


def _prefix_around(address: Address, length: int) -> Prefix:
    return ip_network((address, length), strict=False)


def _unusable(address: Address, prefix: Prefix) -> bool:
    if prefix.version == 6 or prefix.prefixlen > 30:
        return False
    return address in (prefix.network_address, prefix.broadcast_address)
