"""Reading a YAML document of settings over a tree of frozen dataclasses that have the defaults.

Pure; it knows no setting: what there is, its type and its limits come from the fields (``config.setting``).

    config = read_over("tftp: {port: 6969}", "nearboot.yaml", Config())
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass, replace
from math import inf
from typing import Any, TypeVar, cast

import yaml

from nearboot.errors import Fault, InputError

Tree = TypeVar("Tree")


def read_over(text: str, file: str, base: Tree) -> Tree:
    """``base`` with what the document says; InputError names every fault and its line."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise InputError([_syntax(error, text, file)]) from error
    if node is None:
        return base
    faults: list[Fault] = []
    config = cast(Tree, _section(base, node, "", _Sink(file, faults)))
    if faults:
        raise InputError(faults)
    return config


@dataclass(frozen=True, slots=True)
class _Sink:
    file: str
    faults: list[Fault]

    def fault(self, node: yaml.Node, where: str, found: str, expected: str) -> None:
        self.faults.append(Fault(self.file, node.start_mark.line + 1, where, found, expected))


def _section(base: object, node: yaml.Node, path: str, sink: _Sink) -> object:
    known: Mapping[str, Field[Any]] = {item.name: item for item in fields(cast(Any, base))}
    if not isinstance(node, yaml.MappingNode):
        sink.fault(node, path, f"a {_kind(node)}", f"a mapping with some of: {', '.join(known)}")
        return base
    values: dict[str, object] = {}
    for key_node, value_node in node.value:
        name = str(key_node.value)
        where = f"{path}.{name}" if path else name
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            sink.fault(key_node, where, "an unknown setting", f"one of: {', '.join(known)}{hint}")
            continue
        old = getattr(base, name)
        if is_dataclass(old):
            values[name] = _section(old, value_node, where, sink)
        else:
            found = _value(old, value_node, where, sink)
            values[name] = found
            _limit(found, known[name].metadata, value_node, where, sink)
    return replace(cast(Any, base), **values)


def _value(old: object, node: yaml.Node, where: str, sink: _Sink) -> object:
    if isinstance(old, tuple):
        if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
            return tuple(str(item.value) for item in node.value)
        sink.fault(node, where, f"a {_kind(node)}", "a list of texts")
        return old
    convert, expected = _SCALARS[type(old)]
    if not isinstance(node, yaml.ScalarNode):
        sink.fault(node, where, f"a {_kind(node)}", expected)
        return old
    try:
        return convert(node.value)
    except ValueError:
        sink.fault(node, where, repr(node.value), expected)
        return old


def _limit(value: object, limits: Mapping[str, Any], node: yaml.Node, where: str, sink: _Sink) -> None:
    """Refuse a number out of its range, and a text that is not one of the choices."""
    low, high = limits["range"]
    if isinstance(value, int | float) and not (low <= value <= high and value < inf):  # not-a-number is in no range
        most = f", at most {high:.0f}" if high < inf else ""
        sink.fault(node, where, repr(value), f"at least {low:g}{most}")
    if limits["choices"] and value not in limits["choices"]:
        sink.fault(node, where, repr(value), f"one of: {', '.join(limits['choices'])}")


def _syntax(error: yaml.YAMLError, text: str, file: str) -> Fault:
    if not isinstance(error, yaml.MarkedYAMLError):  # characters that YAML does not allow
        return Fault(file, 0, "", str(error).splitlines()[0], "a YAML mapping of settings")
    mark = error.problem_mark or error.context_mark
    number = mark.line if mark else 0
    lines = text.splitlines()
    indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())] if number < len(lines) else ""
    if "\t" in indent:
        return Fault(file, number + 1, "", "a tab", "spaces, because YAML does not indent with tabs")
    problem = " ".join(part for part in (error.problem, error.context) if part)
    return Fault(file, number + 1, "", f"broken YAML ({problem})", "a YAML mapping of settings")


def _bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


_SCALARS: Mapping[type, tuple[Callable[[str], object], str]] = {
    str: (str, "a text"),
    bool: (_bool, "true or false"),
    int: (int, "a whole number"),
    float: (float, "a number"),
}


def _kind(node: yaml.Node) -> str:
    kinds: dict[type[yaml.Node], str] = {yaml.MappingNode: "mapping", yaml.SequenceNode: "sequence"}
    return kinds.get(type(node), "scalar")
