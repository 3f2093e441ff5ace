"""Client classes as documents; what Kea makes of them is in test_config.py."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from nearboot.kea.classes import ClassPlan, client_classes, is_ipxe, option_text, required_classes
from nearboot.kea.place import Target
from nearboot.model import NbpRule, Slug

BIOS = NbpRule("pxe-bios", (0,), "pxelinux.0")
X64 = NbpRule("pxe-x64", (7, 9), "grub.efi")
HTTP = NbpRule("http-x64", (16,), "grub.efi", http=True)
IPXE = NbpRule("ipxe", (), "boot.ipxe", http=True)
NEAR4 = Target(Slug("near"), IPv4Address("10.0.0.1"), "http://10.0.0.1")
FAR4 = Target(Slug("far"), IPv4Address("10.0.0.2"))
NEAR6 = Target(Slug("near"), IPv6Address("fd00::1"), "http://[fd00::1]")


def by_name(plan: ClassPlan) -> dict[str, dict[str, object]]:
    return {str(entry["name"]): entry for entry in client_classes(plan)}


def test_dhcpv4_needs_products_for_http_alone() -> None:
    """A TFTP boot file is the class's and the server is the subnet's: they merge. A URL holds both."""
    plan = ClassPlan(4, (BIOS, X64, HTTP), (NEAR4,))
    assert required_classes(plan, NEAR4, ()) == ["http-x64@near"]
    assert by_name(plan)["pxe-x64"]["boot-file-name"] == "grub.efi"


def test_dhcpv6_needs_a_product_for_every_rule() -> None:
    """Option 59 holds file and server."""
    plan = ClassPlan(6, (X64, HTTP), (NEAR6,))
    assert required_classes(plan, NEAR6, ()) == ["pxe-x64@near", "http-x64@near"]


def test_a_server_without_http_has_no_http_products() -> None:
    """No URL, and then no echo of "HTTPClient" either: the firmware goes on to its next boot method."""
    plan = ClassPlan(4, (BIOS, HTTP), (FAR4,))
    assert required_classes(plan, FAR4, ()) == []
    assert "http-x64@far" not in by_name(plan)


def test_ipxe_falls_back_to_tftp_where_a_server_has_no_http() -> None:
    """It can read both ways; a firmware's HTTP boot cannot."""
    assert by_name(ClassPlan(4, (IPXE,), (FAR4,)))["ipxe@far"]["boot-file-name"] == "boot.ipxe"
    far6 = Target(Slug("far"), IPv6Address("fd00::2"))
    classes = by_name(ClassPlan(6, (IPXE,), (far6,)))
    assert classes["ipxe@far"]["option-data"] == [{"name": "bootfile-url", "data": "tftp://[fd00::2]/boot.ipxe"}]


def test_clients_of_a_host_route_leave_the_subnets_products() -> None:
    """A product of the subnet excludes redirected hosts; theirs admits nobody else."""
    classes = by_name(ClassPlan(4, (HTTP,), (NEAR4,), (NEAR4,)))
    assert classes["http-x64@near"]["test"] == "member('http-x64') and not member('own-route')"
    assert classes["own:http-x64@near"]["test"] == "member('http-x64') and member('own-route@near')"


def test_old_bios_roms_without_option_93_are_bios() -> None:
    """Option 93 came with RFC 4578; what sends "PXEClient" without it is older, and BIOS."""
    test = str(by_name(ClassPlan(4, (BIOS,)))["pxe-bios"]["test"])
    assert test.endswith("or not option[93].exists)")


def test_every_class_comes_after_those_that_it_tests() -> None:
    """Kea evaluates in order and refuses a reference ahead."""
    seen: set[str] = set()
    for entry in client_classes(ClassPlan(6, (IPXE, X64, HTTP), (NEAR6,), (NEAR6,))):
        for used in str(entry.get("test", "")).split("member('")[1:]:
            assert used.split("'")[0] in seen
        seen.add(str(entry["name"]))


def test_pxe_clients_never_get_option_60() -> None:
    """Only HTTP products echo a vendor class."""
    for name, entry in by_name(ClassPlan(4, (BIOS, X64, HTTP), (NEAR4,), (NEAR4,))).items():
        if "http" not in name:
            assert "vendor-class-identifier" not in str(entry)


def test_the_http_prefix_stands_between_server_and_path() -> None:
    """Exactly one slash between the parts."""
    classes = by_name(ClassPlan(4, (HTTP,), (NEAR4,), http_prefix="/boot/"))
    assert classes["http-x64@near"]["boot-file-name"] == "http://10.0.0.1/boot/grub.efi"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        pytest.param("a,b,c", "a\\,b\\,c", id="commas"),
        pytest.param("plain", "plain", id="plain"),
    ],
)
def test_commas_are_escaped(text: str, escaped: str) -> None:
    """Kea splits option data at commas."""
    assert option_text(text) == escaped


@pytest.mark.parametrize(("name", "expected"), [("ipxe", True), ("ipxe-arm64", True), ("pxe-x64", False)])
def test_a_rule_for_ipxe_is_known_by_its_name(name: str, expected: bool) -> None:
    """iPXE rules are for clients that run iPXE already."""
    assert is_ipxe(NbpRule(name, (), "x")) is expected
