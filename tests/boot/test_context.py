"""What templates see."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address

import pytest

from nearboot.boot.context import context, loader_args
from nearboot.boot.host import HostBoot
from nearboot.errors import InputError
from nearboot.model import HardwareModel, Image, NbpFamily, Slug


def _plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(_plain(item) for item in value)
    return value is None or type(value) in (str, int)


@pytest.mark.parametrize("family", list(NbpFamily))
def test_templates_see_plain_values_only(host: HostBoot, family: NbpFamily) -> None:
    """No object of nearboot's own can be reached from a template."""
    assert _plain(context(host, family, "x.j2"))


def test_server_is_given_in_the_spellings_that_templates_want(host: HostBoot) -> None:
    """MACs with colons, hyphens and bare; short and full name."""
    server = context(host, NbpFamily.GRUB, "x.j2")["server"]
    assert isinstance(server, dict)
    assert server["fqdn"] == "web01.ams1.example.net"
    assert [server[name] for name in ("mac", "mac_hyphen", "mac_bare")] == [
        "52:54:00:00:00:1a",
        "52-54-00-00-00-1a",
        "52540000001a",
    ]


def test_boot_server_address_is_of_the_family_that_asks(host: HostBoot) -> None:
    """In brackets where it is IPv6, so that it can stand in a URL."""
    boot_server = context(replace(host, client=IPv6Address("fd77::9")), NbpFamily.GRUB, "x.j2")["boot_server"]
    assert isinstance(boot_server, dict)
    assert (boot_server["address"], boot_server["http"]) == ("[fd77::1]", "http://[fd77::1]:8080")


@pytest.mark.parametrize(
    ("console", "serial"),
    [
        ("ttyS1,115200n8", {"unit": 1, "speed": 115200}),
        ("ttyS0", {"unit": 0, "speed": 9600}),
        ("ttyAMA0,115200", None),
        ("", None),
    ],
)
def test_serial_console_follows_the_model(host: HostBoot, console: str, serial: dict[str, int] | None) -> None:
    """Boot loaders drive 8250 ports by number; others they do not know."""
    host = replace(host, model=HardwareModel(Slug("m"), console=console))
    assert context(host, NbpFamily.PXELINUX, "x.j2")["serial"] == serial


def test_loaders_add_what_only_they_need(host: HostBoot) -> None:
    """PXELINUX appends BOOTIF itself; iPXE must name initrds for a UEFI kernel."""
    assert not any("BOOTIF" in arg for arg in loader_args(host, NbpFamily.PXELINUX))
    assert loader_args(host, NbpFamily.GRUB)[0] == "BOOTIF=01-52-54-00-00-00-1a"
    assert loader_args(host, NbpFamily.IPXE)[:2] == ("initrd=initrd0", "initrd=initrd1")


@pytest.mark.parametrize("kernel", ["a b", "a;reboot", "a\nb", "${x}", "a'b", ""])
def test_a_path_that_would_need_quotes_is_refused(host: HostBoot, kernel: str) -> None:
    """PXELINUX and iPXE have no way to quote one."""
    with pytest.raises(InputError, match="image odd"):
        context(replace(host, image=Image(Slug("odd"), kernel)), NbpFamily.IPXE, "x.j2")
