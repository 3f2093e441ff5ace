"""The import doctor: each of its checks on the smallest inventory that has the trouble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import pytest

from nearboot.inventory.check import CHECKS, check
from nearboot.inventory.finding import Severity
from nearboot.model import (
    AdminState,
    BootProfile,
    BootServer,
    Image,
    Interface,
    Inventory,
    Location,
    LocationKind,
    Mac,
    Server,
    Slug,
    Subnet,
    Tier,
)


def slug(text: str) -> Slug:
    return Slug(text)


EU = Location(slug("eu"), LocationKind.REGION)
AMS = Location(slug("ams"), LocationKind.SITE, parent=slug("eu"), aliases=("Amsterdam",))
FRA = Location(slug("fra"), LocationKind.SITE, parent=slug("eu"), latitude=50.1, longitude=8.7)
RACK = Location(slug("ams-r1"), LocationKind.RACK, parent=slug("ams"))
BOOT = BootServer(slug("ams-boot"), slug("ams"), IPv4Address("10.1.0.2"), http_url="http://10.1.0.2:8080")
SUBNET = Subnet(ip_network("10.1.0.0/24"), slug("ams"), gateway=ip_address("10.1.0.1"))
FAR = Subnet(ip_network("10.2.0.0/24"), slug("fra"), gateway=ip_address("10.2.0.1"))
NIC = Interface("net0", Mac("02:00:00:00:00:01"), ipv4=IPv4Address("10.1.0.5"))
WEB = Server("web01", slug("ams-r1"), tier=slug("web"), interfaces=(NIC,))
PROFILE = BootProfile(slug("all"), slug("debian"))
GOOD = Inventory(
    locations=(EU, AMS, FRA, RACK),
    tiers=(Tier(slug("web")),),
    servers=(WEB,),
    subnets=(SUBNET,),
    boot_servers=(BOOT,),
    images=(Image(slug("debian"), "linux"),),
    profiles=(PROFILE,),
)
TWIN = replace(WEB, name="web02", interfaces=(replace(NIC, ipv4=None),))


def test_a_good_inventory_has_no_findings() -> None:
    """Silence means ready."""
    assert check(GOOD) == ()
    assert check(Inventory()) == ()


@pytest.mark.parametrize(
    ("change", "code", "severity", "subject"),
    [
        pytest.param({"servers": (WEB, TWIN)}, "duplicate-mac", "error", "02:00:00:00:00:01", id="mac"),
        pytest.param(
            {"servers": (WEB, replace(WEB, name="web02", interfaces=(replace(NIC, mac=Mac("02:00:00:00:00:02")),)))},
            "duplicate-address",
            "error",
            "10.1.0.5",
            id="address",
        ),
        pytest.param(
            {"subnets": (replace(SUBNET, prefix=ip_network("10.1.0.0/25")), SUBNET)},
            "subnet-overlap",
            "error",
            "10.1.0.0/25",
            id="overlap",
        ),
        pytest.param(
            {"servers": (replace(WEB, location=slug("moon"), interfaces=(replace(NIC, ipv4=None),)),)},
            "location-unknown",
            "error",
            "moon",
            id="location",
        ),
        pytest.param(
            {"servers": (replace(WEB, interfaces=(replace(NIC, mac=None),)),)},
            "server-no-mac",
            "error",
            "web01",
            id="no-mac",
        ),
        pytest.param(
            {"servers": (replace(WEB, interfaces=(replace(NIC, boot=False),)),)},
            "server-no-mac",
            "error",
            "web01",
            id="no-boot-interface",
        ),
        pytest.param({"boot_servers": ()}, "no-boot-servers", "error", "", id="no-boot-servers"),
        pytest.param(
            {"boot_servers": (replace(BOOT, state=AdminState.DISABLED),)},
            "no-boot-servers",
            "error",
            "",
            id="disabled-boot-server",
        ),
        pytest.param(
            {"boot_servers": (replace(BOOT, location=slug("fra")),)},
            "server-no-boot-server",
            "warning",
            "ams-r1",
            id="boot-server-elsewhere",
        ),
        pytest.param(
            {"subnets": (SUBNET, FAR)}, "subnet-no-boot-server", "warning", "10.2.0.0/24", id="subnet-without"
        ),
        pytest.param(
            {"subnets": (replace(SUBNET, gateway=None),)},
            "subnet-no-gateway",
            "warning",
            "10.1.0.0/24",
            id="no-gateway",
        ),
        pytest.param(
            {"subnets": (replace(SUBNET, gateway=ip_address("10.9.0.1")),)},
            "subnet-gateway-outside",
            "error",
            "10.1.0.0/24",
            id="gateway-outside",
        ),
        pytest.param({"subnets": ()}, "address-outside-subnets", "warning", "web01", id="no-subnet"),
        pytest.param(
            {"subnets": (replace(SUBNET, location=slug("fra")),)},
            "address-outside-location",
            "error",
            "web01",
            id="address-of-another-site",
        ),
        pytest.param(
            {"locations": (EU, replace(AMS, aliases=()), RACK)}, "location-unplaced", "warning", "ams", id="unplaced"
        ),
        pytest.param({"profiles": ()}, "no-profiles", "warning", "", id="no-profiles"),
        pytest.param(
            {"profiles": (replace(PROFILE, tier=slug("db")),)}, "server-no-profile", "warning", "web", id="no-match"
        ),
        pytest.param(
            {"servers": (replace(WEB, profile=slug("gone")),)}, "profile-unknown", "error", "gone", id="profile-unknown"
        ),
        pytest.param({"servers": (replace(WEB, tier=None),)}, "server-no-tier", "info", "", id="no-tier"),
        pytest.param(
            {"boot_servers": (BOOT, replace(BOOT, name=slug("b2"), ipv4=None))},
            "boot-server-no-address",
            "error",
            "b2",
            id="no-address",
        ),
        pytest.param(
            {"boot_servers": (replace(BOOT, http_url=""),)}, "boot-server-no-http", "warning", BOOT.name, id="http"
        ),
        pytest.param({"images": ()}, "profile-no-image", "error", "all", id="no-image"),
    ],
)
def test_each_trouble_has_its_code(change: Mapping[str, Any], code: str, severity: str, subject: str) -> None:
    """One trouble put into a good inventory brings its finding, with a hint what to do."""
    findings = {f.code: f for f in check(replace(GOOD, **change))}
    assert code in findings
    found = findings[code]
    assert (found.severity.value, found.subject) == (severity, subject)
    assert found.hint


def test_a_boot_server_anywhere_in_the_site_or_above_it_is_near() -> None:
    """The rack's own, another rack's, the site's, the region's; not another site's."""
    other = replace(RACK, slug=slug("ams-r2"))
    for place, near in (("ams-r1", True), ("ams-r2", True), ("ams", True), ("eu", True), ("fra", False)):
        boot = replace(BOOT, location=slug(place))
        found = check(replace(GOOD, locations=(*GOOD.locations, other), boot_servers=(boot,)))
        assert ("server-no-boot-server" not in {f.code for f in found}) == near


def test_what_many_servers_share_is_one_finding_with_their_count() -> None:
    """A thousand lines of one trouble hide the others."""
    servers = tuple(
        replace(WEB, name=f"w{n}", interfaces=(Interface("net0", Mac(f"02:00:00:00:{n // 256:02x}:{n % 256:02x}")),))
        for n in range(1000)
    )
    (finding,) = check(replace(GOOD, servers=servers, profiles=(replace(PROFILE, tier=slug("db")),)))
    assert (finding.code, finding.count) == ("server-no-profile", 1000)


def test_gravest_findings_come_first() -> None:
    """A reader may stop early."""
    found = check(
        replace(GOOD, servers=(replace(WEB, tier=None),), images=(), subnets=(replace(SUBNET, gateway=None),))
    )
    assert [f.severity for f in found] == [Severity.ERROR, Severity.WARNING, Severity.INFO]


def test_a_circle_of_locations_is_survived() -> None:
    """Also an inventory that no database would take."""
    circle = (replace(AMS, parent=slug("ams-r1")), RACK)
    check(replace(GOOD, locations=circle))


def test_every_check_is_in_the_list_once() -> None:
    """A check that nobody calls finds nothing."""
    assert len(set(CHECKS)) == len(CHECKS)
