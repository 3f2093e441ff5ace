"""The configurations that are built: golden files, determinism, and real Kea answering real packets with them."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from uuid import UUID

import pytest

from nearboot.errors import ConfigError, PeerError
from nearboot.kea.check import check4, check6
from nearboot.kea.config import build4, build6, render
from nearboot.kea.settings import KeaInputs, KeaSettings, SocketType, UnknownClients
from nearboot.model import Mac, mac_from_text
from nearboot.probe.client import ask4, ask6, boot4, boot6
from nearboot.probe.firmware import FIRMWARES, Reply4, Reply6

from .conftest import AMS, Daemon, Starter, make_server

GOLDEN = Path(__file__).parent / "golden"
STRANGER = mac_from_text("02:00:00:00:00:99")
WEB, STRAY, NAMELESS, BY_DUID = (mac_from_text(f"52:54:00:00:00:0{n}") for n in (1, 3, 4, 5))
AMS4, SIN4 = IPv4Address("10.10.0.1"), IPv4Address("10.20.0.1")
AMS6, SIN6 = IPv6Address("fd10::1"), IPv6Address("fd20::1")


async def ask(daemon: Daemon, firmware: str, giaddr: IPv4Address, mac: Mac = STRANGER) -> Reply4:
    return await ask4(FIRMWARES[firmware], mac, giaddr=giaddr, server=daemon.server, local=daemon.local, timeout_s=20.0)


async def solicit(daemon: Daemon, firmware: str, link: IPv6Address, mac: Mac = STRANGER) -> Reply6:
    return await ask6(FIRMWARES[firmware], mac, link=link, server=daemon.server, local=daemon.local, timeout_s=20.0)


@pytest.mark.parametrize("family", [4, 6])
def test_the_configuration_is_that_of_the_golden_file(fleet: KeaInputs, family: int) -> None:
    """A change of the output is a change of the golden file: reviewed, never incidental."""
    settings = KeaSettings(interfaces4=("eth0",), interfaces6=("eth0",))
    text = render(build4(fleet, settings) if family == 4 else build6(fleet, settings))
    assert text == (GOLDEN / f"kea-dhcp{family}.json").read_text()


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_inventory_changes_nothing(fleet: KeaInputs, seed: int) -> None:
    """The same database gives the same bytes, in whatever order its rows come."""
    shuffle = random.Random(seed)
    inventory = fleet.inventory
    mixed = replace(
        inventory,
        servers=tuple(shuffle.sample(inventory.servers, len(inventory.servers))),
        subnets=tuple(shuffle.sample(inventory.subnets, len(inventory.subnets))),
        locations=tuple(shuffle.sample(inventory.locations, len(inventory.locations))),
        boot_servers=tuple(shuffle.sample(inventory.boot_servers, len(inventory.boot_servers))),
    )
    inputs = replace(fleet, inventory=mixed, routes=tuple(shuffle.sample(fleet.routes, len(fleet.routes))))
    assert render(build4(inputs, KeaSettings())) == render(build4(fleet, KeaSettings()))
    assert render(build6(inputs, KeaSettings())) == render(build6(fleet, KeaSettings()))


def test_our_own_checks_find_nothing_in_what_we_build(fleet: KeaInputs) -> None:
    """The builder never makes what the checks warn of."""
    assert check4(build4(fleet, KeaSettings())) == ()
    assert check6(build6(fleet, KeaSettings())) == ()


def test_rendered_text_reads_back_as_the_same_configuration(fleet: KeaInputs) -> None:
    """The layout is for people; the content is JSON."""
    config = build4(fleet, KeaSettings())
    assert json.loads(render(config)) == config


def test_a_subnet_without_a_kea_id_is_refused(fleet: KeaInputs) -> None:
    """Leases refer to the id: Kea must never be left to number subnets by itself."""
    without = replace(fleet.inventory.subnets[0], kea_id=None)
    inputs = replace(fleet, inventory=replace(fleet.inventory, subnets=(without,)))
    with pytest.raises(ConfigError, match=r"10\.10\.0\.0/24"):
        build4(inputs, KeaSettings())


def test_settings_reach_the_configuration(fleet: KeaInputs) -> None:
    """What an operator sets stands where Kea reads it."""
    settings = KeaSettings(
        interfaces4=("br0",),
        socket_type=SocketType.UDP,
        attached={fleet.inventory.subnets[2].prefix: "br0"},
        unknown_clients=UnknownClients.IGNORE,
        option67_for_pxe=True,
        valid_lifetime_s=600,
    )
    four, six = build4(fleet, settings)["Dhcp4"], build6(fleet, settings)["Dhcp6"]
    assert isinstance(four, dict) and isinstance(six, dict)
    assert four["interfaces-config"] == {"interfaces": ["br0"], "dhcp-socket-type": "udp"}
    assert four["valid-lifetime"] == 600
    assert four["subnet4"][0]["pools"][0]["client-class"] == "KNOWN"
    assert [subnet.get("interface") for subnet in six["subnet6"]] == ["br0", None]
    bios = next(entry for entry in four["client-classes"] if entry["name"] == "pxe-bios")
    assert bios["option-data"] == [{"name": "boot-file-name", "data": "pxelinux.0"}]


@pytest.mark.kea
@pytest.mark.parametrize(
    ("firmware", "file"),
    [
        pytest.param("bios", "pxelinux.0", id="bios"),
        pytest.param("uefi-x64", "grubnetx64.efi", id="x64"),
        pytest.param("uefi-bc", "grubnetx64.efi", id="x64-by-its-other-number"),
        pytest.param("uefi-arm64", "grubnetaa64.efi", id="arm64"),
        pytest.param("uefi-ia32", "", id="no-rule-for-the-architecture"),
    ],
)
async def test_kea_tells_each_architecture_its_file_and_each_site_its_server(
    kea: Starter, fleet: KeaInputs, firmware: str, file: str
) -> None:
    """Boot file by client architecture, next-server and option 66 by subnet: they merge in one reply."""
    async with kea(4, fleet) as daemon:
        for giaddr, server in ((AMS4, "10.10.0.2"), (SIN4, "10.20.0.2")):
            reply = await ask(daemon, firmware, giaddr)
            assert (str(reply.siaddr), reply.file, reply.option66) == (server, file, server)
            assert reply.option60 == ""  # "PXEClient" here would send UEFI to port 4011
            assert reply.option67 == ""


@pytest.mark.kea
async def test_http_clients_get_a_url_of_their_sites_server_and_their_vendor_class_back(
    kea: Starter, fleet: KeaInputs
) -> None:
    """UEFI HTTP boot ignores an offer without option 60 "HTTPClient" and without a URL."""
    async with kea(4, fleet) as daemon:
        near, far = await ask(daemon, "http-x64", AMS4), await ask(daemon, "http-x64", SIN4)
    assert (near.file, near.option60) == ("http://10.10.0.2:8080/ipxe.efi", "HTTPClient")
    assert (far.file, far.option60) == ("http://boot-sin.example.net/ipxe.efi", "HTTPClient")
    assert near.option67 == near.file


@pytest.mark.kea
@pytest.mark.parametrize("firmware", ["ipxe-bios", "ipxe-x64"])
async def test_ipxe_gets_a_script_and_never_an_nbp_again(kea: Starter, fleet: KeaInputs, firmware: str) -> None:
    """iPXE sends the architecture of the firmware below it; by that alone it would load itself for ever."""
    async with kea(4, fleet) as daemon:
        assert (await ask(daemon, firmware, AMS4)).file == "http://10.10.0.2:8080/boot.ipxe"
    without = replace(fleet, nbp_rules4=tuple(rule for rule in fleet.nbp_rules4 if rule.name != "ipxe"))
    async with kea(4, without) as daemon:
        assert (await ask(daemon, firmware, AMS4)).file == ""


@pytest.mark.kea
async def test_installers_and_systems_get_no_boot_file(kea: Starter, fleet: KeaInputs) -> None:
    """debian-installer takes a boot file for a preseed and halts; others have no use for one."""
    async with kea(4, fleet) as daemon:
        assert [(await ask(daemon, name, AMS4)).file for name in ("d-i", "udhcp")] == ["", ""]
    async with kea(6, fleet) as daemon:
        assert [(await solicit(daemon, name, AMS6)).bootfile_url for name in ("d-i", "udhcp")] == ["", ""]


@pytest.mark.kea
async def test_a_host_of_another_site_is_sent_to_that_sites_server(kea: Starter, fleet: KeaInputs) -> None:
    """A reservation overrides its subnet's boot server where the host's own route differs, for every stage."""
    async with kea(4, fleet) as daemon:
        reply = await boot4(
            FIRMWARES["uefi-x64"], STRAY, giaddr=AMS4, server=daemon.server, local=daemon.local, timeout_s=20.0
        )
        assert (str(reply.yiaddr), reply.hostname) == ("10.10.0.23", "stray-1")
        assert (str(reply.siaddr), reply.option66, reply.file) == ("10.20.0.2", "10.20.0.2", "grubnetx64.efi")
        assert (await ask(daemon, "http-x64", AMS4, STRAY)).file == "http://boot-sin.example.net/ipxe.efi"
    async with kea(6, fleet) as daemon:
        six = await boot6(
            FIRMWARES["uefi-x64"], STRAY, link=AMS6, server=daemon.server, local=daemon.local, timeout_s=20.0
        )
        assert [str(address) for address in six.addresses] == ["fd10::23"]
        assert six.bootfile_url == "tftp://[fd20::2]/grubnetx64.efi"


@pytest.mark.kea
async def test_reserved_hosts_get_their_address_and_name(kea: Starter, fleet: KeaInputs) -> None:
    """By MAC in its subnet, or by MAC anywhere with a name alone."""
    async with kea(4, fleet) as daemon:
        web, nameless = await ask(daemon, "uefi-x64", AMS4, WEB), await ask(daemon, "bios", SIN4, NAMELESS)
    assert (str(web.yiaddr), web.hostname) == ("10.10.0.21", "web-ams-1")
    assert (str(nameless.yiaddr), nameless.hostname) == ("10.20.0.100", "nameless-1")


@pytest.mark.kea
@pytest.mark.parametrize(
    ("firmware", "near", "far"),
    [
        pytest.param("uefi-x64", "tftp://[fd10::2]/grubnetx64.efi", "tftp://[fd20::2]/grubnetx64.efi", id="x64"),
        pytest.param("uefi-arm64", "tftp://[fd10::2]/grubnetaa64.efi", "tftp://[fd20::2]/grubnetaa64.efi", id="arm64"),
        pytest.param(
            "http-x64", "http://[fd10::2]:8080/ipxe.efi", "http://boot-sin.example.net/ipxe.efi", id="http-x64"
        ),
        pytest.param("ipxe-x64", "http://[fd10::2]:8080/boot.ipxe", "http://boot-sin.example.net/boot.ipxe", id="ipxe"),
        pytest.param("uefi-ia32", "", "", id="no-rule-for-the-architecture"),
    ],
)
async def test_kea6_tells_each_architecture_at_each_site_its_url(
    kea: Starter, fleet: KeaInputs, firmware: str, near: str, far: str
) -> None:
    """Option 59 holds file and server: the product of architecture and site; option 16 back to HTTP clients alone."""
    async with kea(6, fleet) as daemon:
        here, there = await solicit(daemon, firmware, AMS6), await solicit(daemon, firmware, SIN6)
    assert (here.bootfile_url, there.bootfile_url) == (near, far)
    assert here.vendor_class == ("HTTPClient" if firmware.startswith("http") else "")


@pytest.mark.kea
async def test_kea6_knows_a_host_by_duid_where_the_inventory_has_one(kea: Starter, fleet: KeaInputs) -> None:
    """Our client's DUID-LLT is not the DUID-LL of the reservation: that client is a stranger to Kea."""
    async with kea(6, fleet) as daemon:
        web, other = await solicit(daemon, "uefi-x64", AMS6, WEB), await solicit(daemon, "uefi-x64", AMS6, BY_DUID)
    assert [str(address) for address in web.addresses] == ["fd10::21"]
    assert [str(address) for address in other.addresses] != ["fd10::25"]


