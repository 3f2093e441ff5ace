"""Facts: what the topology leaves out comes from the inventory, and the two must not disagree."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from nearboot.errors import InputError
from nearboot.lab.facts import complete
from nearboot.lab.topology import Topology
from nearboot.model import BootServer, Firmware, HardwareModel, Interface, Mac, Server, Slug

BOOT_SERVERS = (
    BootServer(Slug("ams-boot"), Slug("ams"), IPv4Address("10.77.0.2")),
    BootServer(Slug("fra-boot"), Slug("fra"), IPv4Address("10.78.0.2")),
)
MODELS = (HardwareModel(Slug("vm-bios"), firmware=Firmware.BIOS), HardwareModel(Slug("vm-uefi")))


def _server(name: str, model: str, mac: str) -> Server:
    interfaces = (Interface("bmc", Mac("02:00:00:00:00:00"), boot=False), Interface("eth0", Mac(mac)))
    return Server(name, Slug("ams"), model=Slug(model), interfaces=interfaces)


SERVERS = (
    _server("web-ams-01", "vm-bios", "52:54:00:77:00:01"),
    _server("web-ams-02", "vm-uefi", "52:54:00:77:00:02"),
)


def _bare(topology: Topology) -> Topology:
    machines = tuple(replace(machine, mac=None, firmware=None) for machine in topology.machines)
    nodes = tuple(replace(node, ipv4=None, ipv6=None) for node in topology.boot_servers)
    return replace(topology, machines=machines, boot_servers=nodes)


def test_open_facts_come_from_the_inventory(two_sites: Topology) -> None:
    """MAC of the first boot interface, firmware of the model, address of the boot server."""
    done = complete(_bare(two_sites), "t.yaml", servers=SERVERS, models=MODELS, boot_servers=BOOT_SERVERS)
    assert [(m.mac, m.firmware) for m in done.machines] == [
        ("52:54:00:77:00:01", Firmware.BIOS),
        ("52:54:00:77:00:02", Firmware.UEFI),
    ]
    assert [str(node.ipv4) for node in done.boot_servers] == ["10.77.0.2", "10.78.0.2"]


def test_a_complete_topology_stays_as_it_is(two_sites: Topology) -> None:
    """What agrees with the inventory changes nothing."""
    done = complete(two_sites, "t.yaml", servers=SERVERS, models=MODELS, boot_servers=BOOT_SERVERS)
    assert done == two_sites


def test_contradictions_and_strangers_are_all_named(two_sites: Topology) -> None:
    """Another MAC, another address, an unknown server and an unknown boot server are four faults."""
    servers = (_server("web-ams-01", "vm-bios", "52:54:00:77:00:99"),)
    boot_servers = (replace(BOOT_SERVERS[0], ipv4=IPv4Address("10.77.0.3")),)
    with pytest.raises(InputError) as caught:
        complete(two_sites, "t.yaml", servers=servers, models=MODELS, boot_servers=boot_servers)
    assert [fault.field for fault in caught.value.faults] == [
        "vms[web-ams-01].mac",
        "vms[web-ams-02].name",
        "boot_servers[ams-boot].ipv4",
        "boot_servers[fra-boot].name",
    ]


def test_facts_that_nobody_knows_are_faults(two_sites: Topology) -> None:
    """A machine needs MAC and firmware, a boot server an address, from one side or the other."""
    servers = tuple(replace(server, interfaces=(), model=None) for server in SERVERS)
    boot_servers = tuple(replace(b, ipv4=None) for b in BOOT_SERVERS)
    with pytest.raises(InputError) as caught:
        complete(_bare(two_sites), "t.yaml", servers=servers, models=(), boot_servers=boot_servers)
    assert len(caught.value.faults) == 6
