"""Which interface boots, and where it stands."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from nearboot.app.host import boot_interface, subnet_of
from nearboot.model import Interface, Inventory, Server, Slug, Subnet, mac_from_text

MAC = mac_from_text("02:00:00:00:00:01")
STORAGE = Interface("stor0", mac=MAC, boot=False)
BARE = Interface("idrac")
BOOT = Interface("eno1", mac=MAC)


@pytest.mark.parametrize(
    ("interfaces", "found"),
    [
        pytest.param((STORAGE, BARE, BOOT), BOOT, id="the first that may and has a MAC"),
        pytest.param((BARE, STORAGE), BARE, id="else the first"),
        pytest.param((), None, id="none"),
    ],
)
def test_the_interface_that_boots(interfaces: tuple[Interface, ...], found: Interface | None) -> None:
    """A storage network is not for booting."""
    assert boot_interface(Server("a", Slug("x"), interfaces=interfaces)) == found


def test_the_subnet_of_an_address() -> None:
    """By family; an IPv6 address is in no IPv4 prefix."""
    four = Subnet(ip_network("10.0.0.0/8"), Slug("x"))
    six = Subnet(ip_network("fd00::/8"), Slug("x"))
    inventory = Inventory(subnets=(four, six))
    interface = Interface("e", ipv4=ip_address("10.1.1.1"), ipv6=ip_address("fd00::1"))
    assert subnet_of(interface, inventory, 4) == four
    assert subnet_of(interface, inventory, 6) == six
    assert subnet_of(Interface("e", ipv4=ip_address("192.0.2.1")), inventory, 4) is None
    assert subnet_of(None, inventory, 4) is None