@pytest.mark.kea
async def test_kea6_knows_a_firmware_with_a_duid_uuid_by_the_mac_in_its_link_local_address(
    kea: Starter, fleet: KeaInputs
) -> None:
    """A DUID-UUID holds no MAC. Kea trusts the address for a universal MAC only, which those of real machines are."""
    mac = "00:16:3e:00:00:07"
    server = make_server("uuid-1", AMS, mac, ipv6="fd10::27")
    inputs = replace(fleet, inventory=replace(fleet.inventory, servers=(server,)))
    async with kea(6, inputs) as daemon:
        reply = await ask6(
            FIRMWARES["uefi-x64"],
            mac_from_text(mac),
            link=AMS6,
            server=daemon.server,
            local=daemon.local,
            uuid=UUID(int=7),
            timeout_s=20.0,
        )
    assert [str(address) for address in reply.addresses] == ["fd10::27"]


@pytest.mark.kea
async def test_draining_the_near_server_moves_its_clients_to_the_far_one(kea: Starter, drained: KeaInputs) -> None:
    """Another route is another next-server: nothing else of the reply changes."""
    async with kea(4, drained) as daemon:
        reply = await ask(daemon, "uefi-x64", AMS4)
    assert (str(reply.siaddr), reply.option66, reply.file) == ("10.20.0.2", "10.20.0.2", "grubnetx64.efi")
    async with kea(6, drained) as daemon:
        assert (await solicit(daemon, "uefi-x64", AMS6)).bootfile_url == "tftp://[fd20::2]/grubnetx64.efi"


