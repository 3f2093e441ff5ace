"""``nearboot inventory schema``: the fields of inventory files, from the table that reads them."""

from __future__ import annotations

import click

from nearboot.cli.output import emit, output_option
from nearboot.inventory.shape import PARTS, SHAPES

NOUNS = {**SHAPES, **PARTS}


@click.command(short_help="List the fields of inventory files, by noun.")
@click.argument("nouns", nargs=-1, type=click.Choice(sorted(NOUNS)))
@output_option
def schema(nouns: tuple[str, ...], output: str) -> None:
    """List the fields that the NOUNS of inventory files have (default: all), and what each says."""
    rows = [
        {"noun": noun, "field": name, "required": rule.required, "meaning": rule.about}
        for noun in nouns or NOUNS
        for name, rule in NOUNS[noun].fields.items()
    ]
    emit(rows, output)
