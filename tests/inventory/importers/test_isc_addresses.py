"""Hosts whose fixed-address is a name: addresses from a host table, and what is said of those that have none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nearboot.inventory.finding import Finding, Severity
from nearboot.inventory.importers import ImportResult

Importing = Callable[..., ImportResult]
SUBNET = "subnet 10.1.0.0 netmask 255.255.255.0 { }\n"
SUBNET6 = "subnet6 2001:db8:1::/64 { }\n"


def host(name: str, number: int, target: str = "") -> str:
    target = target or f"{name}.ams.example.net"
    return f"host {name} {{ hardware ethernet 2:0:0:0:0:{number}; fixed-address {target}; }}\n"


def addresses(result: ImportResult) -> list[list[str]]:
    """The addresses of each server."""
    interfaces = [server.interfaces for server in result.inventory.servers]
    return [[str(a) for i in each for a in (i.ipv4, i.ipv6) if a] for each in interfaces]


def codes(result: ImportResult) -> list[str]:
    return [f.code for f in result.findings if f.severity is not Severity.INFO and f.code != "no-tier"]


def one(result: ImportResult, code: str) -> Finding:
    (finding,) = [f for f in result.findings if f.code == code]
    return finding


def test_without_a_table_one_warning_says_that_kea_has_no_address_to_give(importing: Importing) -> None:
    """Once, however many hosts; with what to do about it."""
    result = importing(SUBNET + "".join(host(f"web{n}", n) for n in range(1, 6)))
    assert addresses(result) == [[]] * 5
    finding = one(result, "address-is-name")
    assert (finding.severity, finding.count, finding.line) == (Severity.WARNING, 5, 2)
    assert finding.text == (
        "5 hosts have a name instead of an address (web1.ams.example.net, web2.ams.example.net, web3.ams.example.net"
        " and 2 more): Kea knows them by their MAC but has no address to give them"
    )
    assert finding.hint.startswith("pass --hosts FILE, ")


def test_a_table_gives_names_their_addresses(importing: Importing) -> None:
    """The name stays the server's name; how many, and by which lines, is told."""
    result = importing(SUBNET + host("a", 1) + host("b", 2), hosts="10.1.0.5 a.ams.example.net a\n10.1.0.6 b\n")
    assert addresses(result) == [["10.1.0.5"], ["10.1.0.6"]]
    assert [server.name for server in result.inventory.servers] == ["a.ams.example.net", "b.ams.example.net"]
    assert codes(result) == []
    finding = one(result, "address-by-name")
    assert (finding.severity, finding.count) == (Severity.INFO, 2)
    assert "the address of hosts (10.1.0.5 by hosts:1, 10.1.0.6 by hosts:2)" in finding.text


def test_names_that_the_table_has_not_are_one_warning(importing: Importing) -> None:
    """With their count and the first few; the others get their addresses."""
    result = importing(SUBNET + host("a", 1) + host("b", 2) + host("c", 3), hosts="10.1.0.6 b\n")
    assert addresses(result) == [[], ["10.1.0.6"], []]
    finding = one(result, "address-is-name")
    assert (finding.severity, finding.count) == (Severity.WARNING, 2)
    assert finding.text.startswith(
        "2 hosts have a name instead of an address (a.ams.example.net, c.ams.example.net), and hosts has none for them:"
    )


def test_an_address_that_two_hosts_have_stays_with_the_first(importing: Importing) -> None:
    """Both hosts and the line of the table are named."""
    result = importing(SUBNET + host("a", 1) + host("b", 2), hosts="10.1.0.5 a.ams.example.net b\n")
    assert addresses(result) == [["10.1.0.5"], []]
    finding = one(result, "duplicate-address")
    assert finding.text == (
        "address 10.1.0.5 (by hosts:1) of host b (b.ams.example.net) is host a's (a.ams.example.net) as well,"
        " at dhcpd.conf:2; host b is kept without it"
    )
    assert codes(result) == ["duplicate-address"]


