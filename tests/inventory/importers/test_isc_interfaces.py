"""Interfaces, and who gets a MAC or address that two claim."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from nearboot.inventory.finding import Severity
from nearboot.inventory.importers import ImportResult
from nearboot.model import Interface

Importing = Callable[..., ImportResult]
SUBNET = "subnet 10.1.0.0 netmask 255.255.255.0 { }\n"


def codes(result: ImportResult) -> list[str]:
    return [f.code for f in result.findings if f.severity is not Severity.INFO and f.code != "no-tier"]


def test_second_claim_of_a_mac_keeps_its_server_without_the_mac_and_names_both(importing: Importing) -> None:
    """A duplicate MAC loses no host; the database's constraint holds; the error has both places."""
    result = importing(
        "host a { hardware ethernet 2:0:0:0:0:1; fixed-address a.ams.example.net; }\n"
        "host b { hardware ethernet 02:00:00:00:00:01; fixed-address b.fra.example.net; }"
    )
    first, second = result.inventory.servers
    assert [i.mac for i in first.interfaces] == ["02:00:00:00:00:01"]
    assert second.interfaces == (Interface("net0"),)
    finding = result.findings[0]
    assert (finding.code, finding.severity, finding.line) == ("duplicate-mac", Severity.ERROR, 2)
    assert "host b (b.fra.example.net)" in finding.text
    assert "host a's (a.ams.example.net) as well, at dhcpd.conf:1" in finding.text


def test_an_address_or_duid_claimed_twice_stays_with_the_first(importing: Importing) -> None:
    """The same holds for addresses and DUIDs."""
    host = (
        "host %s { hardware ethernet 2:0:0:0:0:%d; fixed-address 10.1.0.5;"
        " host-identifier option dhcp6.client-id 0:1:2:3; }\n"
    )
    result = importing(SUBNET + host % ("a", 1) + host % ("b", 2))
    first, second = result.inventory.servers
    assert (first.interfaces[0].ipv4, first.interfaces[0].duid) == (ip_address("10.1.0.5"), "00:01:02:03")
    assert (second.interfaces[0].ipv4, second.interfaces[0].duid) == (None, None)
    assert codes(result) == ["duplicate-address", "duplicate-duid"]


def test_one_address_of_each_family_is_kept_and_the_rest_is_told(importing: Importing) -> None:
    """dhcpd picks the one that fits the subnet; an interface of ours has one."""
    result = importing(
        SUBNET + "host a { hardware ethernet 2:0:0:0:0:1; fixed-address 10.1.0.5, 10.1.0.6;"
        " fixed-address6 2001:db8:1::5; }"
    )
    (interface,) = result.inventory.servers[0].interfaces
    assert (interface.ipv4, interface.ipv6) == (ip_address("10.1.0.5"), ip_address("2001:db8:1::5"))
    assert codes(result) == ["address-extra", "address-outside-subnets"]  # no IPv6 subnet was declared


def test_an_address_outside_the_subnets_is_left_out_where_there_are_subnets(importing: Importing) -> None:
    """The database takes no address without a subnet; where no subnet was imported, the database may have them."""
    host = "host a.ams.example.net { hardware ethernet 2:0:0:0:0:1; fixed-address 10.1.9.5; }"
    for text, kept in ((host, [ip_address("10.1.9.5")]), (SUBNET + host, [None])):
        result = importing(text)
        assert [i.ipv4 for i in result.inventory.servers[0].interfaces] == kept
        assert codes(result) == ["address-outside-subnets"]


def test_a_host_without_mac_is_kept_and_told(importing: Importing) -> None:
    """It may be known by its DUID alone, or be a mistake."""
    result = importing("host a { fixed-address a.ams.example.net; }")
    assert result.inventory.servers[0].interfaces == (Interface("net0"),)
    assert codes(result) == ["host-no-mac", "address-is-name"]
