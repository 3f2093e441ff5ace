"""The table of firmwares."""

from __future__ import annotations

import pytest

from nearboot.probe.firmware import FIRMWARES, Firmware


@pytest.mark.parametrize("firmware", FIRMWARES.values(), ids=lambda firmware: firmware.name)
def test_the_vendor_class_says_the_same_architecture_as_the_option(firmware: Firmware) -> None:
    """RFC 4578 section 2.3: "PXEClient:Arch:xxxxx:UNDI:yyyzzz"."""
    if firmware.arch is None:
        assert "Client:Arch" not in firmware.vendor_class
    else:
        assert f":Arch:{firmware.arch:05d}:UNDI:" in firmware.vendor_class


@pytest.mark.parametrize("firmware", FIRMWARES.values(), ids=lambda firmware: firmware.name)
def test_every_netbooting_client_asks_for_the_boot_file(firmware: Firmware) -> None:
    """Kea sends options only to clients that ask for them."""
    if firmware.arch is not None:
        assert 67 in firmware.parameters and 59 in firmware.request6


def test_http_clients_do_not_ask_for_option_66() -> None:
    """EDK2's HTTP boot takes the server from the URL."""
    assert 66 not in FIRMWARES["http-x64"].parameters


def test_ipxe_says_so_beside_the_architecture_of_the_firmware_below_it() -> None:
    """By architecture alone it cannot be told from the firmware that loaded it."""
    ipxe, below = FIRMWARES["ipxe-x64"], FIRMWARES["uefi-x64"]
    assert ipxe.arch == below.arch and ipxe.user_class == "iPXE" and not below.user_class
