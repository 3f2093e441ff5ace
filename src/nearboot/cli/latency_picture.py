"""``nearboot latency heatmap``, and the matrix of ``latency show --matrix``: all pairs at one look."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import click

from nearboot.cli.shell import config_of, now
from nearboot.latency.estimate import Measured
from nearboot.model import Slug
from nearboot.routing.quantity import age_text


@click.command(short_help="Draw the measured round trips as a heatmap.")
@click.argument("locations", nargs=-1)
@click.option("-o", "--output", "file", required=True, metavar="FILE", help="The picture: a name in .svg or .png.")
@click.pass_context
def heatmap(ctx: click.Context, locations: tuple[str, ...], file: str) -> None:
    """Draw the measured round trips between all places that have some, or between LOCATIONS alone.

    From the place of the row to that of the column; dark is far, hatched is not measured. Places that one place
    contains stand together, there from west to east.
    """
    from nearboot.app import drawing  # noqa: PLC0415 - brings numpy, for those who draw

    click.echo(drawing.heatmap(config_of(ctx), file, locations, now()).line)


def matrix(found: Iterable[Measured], at: datetime) -> list[dict[str, object]]:
    """Rows of a table: from each place to each other one, in milliseconds, with the age."""
    cells: dict[tuple[Slug, Slug], Measured] = {}
    for item in found:  # of two families the newer one
        pair = item.sample.src, item.sample.dst
        if pair not in cells or cells[pair].at < item.at:
            cells[pair] = item
    ends = sorted({end for pair in cells for end in pair})
    return [{"from \\ to": src, **{dst: _cell(cells.get((src, dst)), at) for dst in ends}} for src in ends]


def _cell(item: Measured | None, at: datetime) -> str | None:
    if item is None:
        return None
    age = age_text((at - item.at).total_seconds())
    return f"{'lost' if item.sample.rtt_ms is None else f'{item.sample.rtt_ms:.2f}'} ({age})"
