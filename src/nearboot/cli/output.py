"""How commands print: ``-o table|json|yaml`` on every read, plain tables that fit a terminal and a pipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import click
import yaml

Command = TypeVar("Command", bound=Callable[..., object])

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="Output format.",
)
"""The ``-o`` option of every command that reads."""


def emit(rows: Sequence[Mapping[str, object]], output: str, *, empty: str = "nothing to show") -> None:
    """Print rows of equal keys as a table, or as a JSON or YAML list whose keys have ``_`` for the headings' spaces."""
    if output != "table":
        emit_document([{key.replace(" ", "_"): value for key, value in row.items()} for row in rows], output)
    elif not rows:
        click.echo(empty, err=True)
    else:
        click.echo(table(rows))


def emit_document(document: object, output: str) -> None:
    """Print one value (dataclasses, mappings, sequences) as JSON or YAML."""
    value = plain(document)
    if output == "yaml":
        click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True).rstrip())
    else:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows of equal keys as aligned columns, with the keys as headings."""
    headings = list(rows[0])
    cells = [[_cell(row[heading]) for heading in headings] for row in rows]
    widths = [max(len(line[i]) for line in [headings, *cells]) for i in range(len(headings))]
    lines = [[heading.upper() for heading in headings], *cells]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def plain(value: object) -> Any:
    """Turn values into what JSON and YAML know: dataclasses to mappings, enums and addresses to text, times to ISO."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return [plain(item) for item in value]
    return str(value)


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, list | tuple):
        return ",".join(_cell(item) for item in value) or "-"
    return str(plain(value))
