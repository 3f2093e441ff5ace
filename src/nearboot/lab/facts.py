"""Joins a topology with the inventory: fills in what the file left out and refuses contradictions.

It does not read the inventory: the composition root hands over its values.

    complete(topology, "two-sites.yaml", servers=servers, models=models, boot_servers=boot_servers)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from nearboot.errors import Fault, InputError
from nearboot.lab.topology import BootNode, Machine, Topology
from nearboot.model import BootServer, Firmware, HardwareModel, Mac, Server, Slug

T = TypeVar("T")


def complete(
    topology: Topology,
    file: str,
    *,
    servers: Iterable[Server],
    models: Iterable[HardwareModel],
    boot_servers: Iterable[BootServer],
) -> Topology:
    """Give the topology with every MAC, firmware and address known; ``InputError`` with all that is wrong."""
    faults: list[Fault] = []
    by_name = {server.name: server for server in servers}
    firmware = {model.slug: model.firmware for model in models}
    by_slug = {boot_server.name: boot_server for boot_server in boot_servers}
    machines = tuple(_machine(m, by_name.get(m.name), firmware, (file, faults)) for m in topology.machines)
    nodes = tuple(_node(node, by_slug.get(node.name), (file, faults)) for node in topology.boot_servers)
    if faults:
        raise InputError(faults)
    return replace(topology, machines=machines, boot_servers=nodes)


def _machine(
    machine: Machine, server: Server | None, firmware: Mapping[Slug, Firmware], report: tuple[str, list[Fault]]
) -> Machine:
    file, faults = report
    place = f"vms[{machine.name}]"
    if server is None:
        faults.append(Fault(file, 0, f"{place}.name", f"{machine.name!r}, unknown to the inventory", "a server's name"))
        return machine
    mac = _agree(machine.mac, _boot_mac(server), f"{place}.mac", report)
    told = firmware.get(server.model) if server.model else None
    kind = machine.firmware or told  # a virtual machine may be made of either kind, whatever the model says
    if kind is None:
        faults.append(Fault(file, 0, f"{place}.firmware", "nothing, nor a hardware model", "bios or uefi"))
    return replace(machine, mac=mac, firmware=kind)


def _node(node: BootNode, known: BootServer | None, report: tuple[str, list[Fault]]) -> BootNode:
    file, faults = report
    place = f"boot_servers[{node.name}]"
    if known is None:
        faults.append(Fault(file, 0, f"{place}.name", f"{node.name!r}, unknown to the inventory", "a boot server"))
        return node
    if node.ipv4 is None and node.ipv6 is None and known.ipv4 is None and known.ipv6 is None:
        faults.append(Fault(file, 0, f"{place}.ipv4", "nothing, nor in the inventory", "an address"))
    ipv4 = _agree(node.ipv4, known.ipv4, f"{place}.ipv4", report, required=False)
    ipv6 = _agree(node.ipv6, known.ipv6, f"{place}.ipv6", report, required=False)
    return replace(node, ipv4=ipv4, ipv6=ipv6)


def _agree(
    here: T | None, there: T | None, field: str, report: tuple[str, list[Fault]], *, required: bool = True
) -> T | None:
    """Give the one value that the file and the inventory agree on."""
    file, faults = report
    if here is not None and there is not None and here != there:
        faults.append(Fault(file, 0, field, str(here), f"{there}, as the inventory says"))
    elif here is None and there is None and required:
        faults.append(Fault(file, 0, field, "nothing, nor in the inventory", "a value in one of them"))
    return here if here is not None else there


def _boot_mac(server: Server) -> Mac | None:
    return next((interface.mac for interface in server.interfaces if interface.boot and interface.mac), None)
