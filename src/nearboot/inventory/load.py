"""Inventory documents (YAML) read into values, with all their faults at once. Writing documents: dump.

``read`` gives what could be read, and the faults; ``parse`` raises them; ``load`` also looks at how things fit together
and to what the database knows, which is what a user wants to hear in one go.

    wanted = load([("servers.yaml", text)], known=read_inventory(session))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from nearboot.errors import Fault, InputError
from nearboot.inventory.document import Page, expected_one_of, is_null, line
from nearboot.inventory.field import BAD, shape
from nearboot.inventory.noun import NOUN, NOUNS
from nearboot.inventory.place import Place, Places
from nearboot.inventory.shape import SHAPES
from nearboot.inventory.validate import validate
from nearboot.model import Inventory

__all__ = ["Place", "Places", "Reading", "load", "parse", "read", "validate"]

EXPECTED = f"a mapping with some of the keys {' '.join(SHAPES)}"
_DEEPEST = 3  # servers[0].interfaces[0].mac: deeper there are no fields

Document = tuple[str, str]
"""A file's name and its text."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What documents say, where each thing stands, and the faults.

    Of a thing with faults there is what could be read, so that its references and doubles are looked at as well: a
    reference at fault is None, and a thing without another of its required fields is left out.
    """

    inventory: Inventory
    places: Places
    faults: tuple[Fault, ...]


def load(documents: Sequence[Document], known: Inventory, *, prune: bool = False) -> Inventory:
    """Read documents and validate them against what the database has; ``InputError`` with every fault, in order.

    With ``prune``, what the documents do not name is about to go: nothing may refer to it or is kept apart from it.
    """
    reading = read(documents)
    beside = _said_again(known, reading.inventory) if prune else known
    faults = [*reading.faults, *validate(reading.inventory, beside, reading.places)]
    if faults:
        order = {file: n for n, (file, _) in enumerate(documents)}
        raise InputError(sorted(faults, key=lambda fault: (order.get(fault.file, len(order)), fault.line)))
    return reading.inventory


def parse(documents: Sequence[Document]) -> tuple[Inventory, Places]:
    """Read documents without looking at how things fit together; ``InputError`` with every fault."""
    reading = read(documents)
    if reading.faults:
        raise InputError(reading.faults)
    return reading.inventory, reading.places


def read(documents: Iterable[Document]) -> Reading:
    """Read whatever can be read of the documents."""
    harvest = _Harvest()
    for file, text in documents:
        page = Page(file)
        roots = page.compose(text)
        if not page.faults and all(is_null(root) for root in roots):
            page.fault(0, "", "an empty document", EXPECTED)
        for root in roots:
            if not is_null(root):
                _gather(root, page, harvest)
        harvest.faults.extend(page.faults)
    return harvest.reading()


def _said_again(known: Inventory, wanted: Inventory) -> Inventory:
    """What the documents name of what the database has."""
    parts = {}
    for noun in NOUNS:
        said = {noun.name(item) for item in noun.items(wanted)}
        parts[noun.attribute] = tuple(item for item in noun.items(known) if noun.name(item) in said)
    return Inventory(**parts)


@dataclass(slots=True)
class _Harvest:
    items: dict[str, list[Any]] = field(default_factory=lambda: {noun.attribute: [] for noun in NOUNS})
    places: dict[str, list[Place]] = field(default_factory=lambda: {noun.attribute: [] for noun in NOUNS})
    broken: dict[str, set[str]] = field(default_factory=lambda: {noun.attribute: set() for noun in NOUNS})
    partial: dict[str, set[int]] = field(default_factory=lambda: {noun.attribute: set() for noun in NOUNS})
    faults: list[Fault] = field(default_factory=list)

    def reading(self) -> Reading:
        inventory = Inventory(**{attribute: tuple(items) for attribute, items in self.items.items()})
        places = {attribute: tuple(places) for attribute, places in self.places.items()}
        broken = {attribute: frozenset(names) for attribute, names in self.broken.items()}
        partial = {attribute: frozenset(positions) for attribute, positions in self.partial.items()}
        return Reading(inventory, Places(places, broken, partial), tuple(self.faults))


def _gather(root: Node, page: Page, harvest: _Harvest) -> None:
    if not isinstance(root, MappingNode):
        page.fault(root, "", "a list" if isinstance(root, SequenceNode) else "text", EXPECTED)
        return
    for attribute, (key, value) in (page.mapping(root, "") or {}).items():
        if attribute not in SHAPES:
            page.fault(key, attribute, "an unknown key", expected_one_of(attribute, SHAPES))
            continue
        parse_item = shape(SHAPES[attribute])
        for n, node in enumerate(page.sequence(value, attribute)):
            path = f"{attribute}[{n}]"
            item = parse_item(node, path, page)
            if item is BAD:
                harvest.broken[attribute].update(_name(node, NOUN[attribute].key))
                item = parse_item(node, path, Page(page.file, lenient=True))
                if item is BAD:
                    continue
                harvest.partial[attribute].add(len(harvest.items[attribute]))
            harvest.items[attribute].append(item)
            harvest.places[attribute].append(Place(page.file, path, line(node), dict(_lines(node, "", _DEEPEST))))


def _name(node: Node, key_field: str) -> Iterator[str]:
    """What a thing with faults is called, so that those who refer to it are not at fault too."""
    for key, value in node.value if isinstance(node, MappingNode) else ():
        if isinstance(key, ScalarNode) and key.value == key_field and isinstance(value, ScalarNode):
            yield value.value


def _lines(node: Node, path: str, depth: int) -> Iterator[tuple[str, int]]:
    """The line of each field below a node, by its path from there."""
    if isinstance(node, MappingNode):
        inner = [(f"{path}.{key.value}" if path else key.value, value) for key, value in node.value]
    elif isinstance(node, SequenceNode):
        inner = [(f"{path}[{n}]", value) for n, value in enumerate(node.value)]
    else:
        return
    for name, value in inner:
        yield intern(str(name)), line(value)
        if depth:
            yield from _lines(value, name, depth - 1)
