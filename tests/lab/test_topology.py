"""Topologies: the shipped one reads, broken ones say all that is wrong."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv6Interface

import pytest

from nearboot.errors import InputError
from nearboot.lab.topology import Topology, parse
from nearboot.model import Firmware

GOOD = """\
sites:
  - {name: ams, ipv4: 10.77.0.1/24}
  - {name: fra, ipv4: 10.78.0.1/24}
links:
  - {between: [ams, fra], delay_ms: 4}
kea: [{site: ams}]
boot_servers:
  - {name: b1, site: ams, ipv4: 10.77.0.2}
vms:
  - {name: v1, site: ams, mac: 52-54-00-77-00-01}
"""


def test_two_sites_is_read_whole(two_sites: Topology) -> None:
    """The shipped file gives sites, link, boot servers, Kea and both machines."""
    ams, fra = two_sites.sites
    assert (ams.ipv4, ams.ipv6) == (IPv4Interface("10.77.0.1/24"), IPv6Interface("fd77::1/64"))
    assert (fra.ipv4, fra.ipv6) == (IPv4Interface("10.78.0.1/24"), IPv6Interface("fd78::1/64"))
    assert [(link.a, link.b, link.delay_ms) for link in two_sites.links] == [("ams", "fra", 4.0)]
    assert two_sites.kea == ("ams",)
    assert [(n.name, n.site, n.ipv4) for n in two_sites.boot_servers] == [
        ("ams-boot", "ams", IPv4Address("10.77.0.2")),
        ("fra-boot", "fra", IPv4Address("10.78.0.2")),
    ]
    assert [(m.name, m.mac, m.firmware) for m in two_sites.machines] == [
        ("web-ams-01", "52:54:00:77:00:01", Firmware.BIOS),
        ("web-ams-02", "52:54:00:77:00:02", Firmware.UEFI),
    ]


def test_what_is_left_out_has_its_default() -> None:
    """The name comes from the file's, facts of machines stay open, any spelling of a MAC is read."""
    topology = parse(GOOD, "somewhere/My-Lab.yaml")
    (machine,) = topology.machines
    assert topology.name == "my-lab"
    assert (machine.mac, machine.firmware, machine.memory_mb) == ("52:54:00:77:00:01", None, 512)
    assert topology.links[0].rate_mbit is None


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        pytest.param("10.78.0.1/24", "10.77.0.9/16", "sites[1].ipv4: found 10.77.0.0/16", id="overlap"),
        pytest.param("10.78.0.1/24", "100.64.1.1/24", "apart from 100.64.0.0/16 of the links", id="transit"),
        pytest.param("10.78.0.1/24", "10.78.0.0/24", "sites[1].ipv4: found '10.78.0.0/24'", id="network-address"),
        pytest.param("10.78.0.1/24", "10.78.0.1", "sites[1].ipv4: found '10.78.0.1'", id="no-prefix"),
        pytest.param(", ipv4: 10.78.0.1/24", "", "sites[1].ipv4: found no address", id="no-address"),
        pytest.param("name: fra", "name: ams", "sites[1].name: found 'ams' a second time", id="site-twice"),
        pytest.param("[ams, fra]", "[ams, ams]", "links[0].between: found ams, ams", id="loop"),
        pytest.param("[ams, fra]", "[ams, par]", "links[0].between: found 'par'", id="unknown-end"),
        pytest.param("[ams, fra]", "ams", "links[0].between: found a value", id="not-a-list"),
        pytest.param("delay_ms: 4", "delay_ms: -1", "links[0].delay_ms: found '-1'", id="negative-delay"),
        pytest.param("delay_ms: 4", "delay_ms: nan", "links[0].delay_ms: found 'nan'", id="not-a-number"),
        pytest.param("delay_ms: 4", "delay_ms: 4, loss: 2", "links[0].loss: found '2'", id="loss"),
        pytest.param("  - {between: [ams, fra], delay_ms: 4}", "  []", "which no link joins to ams", id="apart"),
        pytest.param("kea: [{site: ams}]", "", "kea: found nothing", id="no-kea"),
        pytest.param("kea: [{site: ams}]", "kea: [{site: fra}]", "vms[0].site: found ams, where no Kea", id="no-dhcp"),
        pytest.param("10.77.0.2", "10.77.1.2", "boot_servers[0].ipv4: found 10.77.1.2", id="outside"),
        pytest.param("10.77.0.2", "10.77.0.1", "found 10.77.0.1 a second time", id="gateway-taken"),
        pytest.param("10.77.0.2", "fd00::1", "boot_servers[0].ipv4: found 'fd00::1'", id="wrong-family"),
        pytest.param("site: ams, mac", "site: xx, mac", "vms[0].site: found 'xx'", id="unknown-site"),
        pytest.param("52-54-00-77-00-01", "52-54", "vms[0].mac: found '52-54'", id="bad-mac"),
        pytest.param("site: ams, mac", "firmware: coreboot, site: ams, mac", "vms[0].firmware", id="bad-firmware"),
        pytest.param("site: ams, mac", "memory_mb: 16, site: ams, mac", "vms[0].memory_mb: found '16'", id="memory"),
        pytest.param("site: ams, mac", "cpus: 2, site: ams, mac", "vms[0].cpus: found an unknown field", id="unknown"),
    ],
)
def test_each_fault_is_named(old: str, new: str, fault: str) -> None:
    """A fault names field, what was found and what was expected."""
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        parse(GOOD.replace(old, new), "lab.yaml")
    assert fault in str(caught.value)
    assert all(f.file == "lab.yaml" and f.line for f in caught.value.faults)


def test_all_faults_are_reported_at_once() -> None:
    """Faults of different parts do not hide each other."""
    text = GOOD.replace("delay_ms: 4", "delay_ms: x").replace("52-54-00-77-00-01", "mac").replace("10.77.0.2", "here")
    with pytest.raises(InputError) as caught:
        parse(text, "lab.yaml")
    assert [fault.line for fault in caught.value.faults] == [5, 8, 10]
