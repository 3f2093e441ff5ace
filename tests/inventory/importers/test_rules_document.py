"""The rules document: what may stand in it, and what is said about a wrong one."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from nearboot.errors import InputError
from nearboot.inventory.importers.rules import TierTable
from nearboot.inventory.importers.rules_document import load_rules
from nearboot.model import Firmware, HardwareModel, Location, LocationKind, Slug

EXAMPLE = Path(__file__).parents[3] / "examples" / "wikimedia" / "rules.yaml"


def test_a_full_document() -> None:
    """Every section, with what it creates."""
    rules = load_rules(
        """
create:
  locations:
    - {slug: ams, kind: site, latitude: 52.4, longitude: 4.9, aliases: [Amsterdam]}
  tiers: [{slug: web}]
  models: [{slug: vm, firmware: bios, console: "ttyS0,115200"}]
locations: [{match: "*.ams", location: ams}]
hostnames: [{regex: 'x\\d', location: ams}]
subnets: [{next_server: 192.0.2.1, location: ams}, {next_server: Boot.Example, location: ams}]
tiers: [{match: "web*", tier: web}]
tiers_csv: {file: t.csv, name_column: host, tier_column: tier}
models: [{setting: filename, match: "*", model: vm}]
boot_servers: {name: "boot-{location}", http_url: "http://{address}"}
""",
        "r",
    )
    assert rules.create_locations == (
        Location(Slug("ams"), LocationKind.SITE, latitude=52.4, longitude=4.9, aliases=("Amsterdam",)),
    )
    assert rules.create_models == (HardwareModel(Slug("vm"), firmware=Firmware.BIOS, console="ttyS0,115200"),)
    assert [rule.next_server for rule in rules.subnets] == [ip_address("192.0.2.1"), "boot.example"]
    assert rules.tiers_csv == TierTable("t.csv", "host", "tier")
    assert (rules.location_of_name("X1"), rules.tier_of_name("web1")) == ("ams", "web")
    assert rules.boot_servers.name == "boot-{location}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("", "r: found nothing", id="empty"),
        pytest.param("- x", "r:1: found a list; expected a mapping", id="list"),
        pytest.param("a: [", "broken YAML", id="no-yaml"),
        pytest.param("{}\n---\n{}", "2 YAML documents", id="two-documents"),
        pytest.param("location: []", "did you mean 'locations'", id="unknown-section"),
        pytest.param("locations:\n- {match: x}", r"r:2: locations\[0\]: found no field 'location'", id="missing-field"),
        pytest.param("hostnames: [{regex: '(', location: a}]", "expected a regular expression", id="bad-expression"),
        pytest.param("subnets: [{location: a}]", "a rule without a condition", id="no-condition"),
        pytest.param("subnets: [{location: a, prefix: 10.0.0.1/8}]", "host bits", id="host-bits"),
        pytest.param("subnets: [{location: a, next_server: 10.0.0.256}]", "an IP address or a host name", id="address"),
        pytest.param("boot_servers: {name: '{site}'}", "no other placeholders", id="placeholder"),
        pytest.param("boot_servers: {name: '{'}", "no other placeholders", id="broken-placeholder"),
        pytest.param("boot_servers: {http_url: '{address}:80'}", "an address such as http://", id="no-url"),
        pytest.param("tiers: [{match: x, tier: A b}]", "a slug", id="slug"),
        pytest.param(
            "create:\n  locations: [{slug: a, kind: site}]\nlocations:\n- {match: x, location: b}",
            r"r:4: locations\[0\]\.location: found the unknown location 'b'; expected a location that create",
            id="location-that-nobody-creates",
        ),
    ],
)
def test_a_wrong_document_is_refused(text: str, fault: str) -> None:
    """Each fault has file, line, field, found and expected."""
    with pytest.raises(InputError, match=fault):
        load_rules(text, "r")


def test_faults_come_together_in_the_order_of_lines() -> None:
    """A user mends them in one go."""
    with pytest.raises(InputError) as error:
        load_rules("locations:\n- {match: x}\ntiers: 1\nwhat: x\ncreate: {tiers: [{slug: X}]}\n", "r")
    assert [fault.line for fault in error.value.faults] == [2, 3, 4, 5]


def test_the_example_is_a_rules_document() -> None:
    """Five sites, each in a region, each with the city that latency tables measure."""
    rules = load_rules(EXAMPLE.read_text(), EXAMPLE.name)
    sites = {c.slug: c.aliases[0] for c in rules.create_locations if c.kind is LocationKind.SITE}
    assert sites == {
        "eqiad": "Washington",
        "codfw": "Dallas",
        "esams": "Amsterdam",
        "ulsfo": "San Francisco",
        "eqsin": "Singapore",
    }
    assert rules.location_of_name("cp3050.esams.wmnet") == "esams"
    assert rules.location_of_name("install5001.wikimedia.org") == "eqsin"
    assert rules.location_of_name("seaborgium.wikimedia.org") == "eqiad"
