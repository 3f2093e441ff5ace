"""``nearboot latency``: latency maps. How they are loaded: latency_load; what a person decides: latency_decide."""

from __future__ import annotations

from difflib import get_close_matches

import click

from nearboot.app import latency
from nearboot.cli import latency_decide, latency_load, latency_picture
from nearboot.cli.output import emit, output_option
from nearboot.cli.shell import actor, config_of, now
from nearboot.errors import NotFoundError
from nearboot.latency.estimate import Measured
from nearboot.latency.rows import counted
from nearboot.routing.quantity import age_text

NONE_YET = "no latency map yet: nearboot latency load FILE"


@click.group()
def command() -> None:
    """Load, judge, show and remove latency maps."""


command.add_command(latency_load.load)
command.add_command(latency_picture.heatmap)
for verb in latency_decide.VERBS:
    command.add_command(verb)


@command.command("list", short_help="List the maps in use, the newest of each source.")
@output_option
@click.pass_context
def list_(ctx: click.Context, output: str) -> None:
    """List the latency maps in use: the newest of each source.

    Samples are those that are used; refused are those that the guards do not let through, such as round trips faster
    than light (they are judged anew when a coordinate of the inventory changes).
    """
    rows = [
        {
            "source": item.map.source,
            "epoch": item.map.epoch,
            "published_at": item.map.published_at,
            "samples": len(item.map.samples),
            "refused": len(item.quarantined),
        }
        for item in latency.current_maps(config_of(ctx), now())
    ]
    emit(rows, output, empty=NONE_YET)
    for line in latency_decide.waiting(config_of(ctx)):
        click.echo(line, err=True)


@command.command(short_help="Show the measured pairs in use.")
@click.argument("locations", nargs=-1)
@click.option("--matrix", is_flag=True, help="A table from each place to each other one, with ages.")
@output_option
@click.pass_context
def show(ctx: click.Context, locations: tuple[str, ...], matrix: bool, output: str) -> None:
    """Show the measured pairs in use, all or those with one of LOCATIONS at either end.

    Where maps of two sources have the same pair, the newer measurement is in use. What is estimated between other
    pairs is told by: nearboot route explain.
    """
    found = latency.measured(config_of(ctx), now())
    known = {end for item in found for end in (item.sample.src, item.sample.dst)}
    for name in locations:
        if name not in known:
            raise NotFoundError("location with measurements", name, get_close_matches(name, known, 3))
    chosen = [item for item in found if not locations or {item.sample.src, item.sample.dst} & set(locations)]
    if matrix and output == "table":
        emit(latency_picture.matrix(chosen, now()), output, empty=NONE_YET)
    else:
        emit([_pair_row(item, as_text=output == "table") for item in chosen], output, empty=NONE_YET)


@command.command(short_help="Remove all maps of a source.")
@click.argument("source")
@click.pass_context
def remove(ctx: click.Context, source: str) -> None:
    """Remove the latency map of SOURCE in all its epochs, and show which places get another boot server by that."""
    gone = latency.remove(config_of(ctx), source, actor=actor(), now=now())
    click.echo(f"removed {source}: {counted(gone.epochs, 'epoch')}")
    for before, after in gone.moved:
        click.echo(f"  {before.location} IPv{before.family}: {before.chosen or 'none'} -> {after.chosen or 'none'}")
    click.echo("Kea is told by the next: nearboot kea generate" if gone.moved else "no place moves")


def _pair_row(item: Measured, *, as_text: bool) -> dict[str, object]:
    sample, age_s = item.sample, max(0.0, (now() - item.at).total_seconds())
    return {
        "src": sample.src,
        "dst": sample.dst,
        "family": f"IPv{sample.family}" if sample.family else "any",
        "rtt_ms": sample.rtt_ms,
        "loss": sample.loss,
        "count": sample.count or None,
        "age" if as_text else "age_s": age_text(age_s) if as_text else round(age_s),
        "source": item.source,
    }
