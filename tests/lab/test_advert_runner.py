"""The advertiser: its command line, and a real host that learns from it."""

from __future__ import annotations

import asyncio
from ipaddress import IPv6Network
from pathlib import Path

import pytest

from nearboot.lab.advert_runner import command, main
from nearboot.lab.runner import Lab
from nearboot.lab.topology import Topology


def test_the_command_names_interface_and_prefix() -> None:
    """``--managed`` only where DHCPv6 gives the addresses."""
    argv = command(interface="nb-lan", prefix=IPv6Network("fd77::/64"), python="python3")
    assert " ".join(argv) == "python3 -m nearboot.lab.advert_runner --interface nb-lan --prefix fd77::/64"
    assert command(interface="x", prefix=IPv6Network("fd77::/64"), python="p", managed=True)[-1] == "--managed"


def test_help_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """The module explains itself when run by hand."""
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "Advertises an IPv6 prefix." in capsys.readouterr().out


@pytest.mark.root
def test_a_host_of_the_site_gets_an_address_and_a_router(own_lab: Topology, tmp_path: Path) -> None:
    """Linux is the witness: a host that listens to advertisements forms an address of the site's prefix."""

    async def scenario() -> str:
        async with Lab(own_lab, tmp_path / "run", state_dir=tmp_path / "state") as lab:
            host = lab.boot_server("ams-boot")

            async def learned() -> bool:
                return "fd77::" in await lab.run(host, ["ip", "-6", "addr", "show", "dev", "eth0", "dynamic"])

            await lab.run(host, ["sysctl", "-qw", "net.ipv6.conf.eth0.accept_ra=2"])
            await lab.run(host, ["ip", "link", "set", "eth0", "down"])
            await lab.run(host, ["ip", "link", "set", "eth0", "up"])  # Linux solicits now
            await lab.start("witness", host, ["sleep", "600"], ready=learned)
            return await lab.run(host, ["ip", "-6", "route", "show", "default", "proto", "ra"])

    assert "via fe80::6e:62ff:fe00:100 dev eth0" in asyncio.run(scenario())
