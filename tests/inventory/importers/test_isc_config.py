"""What statements declare: scopes, hosts, subnets, leftovers."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from nearboot.errors import InputError
from nearboot.inventory.importers.isc_config import Declarations, read_config
from nearboot.inventory.importers.isc_syntax import parse


def declared(text: str) -> Declarations:
    return read_config(parse(text, "f"))


def test_subnet_settings_come_from_the_inside_out() -> None:
    """Subnet beats shared network beats global; where in its block a setting stands makes no difference."""
    (subnet,) = declared(
        """shared-network lan {
             subnet 10.0.0.0 netmask 255.255.255.0 { option routers 10.0.0.1; pool { range 10.0.0.9 10.0.0.12; } }
             next-server 10.0.0.3; option domain-name "shared.example"; }
           next-server 10.0.0.2; option routers 10.9.9.9; option ntp-servers 10.0.0.7;"""
    ).subnets
    values = {name: setting.value for name, setting in subnet.settings.items()}
    assert values == {
        "routers": "10.0.0.1",
        "next-server": "10.0.0.3",
        "domain-name": "shared.example",
        "ntp-servers": "10.0.0.7",
    }
    assert (subnet.shared_network, len(subnet.pools)) == ("lan", 1)


def test_hosts_inherit_from_groups_and_not_from_subnets_or_the_top() -> None:
    """What a group says is said of its hosts; what a subnet says is said of the subnet."""
    (host,) = declared(
        """filename "global"; group { option a.b "outer"; option c.d "x"; group { option a.b "inner";
           subnet 10.0.0.0 netmask 255.255.255.0 { next-server 10.0.0.2;
             host a { hardware ethernet 0:1:2:3:4:5; fixed-address 10.0.0.5; filename "own"; } } } }"""
    ).hosts
    assert {n: s.value for n, s in host.inherited.items()} == {"a.b": "inner", "c.d": "x"}
    assert {n: s.value for n, s in host.own.items()} == {"filename": "own"}
    assert (host.macs, host.subnet) == (("00:01:02:03:04:05",), ip_network("10.0.0.0/24"))


def test_dhcpv6_hosts_have_duid_and_address() -> None:
    """``host-identifier`` is how dhcpd knows a DHCPv6 client."""
    (host,) = declared(
        """host a { host-identifier option dhcp6.client-id 0:1:0:1:4a:1f:ba:e3:60:b9:1f:1:23:45;
                    fixed-address6 2001:db8::5; }"""
    ).hosts
    assert host.duid == "00:01:00:01:4a:1f:ba:e3:60:b9:1f:01:23:45"
    assert [str(target) for target in host.targets] == ["2001:db8::5"]


def test_whatever_is_not_known_is_left_over_with_all_that_it_holds() -> None:
    """Also a host where dhcpd would not look for one: nothing disappears."""
    unused = declared(
        """option space pxelinux; option pxelinux.magic code 208 = string; authoritative;
           if option x = 1 { filename "a"; host b { } }
           class "c" { match if known; } option d = concat("e", "f");
           subnet 10.0.0.0 netmask 255.255.255.0 { pool { allow members of "c"; } }
           host g { dynamic; hardware token-ring 0:1:2:3:4:5; }"""
    ).unused
    assert [leftover.what for leftover in unused] == [
        "option definition",
        "option definition",
        "authoritative",
        "if",
        "filename in if",
        "host in if",
        "class",
        "match in class",
        "option d (computed)",
        "allow in pool",
        "dynamic in host",
        "hardware in host",
    ]


def test_wrong_values_are_reported_together() -> None:
    """Every fault has its line; nothing is imported by half."""
    with pytest.raises(InputError) as error:
        declared(
            """host a {
                 hardware ethernet zz:00;
                 fixed-address 10.0.0.999; }
               subnet 10.0.0.1 netmask 255.0.0.0 { }
               subnet 10.0.0.0 netmask 255.0.0.0 {
                 range 11.0.0.1; option routers 10.0.0.300; }
               host;
               next-server a b;
               host x { host-identifier option dhcp6.client-id 01; }
               host "x y" { }
               host y { hardware hardware ethernet 2:0:0:0:0:1; }
               host z { host-identifier option dhcp6.client-id 1::2:3; }"""
        )
    assert sorted(fault.line for fault in error.value.faults) == [2, 3, 4, 6, 6, 7, 8, 9, 10, 11, 12]
