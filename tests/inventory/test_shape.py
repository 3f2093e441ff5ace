"""The tables of fields agree with the values that they make."""

from __future__ import annotations

from dataclasses import MISSING, fields

import pytest

from nearboot.inventory.noun import NOUN
from nearboot.inventory.shape import SHAPES
from nearboot.model import Inventory


def test_there_is_one_shape_for_each_part_of_an_inventory() -> None:
    assert set(SHAPES) == {part.name for part in fields(Inventory)} == set(NOUN)


@pytest.mark.parametrize("attribute", SHAPES)
def test_every_field_of_a_value_can_be_written_and_what_has_no_default_must_be(attribute: str) -> None:
    """Also the other way about: no document field without a field of the value."""
    shape, value = SHAPES[attribute], NOUN[attribute].value
    required = {each.name for each in fields(value) if each.default is MISSING and each.default_factory is MISSING}
    assert shape.make is value
    assert set(shape.fields) == {each.name for each in fields(value)}
    assert {name for name, rule in shape.fields.items() if rule.required} == required
