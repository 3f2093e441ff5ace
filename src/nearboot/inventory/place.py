"""Where things stand in documents, so that a fault found later can name file, line and field; and what rules look at.

places.fault("servers", 3, "interfaces[0].mac", found="...", expected="...")
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nearboot.errors import Fault
from nearboot.inventory.noun import NOUN, Noun
from nearboot.model import Inventory

DATABASE = "the database"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one thing stands: ``path`` such as ``servers[3]``, ``lines`` of its fields by their path below it."""

    file: str
    path: str
    line: int
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Places:
    """The places of an inventory's things, by attribute and position; ``broken``: names of things with faults.

    ``partial``: the positions of those things with faults that could be read without the fields at fault.

    An inventory that comes from no document (an importer's) has none: faults then name the thing by its position.
    """

    items: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    broken: Mapping[str, frozenset[str]] = field(default_factory=dict)
    partial: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def place(self, attribute: str, index: int) -> Place:
        """Where a thing stands."""
        known = self.items.get(attribute, ())
        return known[index] if index < len(known) else Place("", f"{attribute}[{index}]", 0)

    def where(self, attribute: str, index: int, path: str = "") -> str:
        """A place as ``file:line``, for the text of another place's fault."""
        place = self.place(attribute, index)
        return f"{place.file}:{place.lines.get(path, place.line)}" if place.file else place.path

    def fault(self, attribute: str, index: int, path: str, *, found: str, expected: str) -> Fault:
        """A fault at a field of a thing."""
        place = self.place(attribute, index)
        full = f"{place.path}.{path}" if path else place.path
        return Fault(place.file, place.lines.get(path, place.line), full, found, expected)


@dataclass(frozen=True, slots=True)
class Scene:
    """What the rules look at: the documents' things, the database's that stay beside them, and where things stand."""

    wanted: Inventory
    known: Inventory
    places: Places

    def beside(self, noun: Noun) -> Iterator[Any]:
        """The database's things that no document says again."""
        said = {noun.name(item) for item in noun.items(self.wanted)} | self.places.broken.get(noun.attribute, set())
        return (item for item in noun.items(self.known) if noun.name(item) not in said)

    def every(self, attribute: str) -> Iterator[tuple[int | None, Any]]:
        """All things of a noun: the database's with None, then the documents' with their position."""
        noun = NOUN[attribute]
        yield from ((None, item) for item in self.beside(noun))
        yield from enumerate(noun.items(self.wanted))

    def where(self, attribute: str, index: int | None, path: str = "") -> str:
        """Where a thing stands, as text."""
        return DATABASE if index is None else self.places.where(attribute, index, path)
