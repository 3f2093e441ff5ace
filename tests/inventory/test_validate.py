"""How things must fit together, among documents and with what the database has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nearboot.inventory.load import read
from nearboot.inventory.validate import validate
from nearboot.model import Inventory

PLACES = """\
locations:
- {slug: emea, kind: region}
- {slug: ams, kind: site, parent: emea}
"""


def faults(text: str, known: Inventory = Inventory()) -> list[str]:  # noqa: B008 - a frozen value
    reading = read([("a.yaml", text)])
    assert reading.faults == ()
    return [str(fault) for fault in validate(reading.inventory, known, reading.places)]


def known(text: str) -> Inventory:
    return read([("known.yaml", text)]).inventory


def test_the_sample_has_no_faults(sample: Inventory, sample_text: str) -> None:
    """Neither alone, nor over itself."""
    assert faults(sample_text) == []
    assert faults(sample_text, sample) == []


@pytest.mark.parametrize(
    ("text", "field", "noun"),
    [
        pytest.param("locations: [{slug: x, kind: site, parent: no}]", "locations[0].parent", "location", id="parent"),
        pytest.param("servers: [{name: a, location: no}]", "servers[0].location", "location", id="location"),
        pytest.param("servers: [{name: a, location: ams, tier: no}]", "servers[0].tier", "tier", id="tier"),
        pytest.param(
            "servers: [{name: a, location: ams, model: no}]", "servers[0].model", "hardware model", id="model"
        ),
        pytest.param(
            "servers: [{name: a, location: ams, profile: no}]", "servers[0].profile", "boot profile", id="own"
        ),
        pytest.param("profiles: [{slug: p, image: no}]", "profiles[0].image", "image", id="image"),
        pytest.param("subnets: [{prefix: 10.0.0.0/8, location: no}]", "subnets[0].location", "location", id="subnet"),
        pytest.param("boot_servers: [{name: b, location: no}]", "boot_servers[0].location", "location", id="boot"),
        pytest.param(
            "origins: [{name: o, url: 'http://x', location: no}]", "origins[0].location", "location", id="origin"
        ),
    ],
)
def test_what_is_referred_to_must_exist(text: str, field: str, noun: str) -> None:
    (fault,) = faults(text, known(PLACES))
    assert fault.startswith(f"a.yaml:1: {field}: found the unknown {noun} 'no'; expected a {noun} of the files or")


def test_a_reference_may_be_to_the_database_and_near_names_are_suggested() -> None:
    assert faults("servers: [{name: a, location: ams}]", known(PLACES)) == []
    (fault,) = faults("servers: [{name: a, location: asm}]", known(PLACES))
    assert fault.endswith("did you mean 'ams'?")


@pytest.mark.parametrize(
    ("text", "start"),
    [
        pytest.param(
            "tiers:\n- slug: a\n- slug: a\n",
            "a.yaml:3: tiers[1].slug: found tier a again, first in a.yaml:2;",
            id="name",
        ),
        pytest.param(
            "subnets:\n- {prefix: 10.0.0.0/8, location: ams}\n- {prefix: 10.0.0.0/8, location: ams}\n",
            "a.yaml:3: subnets[1].prefix: found subnet 10.0.0.0/8 again, first in a.yaml:2;",
            id="prefix",
        ),
        pytest.param(
            "servers:\n- {name: a, location: ams, interfaces: [{name: e}, {name: e}]}\n",
            "a.yaml:2: servers[0].interfaces[1].name: found interface a, e again, first of a in a.yaml:2;",
            id="interface-name",
        ),
        pytest.param(
            "servers:\n- {name: a, location: ams, interfaces: [{name: e, duid: 000102}]}\n"
            "- {name: b, location: ams, interfaces: [{name: e, duid: 00:01:02}]}\n",
            "a.yaml:3: servers[1].interfaces[0].duid: found DUID 00:01:02 again, first of a in a.yaml:2;",
            id="duid",
        ),
        pytest.param(
            "servers:\n- {name: a, location: ams, interfaces: [{name: e, ipv6: 'fd00::1'}]}\n"
            "- {name: b, location: ams, interfaces: [{name: e, ipv6: 'fd00:0::1'}]}\n",
            "a.yaml:3: servers[1].interfaces[0].ipv6: found address fd00::1 again, first of a in a.yaml:2;",
            id="address",
        ),
        pytest.param(
            "boot_servers:\n- {name: a, location: ams, ipv4: 10.0.0.1}\n- {name: b, location: ams, ipv4: 10.0.0.1}\n",
            "a.yaml:3: boot_servers[1].ipv4: found address 10.0.0.1 again, first of a in a.yaml:2;",
            id="boot-server-address",
        ),
        pytest.param(
            "subnets:\n- {prefix: 10.0.0.0/8, location: ams, kea_id: 4}\n"
            "- {prefix: 11.0.0.0/8, location: ams, kea_id: 4}\n",
            "a.yaml:3: subnets[1].kea_id: found Kea id 4 of IPv4 again, first of 10.0.0.0/8 in a.yaml:2;",
            id="kea-id",
        ),
        pytest.param(
            "images: [{slug: i, kernel: k}]\ntiers: [{slug: t}]\nprofiles:\n"
            "- {slug: p, image: i, tier: t}\n- {slug: q, image: i, tier: t}\n",
            "a.yaml:5: profiles[1].slug: found profile for tier t, model any again, first of p in a.yaml:4;",
            id="profile",
        ),
    ],
)
def test_what_identifies_a_thing_identifies_one(text: str, start: str) -> None:
    """Both places are named."""
    (fault,) = faults(text, known(PLACES))
    assert fault.startswith(start)


def test_doubles_are_found_against_the_database() -> None:
    stored = known(PLACES + "servers: [{name: old, location: ams, interfaces: [{name: e, mac: 525400000001}]}]")
    moved = "servers:\n- {name: new, location: ams, interfaces: [{name: e, mac: 525400000001}]}\n"
    (fault,) = faults(moved, stored)
    assert "first of old in the database" in fault
    assert faults(moved + "- {name: old, location: ams}\n", stored) == []
    (fault,) = faults("subnets: [{prefix: 10.0.0.0/8, location: ams, kea_id: 3}, {prefix: 11.0.0.0/8, location: ams}]",
                      known(PLACES + "subnets: [{prefix: 11.0.0.0/8, location: ams, kea_id: 3}]"))  # fmt: skip
    assert "Kea id 3 of IPv4 again" in fault


def test_one_kea_id_in_both_families_is_no_double() -> None:
    text = "subnets: [{prefix: 10.0.0.0/8, location: ams, kea_id: 1}, {prefix: 'fd00::/8', location: ams, kea_id: 1}]"
    assert faults(text, known(PLACES)) == []


def test_one_address_of_a_server_and_of_a_boot_server_is_no_double() -> None:
    """A boot server may itself be an inventoried server."""
    text = (
        "servers: [{name: a, location: ams, interfaces: [{name: e, ipv4: 10.0.0.1}]}]\n"
        "boot_servers: [{name: a, location: ams, ipv4: 10.0.0.1}]\n"
    )
    assert faults(text, known(PLACES)) == []


@pytest.mark.parametrize(
    ("text", "start"),
    [
        pytest.param(
            "locations: [{slug: r, kind: room, parent: k}, {slug: k, kind: rack}]",
            "a.yaml:1: locations[0].parent: found the rack 'k' above the room 'r'; expected a parent of an outer level "
            "(region, site)",
            id="inward",
        ),
        pytest.param(
            "locations: [{slug: r, kind: region, parent: emea}]",
            "a.yaml:1: locations[0].parent: found the region 'emea' above the region 'r'; expected no parent for a",
            id="region-in-region",
        ),
        pytest.param(
            "locations: [{slug: r, kind: site, parent: r}]",
            "a.yaml:1: locations[0].parent: found the cycle r > r; expected a tree",
            id="itself",
        ),
        pytest.param(
            "locations: [{slug: emea, kind: rack}]",
            "a.yaml:1: locations[0].kind: found the rack 'emea' above the site 'ams'; expected a parent of an",
            id="above-one-of-the-database",
        ),
        pytest.param(
            "locations: [{slug: emea, kind: region, parent: ams}]",
            "a.yaml:1: locations[0].parent: found the cycle emea > ams > emea; expected a tree",
            id="cycle-through-the-database",
        ),
    ],
)
def test_locations_are_a_tree_of_levels(text: str, start: str) -> None:
    (fault,) = faults(text, known(PLACES))
    assert fault.startswith(start)


def test_who_hangs_below_a_cycle_is_not_at_fault() -> None:
    cycle = "{slug: a, kind: site, parent: b}, {slug: b, kind: site, parent: a}"
    text = f"locations: [{cycle}, {{slug: c, kind: room, parent: a}}]"
    assert len(faults(text)) == 2


def test_an_inventory_without_documents_is_validated_too(sample: Inventory) -> None:
    """An importer's inventory has no places."""
    reading = read([])
    broken = replace(sample, tiers=())
    found = [fault.field for fault in validate(broken, Inventory(), reading.places)]
    assert found == ["profiles[0].tier", "servers[0].tier", "servers[1].tier"]
