"""The values of dhcpd statements, and the faults of wrong ones."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from nearboot.errors import Fault
from nearboot.inventory.importers.isc_syntax import parse
from nearboot.inventory.importers.isc_values import host_name_or_none, read_mac, read_range, read_subnet, read_targets
from nearboot.model import Pool


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("Web01.Example.NET.", "web01.example.net", id="case-and-root"),
        pytest.param("_srv.x", "_srv.x", id="underscore"),
        pytest.param("a b", None, id="blank"),
        pytest.param("-a", None, id="hyphen-first"),
        pytest.param("a" * 64, None, id="long-label"),
        pytest.param("a." * 127 + "b", None, id="long-name"),
        pytest.param("", None, id="empty"),
    ],
)
def test_host_names(text: str, name: str | None) -> None:
    """Names come out in lower case, without the root's dot."""
    assert host_name_or_none(text) == name


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        pytest.param("D0:94:66:5F:4A:3C", "d0:94:66:5f:4a:3c", id="upper-case"),
        pytest.param("0:1:2:3:4:5", "00:01:02:03:04:05", id="single-digits"),
        pytest.param("aa:bb:cc:dd:ee", None, id="short"),
        pytest.param("aa:bb:cc:dd:ee:gg", None, id="no-hex"),
        pytest.param("aa:bb:cc:dd:ee:ff 00", None, id="two-words"),
        pytest.param("", None, id="none"),
        pytest.param("aa::cc:dd:ee:ff", None, id="octet-left-out"),
        pytest.param("aabb:cc:dd:ee:ff", None, id="octets-run-together"),
        pytest.param("aa-bb-cc-dd-ee-ff", None, id="hyphens"),
    ],
)
def test_macs(text: str, mac: str | None) -> None:
    """Octets of one digit are fine for dhcpd; anything that is no MAC is a fault."""
    (statement,) = parse(f"hardware {text};", "f")
    faults: list[Fault] = []
    assert read_mac(statement, statement.args, faults) == mac
    assert bool(faults) == (mac is None)


def test_targets_are_addresses_and_names_but_no_broken_addresses() -> None:
    """dhcpd resolves names, so they are no fault; 10.0.0.256 is no name."""
    (statement,) = parse("fixed-address 10.0.0.1, web01.example.net, 2001:db8::1, 10.0.0.256;", "f")
    faults: list[Fault] = []
    expected = (ip_address("10.0.0.1"), "web01.example.net", ip_address("2001:db8::1"))
    assert read_targets(statement, statement.args, faults) == expected
    assert [fault.found for fault in faults] == ["'10.0.0.256'"]


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        pytest.param("subnet 10.0.0.0 netmask 255.255.252.0 {}", "10.0.0.0/22", id="v4"),
        pytest.param("subnet6 2001:db8::/64 {}", "2001:db8::/64", id="v6"),
        pytest.param("subnet 10.0.0.1 netmask 255.255.252.0 {}", None, id="host-bits"),
        pytest.param("subnet 10.0.0.0/24 {}", None, id="no-netmask"),
        pytest.param("subnet 10.0.0.0 netmask 255.0.255.0 {}", None, id="mask-with-hole"),
        pytest.param("subnet6 2001:db8:: {}", None, id="no-length"),
    ],
)
def test_subnets(text: str, prefix: str | None) -> None:
    """A prefix with host bits is a fault, as it is for dhcpd."""
    faults: list[Fault] = []
    assert read_subnet(parse(text, "f")[0], faults) == (ip_network(prefix) if prefix else None)
    assert bool(faults) == (prefix is None)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        pytest.param("range 10.0.0.10 10.0.0.20;", ("10.0.0.10", "10.0.0.20"), id="two"),
        pytest.param("range dynamic-bootp 10.0.0.10;", ("10.0.0.10", "10.0.0.10"), id="one"),
        pytest.param("range 10.0.0.20 10.0.0.10;", ("10.0.0.10", "10.0.0.20"), id="reversed"),
        pytest.param("range 10.0.0.10 10.0.1.10;", None, id="outside"),
        pytest.param("range 10.0.0.10 2001:db8::1;", None, id="families"),
        pytest.param("range;", None, id="none"),
        pytest.param("range 10.0.0.1 10.0.0.2 10.0.0.3;", None, id="three"),
    ],
)
def test_ranges(text: str, ends: tuple[str, str] | None) -> None:
    """Both ends belong to the subnet; dhcpd takes them in any order, so we do."""
    faults: list[Fault] = []
    pool = read_range(parse(text, "f")[0], ip_network("10.0.0.0/24"), faults)
    assert pool == (Pool(*map(ip_address, ends)) if ends else None)
    assert bool(faults) == (ends is None)


def test_range6_takes_a_prefix() -> None:
    """``range6 PREFIX`` is all of its addresses."""
    (statement,) = parse("range6 2001:db8::100/120;", "f")
    assert read_range(statement, ip_network("2001:db8::/64"), []) == Pool(
        ip_address("2001:db8::100"), ip_address("2001:db8::1ff")
    )
