"""``nearboot inventory schema``: every field, with what it says."""

from __future__ import annotations

import json

import pytest

from nearboot.cli.root import run
from nearboot.inventory.shape import PARTS, SHAPES


def test_every_field_of_every_noun_is_listed_with_its_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    """The same table reads the files, so it cannot say something else."""
    assert run(["inventory", "schema", "-o", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    listed = {(row["noun"], row["field"]) for row in rows}
    assert listed == {(noun, name) for noun, shape in {**SHAPES, **PARTS}.items() for name in shape.fields}
    assert all(row["meaning"] for row in rows)


def test_one_noun_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """What a person looks up while writing."""
    assert run(["inventory", "schema", "tiers"]) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["tiers", "slug"],
        ["tiers", "name"],
        ["tiers", "boot_from"],
        ["tiers", "never_boot_from"],
    ]
