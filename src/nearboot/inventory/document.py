"""YAML text as nodes that know their line, with the faults of YAML itself. What the fields mean: field and load.

Scalars stay the text that was written: YAML 1.1 reads an unquoted ``on`` as true and a MAC such as 11:22:33:44:55:66 as
a number to the base of 60, and both are traps in an inventory. Anchors, aliases and ``<<`` merges work.

    page = Page("servers.yaml")
    for node in page.compose(text): page.mapping(node, "")
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from nearboot.errors import Fault

# The Base loaders resolve no scalar to a number, boolean or date. libyaml's is about eight times as fast.
_Loader: type[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_NULLS = ("", "~", "null", "Null", "NULL")
_MERGE = "<<"
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")}
_INDENTATION = ("did not find expected '-' indicator", "did not find expected key", "expected <block end>")
_UNREAD = "; what follows in this file was not read"
_SHOWN = 60  # characters of a found text


@dataclass(slots=True)
class Page:
    """One file while it is read; collects its faults. ``lenient``: what has faults is made of its other fields."""

    file: str
    faults: list[Fault] = field(default_factory=list)
    lenient: bool = False

    def compose(self, text: str) -> list[Node]:
        """The documents of a YAML text; a syntax error ends the list and is a fault."""
        nodes: list[Node] = []
        try:
            nodes.extend(yaml.compose_all(text, Loader=_Loader))
        except yaml.MarkedYAMLError as error:
            self._syntax(error, text)
        except (yaml.YAMLError, UnicodeError) as error:
            self.fault(0, "", " ".join(str(error).split()), "a YAML text")
        except RecursionError:
            self.fault(0, "", "lists or mappings nested too deeply", "an inventory document")
        return nodes

    def fault(self, where: Node | int, path: str, found: str, expected: str) -> None:
        """Note that ``found`` stands where ``expected`` should."""
        self.faults.append(Fault(self.file, where if isinstance(where, int) else line(where), path, found, expected))

    def mapping(self, node: Node, path: str) -> dict[str, tuple[Node, Node]] | None:
        """A mapping's keys with the nodes of key and value, merges included; None, and a fault, for other nodes."""
        if not isinstance(node, MappingNode) or node.tag not in _TAGS:
            self.fault(node, path, describe(node), "a mapping (fields with their values)")
            return None
        own: dict[str, tuple[Node, Node]] = {}
        merged: dict[str, tuple[Node, Node]] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.fault(key, path, f"{describe(key)} as a field's name", "text")
            elif key.value == _MERGE and not key.style:
                for name, pair in self._merges(value, path, (node,)):
                    merged.setdefault(name, pair)
            elif key.value in own:
                first = line(own[key.value][0])
                self.fault(key, _join(path, key.value), f"the field twice (first in line {first})", "each field once")
            else:
                own[key.value] = (key, value)
        return merged | own

    def sequence(self, node: Node, path: str) -> list[Node]:
        """A list's nodes; none, and a fault, for other nodes."""
        if isinstance(node, SequenceNode) and node.tag in _TAGS:
            items: list[Node] = node.value
            return items
        self.fault(node, path, describe(node), "a list")
        return []

    def text(self, node: Node, path: str, expected: str) -> str | None:
        """A scalar as it was written; None, and a fault, for other nodes and for nothing."""
        if isinstance(node, ScalarNode) and node.tag in _TAGS and not is_null(node):
            return str(node.value)
        self.fault(node, path, describe(node), expected)
        return None

    def _merges(self, node: Node, path: str, above: tuple[Node, ...]) -> Iterator[tuple[str, tuple[Node, Node]]]:
        """The fields that ``<<`` brings in, the first of several winning."""
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(source, MappingNode) or source in above:
                self.fault(node, _join(path, _MERGE), describe(node), "a mapping to merge, not one that holds itself")
                continue
            later = []
            for key, value in source.value:
                if isinstance(key, ScalarNode) and key.value != _MERGE:
                    yield key.value, (key, value)
                else:
                    later.append(value)
            for value in later:
                yield from self._merges(value, path, (*above, source))

    def _syntax(self, error: yaml.MarkedYAMLError, text: str) -> None:
        mark = error.problem_mark or error.context_mark
        number = mark.line if mark else 0
        lines = text.splitlines()
        indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())] if number < len(lines) else ""
        if "\t" in indent:
            self.fault(number + 1, "", "a tab", f"spaces, because YAML does not indent with tabs{_UNREAD}")
        else:
            problem = " ".join(part for part in (error.problem, error.context) if part)
            usual = "; the indentation does not fit the lines above" if problem.startswith(_INDENTATION) else ""
            self.fault(number + 1, "", f"broken YAML ({problem}{usual})", f"a YAML text{_UNREAD}")


def line(node: Node) -> int:
    """The line on which a node starts, from 1."""
    return int(node.start_mark.line) + 1


def is_null(node: Node) -> bool:
    """Whether a node is YAML's nothing: ``field:`` alone, ``~`` or ``null``, unquoted."""
    return isinstance(node, ScalarNode) and not node.style and node.value in _NULLS


def describe(node: Node) -> str:
    """A node for people."""
    if node.tag not in _TAGS:
        return f"the YAML tag {node.tag}"
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    return "nothing" if is_null(node) else quoted(str(node.value))


def quoted(text: str) -> str:
    """A found text in quotes, cut where it is long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def expected_one_of(found: str, choices: Iterable[str]) -> str:
    """What a word should have been, with the nearest of the choices first."""
    names = list(choices)
    near = get_close_matches(found, names, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"one of {', '.join(names)}{hint}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