@pytest.mark.kea
async def test_unknown_clients_can_be_left_unanswered(kea: Starter, fleet: KeaInputs) -> None:
    """With IGNORE only a client that has a reservation (also one of a name alone) gets an address from a pool."""
    async with kea(4, fleet, unknown_clients=UnknownClients.IGNORE) as daemon:
        assert str((await ask(daemon, "bios", AMS4, NAMELESS)).yiaddr) == "10.10.0.100"
        with pytest.raises(PeerError, match="no answer"):
            await ask4(
                FIRMWARES["bios"], STRANGER, giaddr=AMS4, server=daemon.server, local=daemon.local, timeout_s=0.5
            )


@pytest.mark.kea
async def test_a_comma_in_a_path_arrives_whole(kea: Starter, fleet: KeaInputs) -> None:
    """Kea ends option data at a bare comma; ours is escaped."""
    odd = tuple(replace(rule, path="a,b/ipxe.efi") for rule in fleet.nbp_rules4 if rule.name == "http-x64")
    async with kea(4, replace(fleet, nbp_rules4=odd)) as daemon:
        reply = await ask(daemon, "http-x64", AMS4)
        assert reply.option67 == reply.file == "http://10.10.0.2:8080/a,b/ipxe.efi"
    async with kea(6, replace(fleet, nbp_rules6=odd)) as daemon:
        assert (await solicit(daemon, "http-x64", AMS6)).bootfile_url == "http://[fd10::2]:8080/a,b/ipxe.efi"
