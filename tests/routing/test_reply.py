"""What Kea tells a server, and when it tells it nothing."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from nearboot.model import BootServer, Interface, Server, Slug, duid_from_text, mac_from_text
from nearboot.routing.reply import Reply, reply

BOOT = BootServer(Slug("boot"), Slug("gru"), IPv4Address("10.1.0.5"), IPv6Address("2001:db8:1::5"))
WEB1 = Server("web1", Slug("gru"))
MAC = Interface("eth0", mac_from_text("52:54:00:00:00:01"))
DUID = Interface("eth0", duid=duid_from_text("00030001525400000001"))
BOTH = {"BIOS": "pxelinux.0", "UEFI x64": "grubnetx64.efi"}


def _reply(
    family: int = 4,
    *,
    interface: Interface | None = MAC,
    chosen: BootServer | None = BOOT,
    networked: bool = True,
    boot_files: dict[str, str] | None = None,
) -> Reply:
    files = {"": "pxelinux.0"} if boot_files is None else boot_files
    return reply(WEB1, family, interface=interface, chosen=chosen, networked=networked, boot_files=files)


@pytest.mark.parametrize(
    ("found", "line"),
    [
        pytest.param(_reply(), "Kea will say: next-server 10.1.0.5, boot file pxelinux.0", id="v4"),
        pytest.param(_reply(6), "Kea will say: bootfile-url tftp://[2001:db8:1::5]/pxelinux.0", id="v6"),
        pytest.param(
            _reply(6, chosen=replace(BOOT, tftp_port=6969)),
            "Kea will say: bootfile-url tftp://[2001:db8:1::5]:6969/pxelinux.0",
            id="port",
        ),
        pytest.param(
            _reply(boot_files=BOTH),
            "Kea will say: next-server 10.1.0.5, "
            "boot file by the client's architecture: pxelinux.0 (BIOS) or grubnetx64.efi (UEFI x64)",
            id="no model",
        ),
        pytest.param(
            _reply(interface=None),
            "Kea knows it by nothing (no MAC): no reservation; "
            "as an unknown client (kea.unknown_clients) it may be told: next-server 10.1.0.5, boot file pxelinux.0",
            id="stranger",
        ),
    ],
)
def test_what_kea_says(found: Reply, line: str) -> None:
    """next-server in DHCPv4; the host of a URL in brackets in DHCPv6, and its port where it is not 69."""
    assert found.lines(6 if "url" in line else 4) == [line]


@pytest.mark.parametrize(
    ("found", "cannot"),
    [
        pytest.param(_reply(6, networked=False), "no IPv6 subnet at gru", id="subnet"),
        pytest.param(_reply(6, boot_files={}), "its firmware has no network boot over IPv6", id="firmware"),
        pytest.param(_reply(chosen=None), "no boot server", id="boot server"),
    ],
)
def test_what_keeps_a_server_from_booting_is_named(found: Reply, cannot: str) -> None:
    """Kea says nothing then: no URL without a file."""
    assert (found.cannot, found.says, found.lines(6)) == (cannot, "", [])


def test_a_duid_is_enough_over_ipv6_alone() -> None:
    """DHCPv4 knows clients by their MAC."""
    assert [_reply(family, interface=DUID).stranger for family in (4, 6)] == [True, False]
