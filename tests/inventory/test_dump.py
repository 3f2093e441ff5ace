"""Inventories to documents: stable, and loading back to the same."""

from __future__ import annotations

import random
from dataclasses import fields, replace

import pytest

from nearboot.inventory.diff import diff, merge
from nearboot.inventory.dump import dump, plain
from nearboot.inventory.load import load
from nearboot.model import HardwareModel, Inventory, Location, LocationKind, Slug


@pytest.fixture
def stored(sample: Inventory) -> Inventory:
    """The sample as a database has it: states and Kea ids filled in."""
    return merge(Inventory(), sample, prune=False)


def test_there_is_a_file_for_each_noun_that_has_things(sample: Inventory) -> None:
    assert set(dump(sample)) == {f"{part.name}.yaml" for part in fields(Inventory)}
    assert dump(Inventory()) == {}


def test_documents_load_back_to_the_same_inventory(stored: Inventory) -> None:
    """Also what YAML would misread: texts such as on, 1:30 and 00123, and what the database had given."""
    documents = dump(stored)
    loaded = load(list(documents.items()), Inventory())
    assert {change.action for change in diff(stored, loaded, prune=True)} == {"left"}
    assert dump(loaded) == documents


def test_the_order_of_things_changes_nothing(stored: Inventory) -> None:
    shuffled = Inventory(
        **{
            part.name: tuple(random.Random(7).sample(getattr(stored, part.name), len(getattr(stored, part.name))))
            for part in fields(Inventory)
        }
    )
    assert dump(shuffled) == dump(stored)


def test_defaults_are_left_out_and_required_fields_never() -> None:
    text = dump(Inventory(locations=(Location(Slug("x"), LocationKind.REGION),)))["locations.yaml"]
    assert text == "locations:\n- slug: x\n  kind: region\n"


def test_state_and_kea_id_are_written(stored: Inventory) -> None:
    documents = dump(stored)
    assert "state: active" in documents["boot_servers.yaml"]
    assert "kea_id: 8" in documents["subnets.yaml"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("on", id="on"),
        pytest.param("~", id="tilde"),
        pytest.param("null", id="null"),
        pytest.param("1e3", id="float"),
        pytest.param("0x10", id="hex"),
        pytest.param("2026-11-22", id="date"),
        pytest.param("=", id="equals"),
        pytest.param("<<", id="merge"),
        pytest.param("a: b # c", id="signs"),
        pytest.param(" padded ", id="padded"),
        pytest.param("Zürich — 東京 🚀", id="unicode"),
        pytest.param("x" * 2000 + " " + "y" * 2000, id="long"),
    ],
)
def test_any_text_survives(name: str) -> None:
    inventory = Inventory(models=(HardwareModel(Slug("m"), name=name),))
    assert load(list(dump(inventory).items()), Inventory()) == inventory


def test_plain_refuses_what_no_document_can_hold() -> None:
    with pytest.raises(TypeError):
        plain(object())


def test_plain_with_defaults_has_every_field(sample: Inventory) -> None:
    assert list(plain(replace(sample.tiers[0], name=""), defaults=True)) == [
        "slug",
        "name",
        "boot_from",
        "never_boot_from",
    ]
