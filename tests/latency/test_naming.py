"""What a name means: in which order, and when it means nothing."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest

from nearboot.latency.naming import Naming, Near
from nearboot.model import BootServer, Location, LocationKind, Slug, Subnet

SITE = LocationKind.SITE
LOCATIONS = (
    Location(Slug("eu"), LocationKind.REGION, latitude=50.0, longitude=10.0),
    Location(Slug("ams"), SITE, "Amsterdam", Slug("eu"), 52.37, 4.90, ("schiphol",)),
    Location(Slug("ams-r1"), LocationKind.RACK, "", Slug("ams"), 52.37, 4.90),
    Location(Slug("fra"), SITE, "Frankfurt", Slug("eu"), 50.11, 8.68, ("main",)),
    Location(Slug("was"), SITE, "Washington", None, 38.90, -77.04, ("main",)),
)
SERVERS = (
    BootServer(
        Slug("boot-fra"), Slug("fra"), IPv4Address("10.9.0.1"), IPv6Address("2001:db8:9::1"), "http://boot.fra.net:80"
    ),
    BootServer(Slug("was"), Slug("ams")),
)
SUBNETS = (
    Subnet(ip_network("10.0.0.0/8"), Slug("was")),
    Subnet(ip_network("10.1.0.0/16"), Slug("ams")),
    Subnet(ip_network("2001:db8:1::/48"), Slug("ams")),
)
PLACES = {"Haarlem": (52.38, 4.64), "Utrecht": (52.09, 5.12), "Secaucus": (40.79, -74.06), "Ashburn": (39.04, -77.49)}
NAMING = Naming.of(LOCATIONS, SERVERS, SUBNETS, places=PLACES)


@pytest.mark.parametrize(
    ("name", "location"),
    [
        pytest.param("ams", "ams", id="slug"),
        pytest.param("AMSTERDAM ", "ams", id="name-in-another-case"),
        pytest.param("Schiphol", "ams", id="alias"),
        pytest.param("boot-fra", "fra", id="boot-server"),
        pytest.param("BOOT.fra.net", "fra", id="host-of-its-url"),
        pytest.param("was", "was", id="a-location-before-a-boot-server"),
        pytest.param("10.9.0.1", "fra", id="address-of-a-boot-server"),
        pytest.param("2001:DB8:9:0::1", "fra", id="address-in-another-spelling"),
        pytest.param("10.1.2.3", "ams", id="longest-prefix"),
        pytest.param("10.2.2.3", "was", id="shorter-prefix"),
        pytest.param("2001:db8:1::5", "ams", id="v6-prefix"),
        pytest.param("192.0.2.1", None, id="foreign-address"),
        pytest.param("Haarlem", "ams", id="near"),
        pytest.param("ashburn", "was", id="near-in-another-case"),
        pytest.param("Secaucus", None, id="far"),
        pytest.param("Atlantis", None, id="nowhere"),
    ],
)
def test_name_means_a_location(name: str, location: str | None) -> None:
    """By name before address before coordinates; a region is too wide to be near, a rack too narrow."""
    assert NAMING.place([name]).known.get(name) == location


def test_alias_of_two_locations_is_ambiguous() -> None:
    """The user is asked, not the dice."""
    placement = NAMING.place(["main", "ams"])
    assert (placement.ambiguous, placement.known) == ({"main": ("fra", "was")}, {"ams": "ams"})


def test_nearest_name_alone_means_a_location() -> None:
    """Two towns near one site would be mixed; a name of its own goes before both."""
    placement = NAMING.place(["Utrecht", "Haarlem"])
    assert list(placement.near) == ["Haarlem"]
    assert placement.near["Haarlem"] == Near(Slug("ams"), pytest.approx(17.7, abs=0.5))
    assert "km from ams, which has a nearer name" in placement.passed_over["Utrecht"]
    assert NAMING.place(["Haarlem", "ams"]).known == {"ams": "ams"}
    assert NAMING.place(["Secaucus"]).passed_over == {
        "Secaucus": "no location is within 50 km: the nearest, was, is 330 km away"
    }


def test_distance_is_the_users() -> None:
    """0 km: coordinates mean nothing."""
    wide = Naming.of(LOCATIONS, places=PLACES, within_km=400)
    assert wide.place(["Secaucus"]).known == {"Secaucus": "was"}
    assert Naming.of(LOCATIONS, places=PLACES, within_km=0).place(PLACES).known == {}
