"""Which interface of a server boots, and which subnet it stands in."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address

from nearboot.model import Interface, Inventory, Server, Subnet
from nearboot.model.place import parents_of, upwards


def boot_interface(server: Server) -> Interface | None:
    """The interface that netboots: the first that may and has a MAC, else the first of all."""
    bootable = [interface for interface in server.interfaces if interface.boot and interface.mac]
    return next(iter(bootable or server.interfaces), None)


def subnet_of(interface: Interface | None, inventory: Inventory, family: int) -> Subnet | None:
    """The subnet that holds the interface's address of a family."""
    address = (interface.ipv4 if family == 4 else interface.ipv6) if interface else None
    return next((subnet for subnet in inventory.subnets if address is not None and _holds(subnet, address)), None)


def subnets_of(server: Server, inventory: Inventory, family: int) -> list[Subnet]:
    """The subnets of its addresses, each once; without one those of the innermost place around it that has some."""
    by_address = [subnet_of(interface, inventory, family) for interface in server.interfaces]
    found = _once(subnet for subnet in by_address if subnet)
    for place in () if found else upwards(server.location, parents_of(inventory.locations)):
        found = [each for each in inventory.subnets if each.location == place and each.prefix.version == family]
        if found:
            break
    return found


def _once(subnets: Iterable[Subnet]) -> list[Subnet]:
    return list({subnet.prefix: subnet for subnet in subnets}.values())


def _holds(subnet: Subnet, address: object) -> bool:
    version = 6 if isinstance(address, IPv6Address) else 4
    return subnet.prefix.version == version and address in subnet.prefix
