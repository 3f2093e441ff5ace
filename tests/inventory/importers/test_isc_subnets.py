"""Subnets and boot servers from declarations."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.inventory.finding import Severity
from nearboot.inventory.importers import ImportResult
from nearboot.inventory.importers.isc_config import SubnetDeclaration
from nearboot.inventory.importers.isc_subnets import Places
from nearboot.model import BootServer, Pool, Slug, Subnet

Importing = Callable[..., ImportResult]
AMS = "subnet 10.1.0.0 netmask 255.255.255.0 "
QUARTER = "subnet 10.1.0.64 netmask 255.255.255.192 "


def codes(result: ImportResult) -> list[str]:
    return [f.code for f in result.findings if f.severity is not Severity.INFO]


def test_a_subnet_comes_with_gateway_dns_ntp_domain_and_pools(importing: Importing) -> None:
    """Options that follow from the prefix are compared with it and not kept."""
    result = importing(
        """option domain-name-servers 10.9.0.1, 10.9.0.2;
           subnet 10.1.0.0 netmask 255.255.255.0 {
             option subnet-mask 255.255.255.0; option broadcast-address 10.1.0.255; option routers 10.1.0.1;
             option ntp-servers 10.9.0.3; option domain-name "ams.example.net"; range 10.1.0.100 10.1.0.199; }"""
    )
    assert result.inventory.subnets == (
        Subnet(
            ip_network("10.1.0.0/24"),
            Slug("ams"),
            gateway=ip_address("10.1.0.1"),
            dns=(ip_address("10.9.0.1"), ip_address("10.9.0.2")),
            ntp=(ip_address("10.9.0.3"),),
            domain="ams.example.net",
            pools=(Pool(ip_address("10.1.0.100"), ip_address("10.1.0.199")),),
        ),
    )
    assert result.findings == ()


def test_a_dhcpv6_subnet_comes_with_its_own_options(importing: Importing) -> None:
    """DHCPv6 names its options differently, and has no routers option."""
    result = importing(
        """option dhcp6.name-servers 2001:db8:1::53; option dhcp6.domain-search "a.example", "b.example";
           subnet6 2001:db8:1::/64 { range6 2001:db8:1::100 2001:db8:1::1ff; }"""
    )
    (subnet,) = result.inventory.subnets
    assert (subnet.dns, subnet.domain, subnet.gateway) == ((ip_address("2001:db8:1::53"),), "a.example", None)
    assert result.findings == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("subnet 10.9.0.0 netmask 255.255.255.0 { }", ["subnet-no-location"], id="no-location"),
        pytest.param((AMS + "{ }") * 2, ["subnet-duplicate"], id="duplicate"),
        pytest.param(AMS + "{ }" + QUARTER + "{ }", ["subnet-overlap"], id="inside"),
        pytest.param(QUARTER + "{ }" + AMS + "{ }", ["subnet-overlap"], id="around"),
        pytest.param(AMS + "{ option subnet-mask 255.255.0.0; }", ["subnet-contradiction"], id="mask"),
        pytest.param(AMS + "{ option routers 10.1.1.1; }", ["gateway-unused"], id="gateway-outside"),
        pytest.param(AMS + "{ option routers 10.1.0.1, 10.1.0.2; }", ["gateway-unused"], id="two-gateways"),
        pytest.param(AMS + "{ option routers gw; }", ["option-not-address"], id="gateway-by-name"),
        pytest.param(
            AMS + "{ range 10.1.0.9 10.1.0.20; range 10.1.0.20 10.1.0.30; }",
            ["range-overlap"],
            id="ranges-that-overlap",
        ),
        pytest.param("shared-network x { " + AMS + "{ } }", ["shared-network"], id="shared-network"),
    ],
)
def test_what_does_not_fit_is_told_and_counted(importing: Importing, text: str, expected: list[str]) -> None:
    """Subnets read are subnets imported and subnets reported."""
    result = importing(text)
    assert codes(result) == expected
    assert result.counts.subnets_read == result.counts.subnets + sum(result.counts.not_imported.values())


def test_each_next_server_address_becomes_one_boot_server_of_its_site(importing: Importing) -> None:
    """Three subnets of a site with one next-server are one boot server; the name follows the rule."""
    subnet = "subnet 10.%d.%d.0 netmask 255.255.255.0 { next-server 10.%d.9.9; }\n"
    text = "".join(subnet % (site, row, site) for site in (1, 2) for row in (0, 1, 2))
    rules = 'boot_servers: {name: "{location}-boot", http_url: "http://{address}:8080"}'
    assert importing(text, rules).inventory.boot_servers == (
        BootServer(Slug("ams-boot"), Slug("ams"), ip_address("10.1.9.9"), http_url="http://10.1.9.9:8080"),
        BootServer(Slug("fra-boot"), Slug("fra"), ip_address("10.2.9.9"), http_url="http://10.2.9.9:8080"),
    )


def test_boot_servers_that_only_hosts_name_are_placed_by_rule_or_by_their_subnet(importing: Importing) -> None:
    """A second one at a site gets a number; one that nothing places is an error."""
    host = "host %d.ams.example.net { hardware ethernet 2:0:0:0:0:%d; next-server %s; }\n"
    targets = ["192.0.2.9", "10.1.0.8", "10.1.0.7", "203.0.113.1", "tftp.fra.example.net"]
    text = "subnet 10.1.0.0 netmask 255.255.255.0 { }\n" + "".join(host % (n, n, t) for n, t in enumerate(targets))
    result = importing(text)
    assert [(b.name, b.location, b.ipv4 and str(b.ipv4)) for b in result.inventory.boot_servers] == [
        ("fra-boot", "fra", "192.0.2.9"),
        ("ams-boot", "ams", "10.1.0.8"),
        ("ams-boot-2", "ams", "10.1.0.7"),
        ("fra-boot-2", "fra", None),
    ]
    told = {f.code: f.subject for f in result.findings}
    assert told["boot-server-no-location"] == "203.0.113.1"
    assert told["boot-server-no-address"] == "tftp.fra.example.net"


def test_a_next_server_of_two_sites_stands_where_most_of_its_subnets_are(importing: Importing) -> None:
    """And a person is told that it serves both."""
    subnet = "subnet 10.%d.%d.0 netmask 255.255.255.0 { next-server 198.51.100.1; }\n"
    result = importing(subnet % (1, 0) + subnet % (2, 0) + subnet % (2, 1))
    assert [b.location for b in result.inventory.boot_servers] == ["fra"]
    assert codes(result) == ["boot-server-many-locations"]


@given(st.lists(st.tuples(st.integers(0, 63), st.integers(26, 32)), max_size=12), st.integers(0, 63))
def test_look_up_agrees_with_a_search_through_all(blocks: list[tuple[int, int]], host: int) -> None:
    """The sorted index finds what a plain search finds, for overlaps and for addresses."""
    places = Places()
    for offset, length in blocks:
        prefix = ip_network((int(ip_address("10.0.0.0")) + offset, length), strict=False)
        clash = [s for s in places.subnets if s.prefix.overlaps(prefix)]
        found = places.overlapping(prefix)
        assert (found is None) == (not clash)
        if found is None:
            places.add(Subnet(prefix, Slug("x")), SubnetDeclaration(prefix, "f", 1))
    address = ip_address(int(ip_address("10.0.0.0")) + host)
    assert places.of_address(address) == next((s for s in places.subnets if address in s.prefix), None)
