"""Which interface is reserved where."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from nearboot.kea.place import placement
from nearboot.kea.reservation import Reservations, SubnetIndex, reserve
from nearboot.kea.settings import KeaInputs
from nearboot.model import Server

from .conftest import AMS, FLEET, make_server, make_subnet


def reserve_all(fleet: KeaInputs, *servers: Server, family: int = 4) -> Reservations:
    inventory = replace(fleet.inventory, servers=servers)
    subnets = [subnet for subnet in inventory.subnets if subnet.prefix.version == family]
    return reserve(inventory, subnets, placement(fleet, family=family), family=family)


def test_an_interface_without_an_address_is_reserved_by_name_everywhere(fleet: KeaInputs) -> None:
    """No host is lost between the inventory and Kea."""
    found = reserve_all(fleet, make_server("a", AMS, "52:54:00:00:00:01"))
    assert found.everywhere == [{"hw-address": "52:54:00:00:00:01", "hostname": "a"}]
    assert found.by_subnet == {} and found.unreserved == []


def test_an_address_outside_every_subnet_is_named(fleet: KeaInputs) -> None:
    """The host keeps its name; that its address could not be reserved is said."""
    found = reserve_all(fleet, make_server("a", AMS, "52:54:00:00:00:01", "192.0.2.1"))
    assert len(found.everywhere) == 1
    assert found.unreserved == [("a eth0", "192.0.2.1 is in no subnet")]


def test_of_two_interfaces_with_one_address_the_first_by_name_gets_it(fleet: KeaInputs) -> None:
    """Kea refuses the whole file for a second reservation of an address."""
    one = make_server("a", AMS, "52:54:00:00:00:01", "10.10.0.9")
    two = make_server("b", AMS, "52:54:00:00:00:02", "10.10.0.9")
    for found in (reserve_all(fleet, one, two), reserve_all(fleet, two, one)):
        assert [entry["hostname"] for entry in found.by_subnet[11]] == ["a"]
        assert [entry["hostname"] for entry in found.everywhere] == ["b"]
        assert found.unreserved == [("b eth0", "10.10.0.9 is already reserved for a eth0")]


def test_network_and_broadcast_addresses_are_not_reserved(fleet: KeaInputs) -> None:
    """No host may have them."""
    found = reserve_all(fleet, make_server("a", AMS, "52:54:00:00:00:01", "10.10.0.255"))
    assert found.by_subnet == {} and "broadcast" in found.unreserved[0][1]


def test_an_interface_without_mac_or_duid_is_unknown_to_kea(fleet: KeaInputs) -> None:
    """There is nothing to recognise it by."""
    found = reserve_all(fleet, make_server("a", AMS, "", "10.10.0.9"))
    assert found == Reservations()


def test_a_host_of_the_subnets_own_site_carries_no_server(fleet: KeaInputs) -> None:
    """Most reservations are an address and a name: the subnet says the rest, and moves with it."""
    found = reserve_all(fleet, make_server("a", AMS, "52:54:00:00:00:01", "10.10.0.9"))
    assert found.by_subnet[11] == [{"hw-address": "52:54:00:00:00:01", "ip-address": "10.10.0.9", "hostname": "a"}]
    assert found.own == {}


def test_the_most_specific_subnet_holds_an_address() -> None:
    """As routing does it."""
    wide, narrow = make_subnet(1, "10.0.0.0/8", AMS), make_subnet(2, "10.10.0.0/24", AMS)
    index = SubnetIndex((wide, narrow))
    assert index.find(IPv4Address("10.10.0.5")) is narrow
    assert index.find(IPv4Address("10.10.1.5")) is wide
    assert index.find(IPv4Address("192.0.2.1")) is None


@given(st.permutations(FLEET.servers))
def test_every_recognisable_interface_is_reserved_once_in_any_order(servers: tuple[Server, ...]) -> None:
    """The counts of the inventory and of Kea agree, and the order of rows changes nothing."""
    inventory = replace(FLEET, servers=tuple(servers))
    subnets = [subnet for subnet in FLEET.subnets if subnet.prefix.version == 4]
    place = placement(KeaInputs(inventory), family=4)
    found = reserve(inventory, subnets, place, family=4)
    assert sum(len(entries) for entries in found.by_subnet.values()) + len(found.everywhere) == len(servers)
    assert found == reserve(FLEET, subnets, place, family=4)
