"""Places of things in documents, and of things that came from none."""

from __future__ import annotations

from nearboot.inventory.load import read
from nearboot.inventory.place import Place, Places, Scene
from nearboot.model import Inventory, Slug, Tier

PLACES = Places({"servers": (Place("a.yaml", "servers[4]", 10, {"interfaces[0].mac": 12}),)})


def test_a_fault_names_the_line_of_its_field_or_of_its_thing() -> None:
    assert str(PLACES.fault("servers", 0, "interfaces[0].mac", found="x", expected="y")) == (
        "a.yaml:12: servers[4].interfaces[0].mac: found x; expected y"
    )
    assert PLACES.fault("servers", 0, "tier", found="x", expected="y").line == 10
    assert PLACES.where("servers", 0, "interfaces[0].mac") == "a.yaml:12"


def test_a_thing_without_document_is_named_by_position() -> None:
    fault = Places().fault("servers", 3, "name", found="x", expected="y")
    assert (fault.file, fault.line, fault.field) == ("", 0, "servers[3].name")
    assert Places().where("servers", 3) == "servers[3]"


def test_what_documents_say_again_hides_what_the_database_says_also_when_it_has_faults() -> None:
    reading = read([("a.yaml", "tiers: [{slug: a, name: new}, {slug: b, nmae: x}]")])
    known = Inventory(tiers=tuple(Tier(Slug(slug), "old") for slug in "abc"))
    scene = Scene(reading.inventory, known, reading.places)
    assert [(index, tier.slug, tier.name) for index, tier in scene.every("tiers")] == [
        (None, "c", "old"),
        (0, "a", "new"),
        (1, "b", ""),
    ]
    assert scene.places.partial["tiers"] == {1}
    assert scene.where("tiers", None) == "the database"
