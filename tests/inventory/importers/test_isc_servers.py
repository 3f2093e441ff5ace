"""Servers: names, places, tiers, models, settings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nearboot.inventory.finding import Severity
from nearboot.inventory.importers import ImportResult

Importing = Callable[..., ImportResult]
SUBNETS = """
subnet 10.1.0.0 netmask 255.255.255.0 { option domain-name "ams.example.net"; }
subnet 10.2.0.0 netmask 255.255.255.0 { option domain-name "fra.example.net"; }
"""


def codes(result: ImportResult) -> list[str]:
    return [f.code for f in result.findings if f.severity is not Severity.INFO]


@pytest.mark.parametrize(
    ("host", "name", "domain", "location"),
    [
        pytest.param(
            "host x { fixed-address Web01.AMS.example.net.; }",
            "web01.ams.example.net",
            "ams.example.net",
            "ams",
            id="fixed-name",
        ),
        pytest.param(
            "host web01 { fixed-address 10.2.0.9; }", "web01", "fra.example.net", "fra", id="subnet-of-address"
        ),
        pytest.param(
            'host web01 { option domain-name "ams.example.net"; }', "web01", "ams.example.net", "ams", id="own-domain"
        ),
        pytest.param(
            "host web01.fra.example.net { }", "web01.fra.example.net", "fra.example.net", "fra", id="name-of-block"
        ),
        pytest.param(
            "subnet 10.2.9.0 netmask 255.255.255.0 { host web01 { } }", "web01", "", "fra", id="subnet-around"
        ),
    ],
)
def test_name_domain_and_location(importing: Importing, host: str, name: str, domain: str, location: str) -> None:
    """The fixed address's name goes first, then the block's; the place by name, by address, by the subnet around."""
    (server,) = importing(SUBNETS + host).inventory.servers
    assert (server.name, server.domain, server.location) == (name, domain, location)


def test_a_host_without_location_is_an_error_and_counted(importing: Importing) -> None:
    """A server must stand somewhere; the hint says which rule to write."""
    result = importing("host x { hardware ethernet 2:0:0:0:0:1; fixed-address x.example.org; }")
    assert (result.counts.hosts_read, result.counts.servers) == (1, 0)
    assert result.counts.not_imported == {"host:no-location": 1}
    assert (result.findings[0].code, result.findings[0].subject) == ("no-location", "x.example.org")
    assert "locations" in result.findings[0].hint


def test_name_and_address_that_tell_different_places_are_a_contradiction(importing: Importing) -> None:
    """The name's rule wins, and a person is told."""
    result = importing(
        SUBNETS + "host web01.ams.example.net { hardware ethernet 2:0:0:0:0:1; fixed-address 10.2.0.9; }"
    )
    assert result.inventory.servers[0].location == "ams"
    assert codes(result) == ["location-contradiction", "no-tier"]


def test_two_blocks_of_one_name_are_two_interfaces_of_one_server(importing: Importing) -> None:
    """No host is lost, and the counts add up."""
    result = importing(
        "host a-1 { hardware ethernet 2:0:0:0:0:1; fixed-address a.ams.example.net; }"
        "host a-2 { hardware ethernet 2:0:0:0:0:2; fixed-address a.ams.example.net; option x.y 1; }"
    )
    (server,) = result.inventory.servers
    assert [(i.name, i.mac) for i in server.interfaces] == [
        ("net0", "02:00:00:00:00:01"),
        ("net1", "02:00:00:00:00:02"),
    ]
    assert server.params == {"x.y": "1"}
    assert (result.counts.hosts_read, result.counts.servers, result.counts.hosts_merged) == (2, 1, 1)
    assert codes(result) == ["no-tier", "host-merged", "address-is-name"]


def test_what_a_further_block_contradicts_is_told(importing: Importing) -> None:
    """The first block wins; nothing of the second disappears without a word."""
    result = importing(
        SUBNETS + "host a { hardware ethernet 2:0:0:0:0:1; fixed-address 10.1.0.5; option x.y 1; }"
        "host A { hardware ethernet 2:0:0:0:0:2; fixed-address 10.2.0.5; option x.y 2; }"
    )
    (server,) = result.inventory.servers
    assert (server.location, server.params) == ("ams", {"x.y": "1"})
    assert codes(result) == ["no-tier", "host-merged", "location-contradiction", "setting-contradiction"]


def test_further_names_of_one_block_are_told(importing: Importing) -> None:
    """A server has one name."""
    result = importing("host a { hardware ethernet 2:0:0:0:0:1; fixed-address a.ams.example.net, b.ams.example.net; }")
    assert result.inventory.servers[0].name == "a.ams.example.net"
    assert codes(result) == ["name-extra", "no-tier", "address-is-name"]


def test_settings_of_hosts_and_groups_become_params_and_are_told(importing: Importing) -> None:
    """A host's own setting beats the group's; next-server is told one by one, the rest with a count."""
    host = "host %s { hardware ethernet 2:0:0:0:0:%d; fixed-address %s.ams.example.net; %s }\n"
    own = 'option pxelinux.pathprefix "http://x/";'
    text = host % ("a", 1, "a", own) + host % ("b", 2, "b", own) + host % ("c", 3, "c", "next-server 192.0.2.9;")
    result = importing('group { option pxelinux.pathprefix "y"; filename "z";\n' + text + "}")
    assert [server.params for server in result.inventory.servers] == [
        {"pxelinux.pathprefix": "http://x/", "filename": "z"},
        {"pxelinux.pathprefix": "http://x/", "filename": "z"},
        {"pxelinux.pathprefix": "y", "filename": "z", "next-server": "192.0.2.9"},
    ]
    told = {(f.code, f.subject): (f.count, f.line) for f in result.findings if f.code != "no-tier"}
    assert told[("host-setting", "pxelinux.pathprefix")] == (2, 2)
    assert told[("group-setting", "filename")] == (3, 1)
    assert told[("next-server-override", "c.ams.example.net")] == (1, 4)
    assert not any(f.code == "statement-unused" for f in result.findings)


def test_tier_by_table_then_by_glob_and_model_by_setting(importing: Importing) -> None:
    """The table names hosts one by one, so it goes before the globs."""
    rules = """
tiers: [{match: "web*", tier: web}]
tiers_csv: roles.csv
models: [{setting: server-name, match: "vm*", model: kvm}]
"""
    host = "host %s { hardware ethernet 2:0:0:0:0:%d; fixed-address %s.ams.example.net; %s }\n"
    text = host % ("web1", 1, "web1", 'server-name "vm7";') + host % ("web2", 2, "web2", "") + host % ("x", 3, "x", "")
    result = importing(text, rules, tiers="fqdn,role\nWEB2.ams.example.net,cache::text\nother,db\n")
    assert [(s.tier, s.model) for s in result.inventory.servers] == [
        ("web", "kvm"),
        ("cache--text", None),
        (None, None),
    ]
    assert [(t.slug, t.name) for t in result.inventory.tiers] == [("cache--text", "cache::text"), ("web", "")]
    told = {f.code: f.count for f in result.findings}
    assert (told["no-tier"], told["tier-renamed"], told["tier-without-server"]) == (1, 1, 1)
