"""Documents to inventories, and what broken documents are told."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.errors import InputError
from nearboot.inventory.load import load, parse, read
from nearboot.model import Interface, Inventory

PLACE = "locations: [{slug: x, kind: site}]\n"
SERVER = "servers: [{{name: {}, location: x, interfaces: [{{name: e, mac: 520000000001}}]}}]\n"


def faults(text: str, known: Inventory = Inventory()) -> list[str]:  # noqa: B008 - a frozen value
    with pytest.raises(InputError) as caught:
        load([("a.yaml", text)], known)
    return [str(fault) for fault in caught.value.faults]


def test_values_are_the_text_that_was_written(sample: Inventory) -> None:
    """YAML 1.1 would read ``on`` as true, 1:30 as 90, 00123 as 83; and one spelling of a MAC goes out."""
    server = next(each for each in sample.servers if each.name == "web-ams-01")
    assert server.params == {"role": "frontend", "enabled": "on", "minutes": "1:30", "empty": ""}
    assert server.serial == "00123"
    assert server.uuid == "4c4c4544-0042-4410-8056-b4c04f313233"
    assert server.interfaces == (
        Interface("eth1", mac="52:54:00:00:01:02", boot=False),
        Interface(
            "eth0",
            mac="52:54:00:00:01:01",
            duid="00:03:00:01:52:54:00:00:01:01",
            ipv4=IPv4Address("10.10.0.11"),
            ipv6=IPv6Address("fd10::11"),
        ),
    )


def test_what_a_document_leaves_out_is_left_to_the_database(sample: Inventory) -> None:
    states = {each.name: each.state for each in sample.boot_servers}
    assert states["ams-boot"] is None
    assert [each.kea_id for each in sample.subnets] == [None, 7, None]


def test_a_mac_that_yaml_would_take_for_a_number_is_a_mac() -> None:
    """11:22:33:44:55:06 without quotes is a number to the base of 60 in YAML 1.1."""
    text = "servers: [{name: a, location: x, interfaces: [{name: e, mac: 11:22:33:44:55:06}]}]"
    inventory, _ = parse([("a.yaml", text)])
    assert inventory.servers[0].interfaces[0].mac == "11:22:33:44:55:06"


def test_several_files_and_documents_make_one_inventory() -> None:
    inventory, places = parse(
        [("a.yaml", "tiers: [{slug: a}]\n---\ntiers:\n- slug: b\n"), ("b.yaml", "tiers: [{slug: c}]")]
    )
    assert [tier.slug for tier in inventory.tiers] == ["a", "b", "c"]
    assert [places.where("tiers", n, "slug") for n in range(3)] == ["a.yaml:1", "a.yaml:4", "b.yaml:1"]


def test_anchors_and_merges_save_typing() -> None:
    text = """\
servers:
  - &first {name: a, location: x, params: &p {role: web, size: big}}
  - {<<: *first, name: b}
  - {<<: [{name: c}, *first], params: {<<: *p, size: small}}
