"""Rules: which one matches what."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

import pytest

from nearboot.inventory.importers.rules import ExpressionRule, NameRule, Rules, SubnetRule
from nearboot.model import Slug

RULES = Rules(
    locations=(NameRule("*.ams.example.net", Slug("ams")), NameRule("db*", Slug("fra"))),
    hostnames=(ExpressionRule(re.compile(r"[a-z]+3\d{3}\.example\.net"), Slug("lon")),),
    subnets=(
        SubnetRule(Slug("ams"), prefix=ip_network("10.1.0.0/16"), domain="*.ams.example.net"),
        SubnetRule(Slug("fra"), prefix=ip_network("10.0.0.0/8")),
        SubnetRule(Slug("lon"), next_server=ip_address("192.0.2.1")),
    ),
    tiers=(NameRule("cp*", Slug("cache")), NameRule("*", Slug("other"))),
)


@pytest.mark.parametrize(
    ("name", "location"),
    [
        pytest.param("web01.ams.example.net", "ams", id="glob"),
        pytest.param("DB01.AMS.example.net", "ams", id="first-wins-and-case-is-nothing"),
        pytest.param("db3001.example.net", "fra", id="globs-before-expressions"),
        pytest.param("cp3050.example.net", "lon", id="digit-convention"),
        pytest.param("cp3050.example.network", None, id="expression-is-of-the-whole-name"),
        pytest.param("cp4050.example.net", None, id="none"),
    ],
)
def test_location_of_name(name: str, location: str | None) -> None:
    """The first rule that matches wins; globs go before expressions."""
    assert RULES.location_of_name(name) == location


@pytest.mark.parametrize(
    ("prefix", "next_server", "domain", "location"),
    [
        pytest.param("10.1.2.0/24", None, "x.ams.example.net", "ams", id="both-conditions"),
        pytest.param("10.1.2.0/24", None, "example.net", "fra", id="one-condition-fails"),
        pytest.param("172.16.0.0/24", ip_address("192.0.2.1"), "", "lon", id="next-server"),
        pytest.param("0.0.0.0/0", None, "", None, id="wider-than-the-rule"),
        pytest.param("2001:db8::/64", None, "", None, id="other-family"),
    ],
)
def test_location_of_subnet(prefix: str, next_server: object, domain: str, location: str | None) -> None:
    """Every condition that a rule has must hold."""
    target = next_server if isinstance(next_server, type(ip_address("192.0.2.1"))) else None
    assert RULES.location_of_subnet(ip_network(prefix), target, domain) == location


def test_location_of_next_server() -> None:
    """By the rule that names it, or by its name."""
    assert RULES.location_of_next_server(ip_address("192.0.2.1")) == "lon"
    assert RULES.location_of_next_server("boot.ams.example.net") == "ams"
    assert RULES.location_of_next_server(ip_address("192.0.2.2")) is None


def test_tier_of_name() -> None:
    """Tiers by glob, first match first."""
    assert (RULES.tier_of_name("cp3050.example.net"), RULES.tier_of_name("db1")) == ("cache", "other")
