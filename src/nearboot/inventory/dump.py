"""The inventory as documents: the same inventory gives the same text, and the text loads back to the same inventory.

Fields that have their default value are left out. Reading documents: load.

    for name, text in dump(inventory).items(): (folder / name).write_text(text)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import yaml

from nearboot.inventory.noun import NOUNS, Noun, location_depths, prefix_order
from nearboot.model import Inventory, Pool

_Dumper: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def dump(inventory: Inventory) -> dict[str, str]:
    """Give one document a noun that has things, file name to text."""
    documents = {}
    for noun in NOUNS:
        items = _ordered(noun, inventory)
        if items:
            content = {noun.attribute: [plain(item) for item in items]}
            documents[f"{noun.attribute}.yaml"] = yaml.dump(
                content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000
            )
    return documents


def plain(value: Any, *, defaults: bool = False) -> Any:
    """A value as mappings, lists, text and numbers, as a document has it; ``defaults``: also fields left at theirs."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, IPv4Address | IPv6Address | IPv4Network | IPv6Network):
        return str(value)
    if isinstance(value, Pool):
        return f"{value.first}-{value.last}"
    if isinstance(value, tuple):
        return [plain(item, defaults=defaults) for item in value]
    if isinstance(value, Mapping):
        return {key: value[key] for key in sorted(value)}
    if is_dataclass(value):
        return {
            field.name: plain(getattr(value, field.name), defaults=defaults)
            for field in fields(value)
            if defaults or getattr(value, field.name) != _default(field)
        }
    raise TypeError(f"{value!r} has no place in a document")


@cache
def _default(field: Field[Any]) -> Any:
    """A field's default; MISSING, which equals no value, where it is required."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _ordered(noun: Noun, inventory: Inventory) -> list[Any]:
    items = noun.items(inventory)
    if noun.attribute == "locations":
        depths = location_depths(inventory.locations)
        return sorted(items, key=lambda item: (depths[item.slug], item.slug))
    if noun.attribute == "subnets":
        return sorted(items, key=prefix_order)
    return sorted(items, key=noun.name)
