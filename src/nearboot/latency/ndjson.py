"""Edge lists as JSON: an object a pair, one a line or in an array; the keys are the columns of an edge list.

    {"src": "ams", "dst": "fra", "rtt_ms": 8.24, "loss": 0, "n": 20, "ts": "2026-11-22T12:00:00Z"}

Nothing is read here: the objects become a table, which is read as any other edge list is.
"""

from __future__ import annotations

from typing import Any

from nearboot.errors import Fault, InputError
from nearboot.latency import edgelist
from nearboot.latency.document import Document, Item
from nearboot.latency.rows import Options, Record, Table

MAX_KEYS = 200


def sniff(document: Document, options: Options) -> bool:
    """Whether the first object names a source and a destination."""
    if not document.is_json or not isinstance(document.items[0].value, dict):
        return False
    header = Record(1, list(document.items[0].value))
    return edgelist.sniff(Table(document.file, ",", header, []), options)


def table(document: Document) -> Table:
    """The objects as rows below a header of all their keys; a key that an object has not is an empty cell."""
    keys: dict[str, None] = {}
    faults: list[Fault] = []
    for item in document.items:
        if isinstance(item.value, dict):
            keys.update(dict.fromkeys(item.value))
        else:
            faults.append(Fault(document.file, item.line, item.name, _kind(item.value), "an object"))
    if faults:
        raise InputError(faults)
    if len(keys) > MAX_KEYS:
        raise document.fault(0, f"{len(keys)} different keys", f"at most {MAX_KEYS}")
    header = Record(document.items[0].line, list(keys))
    return Table(document.file, ",", header, [_record(item, keys) for item in document.items])


def _record(item: Item, keys: dict[str, None]) -> Record:
    return Record(item.line, [_cell(item.value.get(key)) for key in keys])


def _cell(value: Any) -> str:
    """A value as a cell of a table holds it; what is no plain value is refused where a number or name is read."""
    if value is None:
        return ""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else repr(value)


def _kind(value: Any) -> str:
    return {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")
