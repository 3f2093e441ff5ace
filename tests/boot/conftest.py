"""A fleet of one: the server that the tests of boot configurations are about."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from nearboot.boot.host import HostBoot
from nearboot.boot.store import read_templates
from nearboot.model import (
    BootProfile,
    BootServer,
    HardwareModel,
    Image,
    Interface,
    Phase,
    Run,
    Server,
    Slug,
    Tier,
    mac_from_text,
)

TEMPLATES = Path(__file__).parent.parent.parent / "templates"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def templates() -> dict[str, str]:
    """The templates that nearboot ships."""
    return read_templates(TEMPLATES)


@pytest.fixture
def host() -> HostBoot:
    """A web server in Amsterdam in the middle of run 7, with arguments that each boot loader quotes differently."""
    interface = Interface("eth0", mac_from_text("52:54:00:00:00:1a"), ipv4=IPv4Address("10.77.0.104"))
    server = Server(
        "web01",
        Slug("ams1-r1"),
        tier=Slug("web"),
        model=Slug("dl360"),
        domain="ams1.example.net",
        uuid="4c4c4544-0033-3810-8034-b4c04f4d3132",
        interfaces=(interface,),
        params={"role": "cache text"},
    )
    return HostBoot(
        server,
        interface,
        tier=Tier(Slug("web")),
        model=HardwareModel(Slug("dl360"), console="ttyS1,115200n8"),
        profile=BootProfile(Slug("web-debian"), Slug("debian-12"), args=("ds=nocloud;s=http://10.0.0.1/a?b=1&c=$d",)),
        image=Image(
            Slug("debian-12"),
            kernel="images/debian-12/vmlinuz",
            initrd=("images/debian-12/initrd.gz", "/images/firmware.cpio"),
            args=("quiet", 'dyndbg="file a.c +p"'),
        ),
        boot_server=BootServer(
            Slug("ams1"), Slug("ams1"), IPv4Address("10.77.0.1"), IPv6Address("fd77::1"), "http://10.77.0.1:8080"
        ),
        run=Run(7, "web01", Phase.DHCP, NOW, NOW, token="3q2-7w"),
        client=IPv4Address("10.77.0.104"),
    )
