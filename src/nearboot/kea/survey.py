"""Counts what of the inventory has reached a Kea configuration, and names what has not, or only in part.

survey(inputs, build4(inputs, settings)).unreserved
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nearboot.kea.document import body, family_of, rows, subnets
from nearboot.kea.place import placement
from nearboot.kea.reservation import reserve
from nearboot.kea.settings import KeaInputs
from nearboot.model import Inventory


@dataclass(frozen=True, slots=True)
class Survey:
    """One configuration against the inventory that it was made from."""

    family: int
    hosts: int  # servers with an interface that Kea can recognise
    interfaces: int  # interfaces that Kea can recognise: with a MAC (or, in DHCPv6, a DUID)
    reserved_addresses: int  # reservations in a subnet
    reserved_names: int  # global reservations: a host name, no address
    subnets: int
    unreserved: tuple[tuple[str, str], ...] = ()  # (interface or server, why it, or its address, could not be reserved)
    subnets_without_server: tuple[str, ...] = ()  # prefixes whose location has no usable boot server
    odd_ports: tuple[str, ...] = ()  # DHCPv4 cannot say a TFTP port: boot servers in use that listen elsewhere than 69

    @property
    def complete(self) -> bool:
        """Tell whether each recognisable interface has exactly one reservation."""
        return self.reserved_addresses + self.reserved_names == self.interfaces


def survey(inputs: KeaInputs, config: Mapping[str, object]) -> Survey:
    """Compare a generated configuration with its inputs."""
    family, document = family_of(config), body(config)
    found = [subnet for _, subnet in subnets(document, family)]
    of_family = [subnet for subnet in inputs.inventory.subnets if subnet.prefix.version == family]
    place = placement(inputs, family=family)
    targets = {subnet: place.target_of(subnet.location) for subnet in of_family}
    recognisable = [
        (server.name, interface.name)
        for server in inputs.inventory.servers
        for interface in server.interfaces
        if interface.mac or (family == 6 and interface.duid)
    ]
    used = {target.name: target.tftp_port for target in targets.values() if target}
    return Survey(
        family=family,
        hosts=len({name for name, _ in recognisable}),
        interfaces=len(recognisable),
        reserved_addresses=sum(len(rows(subnet.get("reservations"))) for subnet in found),
        reserved_names=len(rows(document.get("reservations"))),
        subnets=len(found),
        unreserved=(
            *reserve(inputs.inventory, of_family, place, family=family).unreserved,
            *_unknown_to_kea(inputs.inventory, {name for name, _ in recognisable}, family),
        ),
        subnets_without_server=tuple(sorted(str(subnet.prefix) for subnet, target in targets.items() if not target)),
        odd_ports=tuple(sorted(name for name, port in used.items() if port != 69 and family == 4)),
    )


def _unknown_to_kea(inventory: Inventory, recognisable: set[str], family: int) -> list[tuple[str, str]]:
    """The servers that no reservation can be for: Kea has nothing to know them by."""
    why = "it has no MAC" if family == 4 else "it has neither MAC nor DUID"
    return [(server.name, why) for server in inventory.servers if server.name not in recognisable]
