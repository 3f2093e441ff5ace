"""Reads YAML into typed fields and collects every fault with its line. Knows YAML, knows nothing of labs.

Nodes are composed, not constructed: a scalar stays the text that the user wrote, so that ``52:54:00:77:00:01`` is
never taken for a base-60 number (YAML 1.1), and each node has its line.

    document = Document(text, "two-sites.yaml")
    for table in document.root().tables("sites"):
        name = table.read("name", slug_from_text, "a slug")
    document.check()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import yaml

from nearboot.errors import Fault, InputError

T = TypeVar("T")

_KINDS = {yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a value"}


class Document:
    """One YAML file being read; ``faults`` grows while its tables are read."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self._text = text

    def root(self) -> Table:
        """Give the top-level mapping; raise ``InputError`` at once where there is none to read."""
        try:
            node = yaml.compose(self._text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = error.problem or "text that is not YAML"
            raise InputError([Fault(self.file, mark.line + 1 if mark else 0, "", problem, "valid YAML")]) from error
        except yaml.YAMLError as error:
            raise InputError([Fault(self.file, 0, "", str(error).splitlines()[0], "valid YAML")]) from error
        if node is None:
            raise InputError([Fault(self.file, 0, "", "an empty file", "a mapping")])
        if not isinstance(node, yaml.MappingNode):
            raise InputError([Fault(self.file, _line(node), "", _KINDS[type(node)], "a mapping")])
        return Table(self, node, "")

    def fault(self, line: int, field: str, found: str, expected: str) -> None:
        """Note one fault and go on."""
        self.faults.append(Fault(self.file, line, field, found, expected))

    def check(self) -> None:
        """Raise ``InputError`` with all faults in the order of the lines, if there are any."""
        if self.faults:
            raise InputError(sorted(self.faults, key=lambda fault: fault.line))


class Table:
    """A mapping of the document. Each field is read once; ``close`` reports those that nobody read."""

    def __init__(self, document: Document, node: yaml.MappingNode, path: str) -> None:
        self.document, self.path, self.line = document, path, _line(node)
        self._fields: dict[str, yaml.Node] = {}
        self._lines: dict[str, int] = {}
        self._read: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in self._fields:
                document.fault(_line(key), self.field(name), "the field a second time", "each field once")
            self._fields[name], self._lines[name] = value, _line(key)

    def field(self, name: str) -> str:
        """Give the full path of a field, such as ``vms[1].mac``."""
        return f"{self.path}.{name}" if self.path else name

    def fault(self, name: str, found: str, expected: str) -> None:
        """Note a fault of one field."""
        self.document.fault(self._lines.get(name, self.line), self.field(name), found, expected)

    def read(self, name: str, parse: Callable[[str], T], expected: str, *, required: bool = True) -> T | None:
        """Read a scalar by ``parse`` (which raises ``ValueError``); None where it is missing or faulty."""
        self._read.add(name)
        node = self._fields.get(name)
        if node is None:
            if required:
                self.fault(name, "nothing", expected)
            return None
        return self._parse(name, node, parse, expected)

    def texts(self, name: str, expected: str) -> tuple[str, ...]:
        """Read a list of scalars."""
        self._read.add(name)
        node = self._fields.get(name)
        if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
            return tuple(item.value for item in node.value)
        self.fault(name, _KINDS[type(node)] if node is not None else "nothing", expected)
        return ()

    def tables(self, name: str, *, required: bool = True) -> list[Table]:
        """Read a list of mappings; entries of another kind become faults."""
        self._read.add(name)
        node = self._fields.get(name)
        if node is None and not required:
            return []
        if not isinstance(node, yaml.SequenceNode) or (required and not node.value):
            found = "nothing" if node is None else "an empty list" if _is_list(node) else _KINDS[type(node)]
            self.fault(name, found, "a list of mappings")
            return []
        tables = []
        for index, item in enumerate(node.value):
            path = f"{self.field(name)}[{index}]"
            if isinstance(item, yaml.MappingNode):
                tables.append(Table(self.document, item, path))
            else:
                self.document.fault(_line(item), path, _KINDS[type(item)], "a mapping")
        return tables

    def close(self) -> None:
        """Report the fields that are not known."""
        for name in self._fields.keys() - self._read:
            self.fault(name, "an unknown field", "one of " + ", ".join(sorted(self._read)))

    def _parse(self, name: str, node: yaml.Node, parse: Callable[[str], T], expected: str) -> T | None:
        if not isinstance(node, yaml.ScalarNode):
            self.fault(name, _KINDS[type(node)], expected)
            return None
        try:
            return parse(node.value)
        except ValueError:
            self.fault(name, repr(node.value), expected)
            return None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _is_list(node: yaml.Node) -> bool:
    return isinstance(node, yaml.SequenceNode)
