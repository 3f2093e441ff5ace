"""From a location to its boot server."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from nearboot.kea.place import Target, placement
from nearboot.kea.settings import KeaInputs
from nearboot.model import BootServer, Inventory, Location, LocationKind, Route, Slug

from .conftest import AMS, AMS_RACK, FAR, NEAR, SIN, make_routes


def test_a_location_without_a_route_has_its_parents(fleet: KeaInputs) -> None:
    """Latency maps speak of sites; servers stand in racks."""
    place = placement(fleet, family=4)
    assert place.target_of(AMS_RACK) == place.target_of(AMS)
    assert (target := place.target_of(AMS_RACK)) is not None and target.name == NEAR


def test_a_locations_own_route_comes_before_its_parents(fleet: KeaInputs) -> None:
    """The exact location wins, also when its route chose nothing."""
    own = replace(fleet, routes=(*fleet.routes, Route(AMS_RACK, 4, (), FAR)))
    assert (target := placement(own, family=4).target_of(AMS_RACK)) is not None and target.name == FAR
    none = replace(fleet, routes=(*fleet.routes, Route(AMS_RACK, 4, (), None)))
    assert placement(none, family=4).target_of(AMS_RACK) is None


def test_families_have_their_own_routes(fleet: KeaInputs) -> None:
    """A route of DHCPv6 says nothing of DHCPv4."""
    inputs = replace(fleet, routes=tuple(route for route in fleet.routes if route.family == 6))
    assert placement(inputs, family=4).target_of(SIN) is None
    assert (target := placement(inputs, family=6).target_of(SIN)) is not None
    assert target.address == IPv6Address("fd20::2")


def test_a_server_without_an_address_of_the_family_is_none(fleet: KeaInputs) -> None:
    """A client cannot be sent to what it cannot reach."""
    servers = tuple(replace(server, ipv6=None) for server in fleet.inventory.boot_servers)
    inputs = replace(fleet, inventory=replace(fleet.inventory, boot_servers=servers))
    assert placement(inputs, family=6).target_of(AMS) is None


def test_a_circle_of_locations_ends() -> None:
    """The loader refuses circles; should one come in, nothing hangs."""
    one, two = Slug("one"), Slug("two")
    tree = (Location(one, LocationKind.SITE, parent=two), Location(two, LocationKind.SITE, parent=one))
    assert placement(KeaInputs(Inventory(locations=tree)), family=4).target_of(one) is None


@pytest.mark.parametrize(
    ("http_url", "family", "expected"),
    [
        pytest.param("http://10.1.1.1:8080", 4, "http://10.1.1.1:8080", id="v4-literal-for-v4"),
        pytest.param("http://10.1.1.1:8080", 6, "http://[fd00::1]:8080", id="v4-literal-for-v6"),
        pytest.param("http://[fd00::1]:8080/x/", 4, "http://10.1.1.1:8080/x", id="v6-literal-for-v4"),
        pytest.param("https://boot.example.net/", 6, "https://boot.example.net", id="a-name-for-both"),
        pytest.param("", 4, "", id="none"),
    ],
)
def test_the_http_url_is_one_that_the_family_can_reach(http_url: str, family: int, expected: str) -> None:
    """A DHCPv6 client may have no IPv4 at all."""
    server = BootServer(NEAR, AMS, IPv4Address("10.1.1.1"), IPv6Address("fd00::1"), http_url)
    inputs = KeaInputs(Inventory(boot_servers=(server,)), make_routes())
    assert (target := placement(inputs, family=family).target_of(AMS)) is not None
    assert target.http_url == expected


def test_tftp_urls_bracket_ipv6_and_name_only_an_unusual_port() -> None:
    """EDK2 reads no port in a tftp URL, so the usual one is left out."""
    assert Target(NEAR, IPv6Address("fd00::1")).tftp_url("/a/b.efi") == "tftp://[fd00::1]/a/b.efi"
    assert Target(NEAR, IPv4Address("10.0.0.1"), tftp_port=6969).tftp_url("b") == "tftp://10.0.0.1:6969/b"