"""
    inventory, _ = parse([("a.yaml", text)])
    assert [(each.name, each.location, dict(each.params)) for each in inventory.servers] == [
        ("a", "x", {"role": "web", "size": "big"}),
        ("b", "x", {"role": "web", "size": "big"}),
        ("c", "x", {"role": "web", "size": "small"}),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "servers:\n- name: a\n  location: nowhere\n",
            ["a.yaml:3: servers[0].location: found the unknown location 'nowhere'; expected a location of the"],
            id="unknown-location",
        ),
        pytest.param(
            "locations:\n- {slug: x, kind: site}\nservers:\n"
            "- {name: a, location: x, interfaces: [{name: e, mac: 52:54:00:00:00:01}]}\n"
            "- {name: b, location: x, interfaces: [{name: e, mac: 5254.0000.0001}]}\n",
            ["a.yaml:5: servers[1].interfaces[0].mac: found MAC 52:54:00:00:00:01 again, first of a in a.yaml:4;"],
            id="duplicate-mac",
        ),
        pytest.param(
            "locations:\n- {slug: x, kind: site}\nsubnets:\n"
            "- {prefix: 10.0.0.0/16, location: x}\n- {prefix: 10.0.3.0/24, location: x}\n",
            ["a.yaml:5: subnets[1].prefix: found 10.0.3.0/24, which overlaps 10.0.0.0/16 of x in a.yaml:4;"],
            id="overlapping-prefixes",
        ),
        pytest.param(
            "locations:\n- {slug: x, kind: site}\nboot_servers:\n- {name: b, location: x, ipv4: 10.0.0.256}\n",
            ["a.yaml:4: boot_servers[0].ipv4: found '10.0.0.256'; expected an IPv4 address"],
            id="bad-address",
        ),
        pytest.param(
            "locations:\n- {slug: a, kind: site, parent: b}\n- {slug: b, kind: site, parent: a}\n",
            [
                "a.yaml:2: locations[0].parent: found the cycle a > b > a; expected a tree",
                "a.yaml:3: locations[1].parent: found the cycle b > a > b; expected a tree",
            ],
            id="cycle",
        ),
        pytest.param(
            "tiers: {slug: web}\nmodels:\n- {slug: [a]}\n",
            [
                "a.yaml:1: tiers: found a mapping; expected a list",
                "a.yaml:3: models[0].slug: found a list; expected a slug",
            ],
            id="wrong-type",
        ),
        pytest.param(
            "tiers:\n\t- slug: web\n",
            ["a.yaml:2: found a tab; expected spaces"],
            id="tab",
        ),
        pytest.param(
            "tiers:\n- slug: a\n- name: Web\n",
            ["a.yaml:3: tiers[1]: found no field 'slug'; expected 'slug', which is required"],
            id="missing-field",
        ),
        pytest.param(
            "locations:\n- slug: x\n  kind: site\n  latitud: 3\n",
            ["a.yaml:4: locations[0].latitud: found an unknown field; expected one of slug, kind,"],
            id="unknown-field",
        ),
        pytest.param(
            "", ["a.yaml: found an empty document; expected a mapping with some of the keys locations"], id="empty"
        ),
        pytest.param("# only a comment\n---\n", ["a.yaml: found an empty document"], id="only-comments"),
        pytest.param("- a\n- b\n", ["a.yaml:1: found a list; expected a mapping with some"], id="list"),
        pytest.param("hello\n", ["a.yaml:1: found text; expected a mapping with some"], id="text"),
        pytest.param("server: []\n", ["a.yaml:1: server: found an unknown key; expected one of"], id="unknown-key"),
        pytest.param(
            "tiers:\n- slug: a\n  name: x\n  slug: b\n",
            ["a.yaml:4: tiers[0].slug: found the field twice (first in line 2); expected each field once"],
            id="field-twice",
        ),
        pytest.param(
            "tiers: []\ntiers: []\n", ["a.yaml:2: tiers: found the field twice (first in line 1)"], id="key-twice"
        ),
        pytest.param(
            "tiers: [{slug: !!python/name:os.system x}]", ["a.yaml:1: tiers[0].slug: found the YAML tag"], id="tag"
        ),
        pytest.param("tiers: [{slug: a\n", ["a.yaml:2: found broken YAML"], id="syntax"),
        pytest.param("tiers: &a [*a]", ["a.yaml:1: tiers[0]: found a list; expected a mapping"], id="holds-itself"),
        pytest.param(
            "tiers: [&a {<<: *a, slug: x}]", ["a.yaml:1: tiers[0].<<: found a mapping; expected"], id="merges-itself"
        ),
        pytest.param("tiers: [{slug: \x00}]", ["a.yaml: found"], id="nul"),
        pytest.param(
            "servers: [{name: a, location: x, bmc: {address: b, credential: hunter2}}]",
            [
                "a.yaml:1: servers[0].bmc.credential: found a text that is not shown here; expected a reference",
                "a.yaml:1: servers[0].location: found the unknown location 'x'",
            ],
            id="secret-is-not-shown",
        ),
    ],
)
def test_a_broken_document_is_told_file_line_field_and_what_was_expected(text: str, expected: list[str]) -> None:
    found = faults(text)
    assert len(found) == len(expected), found
    for one, start in zip(found, expected, strict=True):
        assert one.startswith(start)
    assert "hunter2" not in "".join(found)


def test_what_is_at_fault_is_looked_at_whole() -> None:
    """References and doubles of a thing with a fault of its own are told in the same round."""
    server = "servers:\n- {name: a, location: x, interfaces: [{name: e, mac: 520000000001}]}\n"
    bad = "- {name: b, location: y, serail: 1, interfaces: [{name: e, mac: 520000000001}, {name: f, mac: z}]}\n"
    found = [fault.partition(";")[0] for fault in faults(PLACE + server + bad)]
    assert [fault.removeprefix("a.yaml:4: servers[1]") for fault in found] == [
        ".serail: found an unknown field",
        ".interfaces[1].mac: found 'z'",
        ".location: found the unknown location 'y'",
        ".interfaces[0].mac: found MAC 52:00:00:00:00:01 again, first of a in a.yaml:3",
    ]


def test_a_thing_without_its_place_is_looked_at_as_well() -> None:
    """A place that is missing, or that is no slug, hides no double."""
    servers = "servers:\n- {name: a, interfaces: [{name: e, mac: 520000000001}]}\n"
    servers += "- {name: b, location: A B, interfaces: [{name: e, mac: 520000000001}]}\n"
    subnets = "subnets:\n- {prefix: 10.0.0.0/8}\n- {prefix: 10.1.0.0/16, location: x}\n"
    found = [fault.partition(";")[0] for fault in faults(PLACE + servers + subnets)]
    assert [fault.removeprefix("a.yaml:") for fault in found] == [
        "3: servers[0]: found no field 'location'",
        "4: servers[1].location: found 'A B'",
        "4: servers[1].interfaces[0].mac: found MAC 52:00:00:00:00:01 again, first of a in a.yaml:3",
        "6: subnets[0]: found no field 'location'",
        "7: subnets[1].prefix: found 10.1.0.0/16, which overlaps 10.0.0.0/8 in a.yaml:6",
    ]


def test_a_thing_without_some_of_its_fields_clashes_with_no_other() -> None:
    """A profile whose tier cannot be read is not one for any tier; nor does a list move up."""
    image = "images: [{slug: i, kernel: k}]\n"
    profiles = "profiles: [{slug: all, image: i}, {slug: some, image: i, tier: A B}]\n"
    assert len(faults(image + profiles)) == 1
    interfaces = "[{name: [e], mac: 520000000002}, {name: f, mac: 520000000001}]"
    assert (
        len(
            faults(
                PLACE + f"servers:\n- {{name: a, location: x}}\n- {{name: b, location: x, interfaces: {interfaces}}}\n"
            )
        )
        == 1
    )


def test_a_near_miss_is_suggested() -> None:
    assert "did you mean 'latitude'?" in faults("locations: [{slug: x, kind: site, latitud: 3}]")[0]
    assert "did you mean 'servers'?" in faults("server: []")[0]
    assert "did you mean 'site'?" in faults("locations: [{slug: x, kind: sites}]")[0]


def test_all_faults_come_at_once_in_the_order_of_the_files() -> None:
    """Faults of fields, of references and of a second file are told together."""
    documents = [
        ("b.yaml", "servers:\n- {name: a, location: x, tier: none}\n- {name: b, location: x, uuid: 7}\n"),
        ("a.yaml", "locations:\n- {slug: x, kind: site}\n- {slug: y, kind: palace}\n"),
    ]
    with pytest.raises(InputError) as caught:
        load(documents, Inventory())
    assert [(fault.file, fault.line, fault.field) for fault in caught.value.faults] == [
        ("b.yaml", 2, "servers[0].tier"),
        ("b.yaml", 3, "servers[1].uuid"),
        ("a.yaml", 3, "locations[1].kind"),
    ]


def test_who_refers_to_a_thing_with_faults_is_not_at_fault() -> None:
    text = "locations: [{slug: x, kind: palace}]\nservers: [{name: a, location: x}]\n"
    assert len(faults(text)) == 1


def test_parse_raises_the_faults_of_the_fields_only() -> None:
    inventory, _ = parse([("a.yaml", "servers: [{name: a, location: nowhere}]")])
    assert inventory.servers[0].location == "nowhere"
    with pytest.raises(InputError):
        parse([("a.yaml", "servers: [{name: a}]")])


def test_what_a_load_prunes_can_be_replaced_but_not_referred_to() -> None:
    """The same MAC under a new name is a renamed server, if the old one goes."""
    known, _ = parse([("k.yaml", PLACE + SERVER.format("old"))])
    renamed = [("a.yaml", PLACE + SERVER.format("new"))]
    assert [server.name for server in load(renamed, known, prune=True).servers] == ["new"]
    with pytest.raises(InputError, match="MAC 52:00:00:00:00:01 again, first of old in the database"):
        load(renamed, known)
    alone = [("a.yaml", "servers: [{name: new, location: x}]")]
    assert load(alone, known)
    with pytest.raises(InputError, match="unknown location 'x'"):
        load(alone, known, prune=True)


def test_a_pruning_load_still_minds_the_kea_ids_that_stay() -> None:
    known, _ = parse([("k.yaml", PLACE + "subnets: [{prefix: 10.0.0.0/24, location: x, kea_id: 5}]")])
    text = PLACE + "subnets: [{prefix: 10.0.1.0/24, location: x, kea_id: 5}, {prefix: 10.0.0.0/24, location: x}]"
    with pytest.raises(InputError, match="Kea id 5"):
        load([("a.yaml", text)], known, prune=True)


def test_nesting_without_end_is_a_fault() -> None:
    """No text makes the reader fall over."""
    assert faults("tiers: " + "[" * 5000)
    assert faults("tiers: " + "[" * 5000 + "]" * 5000)


@given(st.text(alphabet=st.sampled_from("abslug:{}[]-,&*!<>|'\"#%\t\n 0~é\ud800\x07"), max_size=60))
def test_any_text_gives_a_reading(text: str) -> None:
    """Whatever a file holds, it gives values and faults, never another exception."""
    reading = read([("any.yaml", text)])
    assert reading.faults or isinstance(reading.inventory, Inventory)