def test_two_blocks_of_one_server_share_its_address_with_a_warning(importing: Importing) -> None:
    """No other server lacks it: the first interface has it, the second has none."""
    text = SUBNET + host("a-1", 1, "a.ams.example.net") + host("a-2", 2, "a.ams.example.net")
    result = importing(text, hosts="10.1.0.5 a.ams.example.net\n")
    assert [str(i.ipv4) for i in result.inventory.servers[0].interfaces] == ["10.1.0.5", "None"]
    finding = one(result, "duplicate-address")
    assert finding.severity is Severity.WARNING
    assert finding.text.endswith("host a-2 is kept without it")


def test_an_address_in_no_subnet_is_told_with_its_line(importing: Importing) -> None:
    """As one that stands in the configuration itself."""
    result = importing(SUBNET + host("a", 1), hosts="\n10.77.0.5 a\n")
    assert addresses(result) == [[]]
    finding = one(result, "address-outside-subnets")
    assert "address 10.77.0.5 (by hosts:2) is in none of the imported subnets; not taken over" in finding.text
    assert codes(result) == ["address-outside-subnets"]


def test_of_several_addresses_one_in_a_subnet_is_taken(importing: Importing) -> None:
    """dhcpd gives the one that suits the client's network; the other is told."""
    result = importing(SUBNET + host("a", 1), hosts="10.77.0.5 a.ams.example.net\n10.1.0.5 a.ams.example.net\n")
    assert addresses(result) == [["10.1.0.5"]]
    assert codes(result) == ["address-extra"]


@pytest.mark.parametrize(
    ("text", "expected", "told"),
    [
        pytest.param(SUBNET + SUBNET6, [["10.1.0.5", "2001:db8:1::5"]], 0, id="with-a-subnet"),
        pytest.param(SUBNET, [["10.1.0.5"]], 1, id="without"),
    ],
)
def test_ipv6_addresses_are_taken_where_a_subnet_holds_them(
    importing: Importing, text: str, expected: list[list[str]], told: int
) -> None:
    """A file of both families is no reason for a warning a host: fixed-address asks for IPv4 alone."""
    result = importing(text + host("a", 1), hosts="10.1.0.5 a\n2001:db8:1::5 a\n")
    assert addresses(result) == expected
    assert codes(result) == []
    assert sum(f.count for f in result.findings if f.code == "address-unused") == told


def test_a_short_name_of_several_machines_gives_no_address_and_is_told(importing: Importing) -> None:
    """One finding for all such hosts."""
    result = importing(SUBNET + host("a", 1) + host("b", 2), hosts="10.1.0.5 a\n10.1.0.6 a\n10.1.0.7 b\n10.1.0.8 b\n")
    assert addresses(result) == [[], []]
    assert codes(result) == ["address-ambiguous", "address-is-name"]
    assert one(result, "address-ambiguous").count == 2
    assert "more than one machine in hosts (a, b)" in one(result, "address-ambiguous").text


def test_an_address_that_stands_there_needs_no_table(importing: Importing) -> None:
    """Beside a name it goes first; the same address by name is not a further one."""
    text = SUBNET + host("a", 1, "10.1.0.5, a.ams.example.net") + host("b", 2, "10.1.0.6")
    result = importing(text, hosts="10.1.0.5 a\n10.1.0.9 b\n")
    assert addresses(result) == [["10.1.0.5"], ["10.1.0.6"]]
    assert codes(result) == []
    assert [f.code for f in result.findings if f.code.startswith("address")] == []


def test_an_address_places_a_host_that_no_rule_places(importing: Importing) -> None:
    """Its subnet tells the location, as for an address that stands in the configuration."""
    result = importing(SUBNET + host("a", 1, "a.example.org"), hosts="10.1.0.5 a.example.org\n")
    assert [(server.name, server.location) for server in result.inventory.servers] == [("a.example.org", "ams")]


def test_a_host_that_is_not_imported_is_not_counted(importing: Importing) -> None:
    """Its error is that it has no location."""
    result = importing(SUBNET + host("a", 1, "a.example.org"), hosts="")
    assert codes(result) == ["no-location"]
