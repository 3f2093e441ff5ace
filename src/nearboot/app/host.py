"""Which interface of a server boots, and which subnet it stands in."""

from __future__ import annotations

from ipaddress import IPv6Address

from nearboot.model import Interface, Inventory, Server, Subnet


def boot_interface(server: Server) -> Interface | None:
    """The interface that netboots: the first that may and has a MAC, else the first of all."""
    bootable = [interface for interface in server.interfaces if interface.boot and interface.mac]
    return next(iter(bootable or server.interfaces), None)


def subnet_of(interface: Interface | None, inventory: Inventory, family: int) -> Subnet | None:
    """The subnet that holds the interface's address of a family."""
    address = (interface.ipv4 if family == 4 else interface.ipv6) if interface else None
    return next((subnet for subnet in inventory.subnets if address is not None and _holds(subnet, address)), None)


def _holds(subnet: Subnet, address: object) -> bool:
    version = 6 if isinstance(address, IPv6Address) else 4
    return subnet.prefix.version == version and address in subnet.prefix
