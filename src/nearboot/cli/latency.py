"""``nearboot latency``: latency maps. What a person decides of them: latency_decide."""

from __future__ import annotations

from difflib import get_close_matches

import click

from nearboot.app import latency
from nearboot.cli import latency_decide
from nearboot.cli.latency_decide import MAX_SHOWN, say_moves
from nearboot.cli.output import emit, output_option
from nearboot.cli.root import EXIT_ERROR
from nearboot.cli.shell import actor, config_of, now
from nearboot.errors import Fault, InputError, NotFoundError
from nearboot.latency import formats
from nearboot.latency.estimate import Measured
from nearboot.latency.rows import counted
from nearboot.model import MapState
from nearboot.routing.quantity import age_text

NONE_YET = "no latency map yet: nearboot latency load FILE"


@click.group()
def command() -> None:
    """Load, judge, show and remove latency maps."""


for verb in latency_decide.VERBS:
    command.add_command(verb)


@command.command(short_help="Load a latency map, of any format that is known.")
@click.argument("file")
@click.option("--source", help="Who publishes the map (default: its signature, or the file's name without suffix).")
@click.option("--format", "format_", type=click.Choice(formats.NAMES), help="The file's format (default: detected).")
@click.option("--unit", type=click.Choice(["ms", "s", "us"]), help="Unit of the round trips, where no column says it.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=NAME",
    help="Name a column: src, dst, rtt, min, loss, count, timestamp.",
)
@click.option("--from", "src", metavar="LOCATION", help="Where it was measured, for formats that do not say it.")
@click.option("--any-age", is_flag=True, help="Take measurements however old (default: of latency.max_age_s).")
@click.option("--all", "show_all", is_flag=True, help="List every row that was not used, and every move.")
@click.option("--dry-run", is_flag=True, help="Read and check, and show who would move; store nothing.")
@click.pass_context
def load(
    ctx: click.Context,
    *,
    file: str,
    source: str | None,
    format_: str | None,
    unit: str | None,
    columns: tuple[str, ...],
    src: str | None,
    any_age: bool,
    show_all: bool,
    dry_run: bool,
) -> int:
    """Load a latency map from FILE: edges, a matrix, or what a measuring tool wrote; detected, or say --format.

    Units are stated by the file (rtt_ms) or by --unit, never guessed. Rows that cannot be used are listed; names that
    are no location, alias or name of the inventory too. A map that cannot be true is refused; one that may be, but
    would move many locations, is held: exit code 1, and 'latency accept' or 'latency reject' decides.
    """
    how = latency.Reading(source, format_, unit, dict(_pair(text) for text in columns), src, any_age)
    loaded = latency.load(config_of(ctx), file, how, dry_run=dry_run, actor=actor(), now=now())
    for line in loaded.summary.lines():
        click.echo(line)
    for finding in loaded.findings:
        click.echo(f"note: {finding.text}")
    shown = loaded.quarantined if show_all else loaded.quarantined[:MAX_SHOWN]
    for row in shown:
        click.echo(f"not used: {row.file}:{row.line}: {row.text}: {row.reason}")
    if len(shown) < len(loaded.quarantined):
        click.echo(f"not used: {len(loaded.quarantined) - len(shown)} more (--all lists every one)")
    return _say_outcome(loaded, show_all=show_all, dry_run=dry_run)


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


@command.command(short_help="Show the measured pairs in use.")
@click.argument("locations", nargs=-1)
@output_option
@click.pass_context
def show(ctx: click.Context, locations: tuple[str, ...], output: str) -> None:
    """Show the measured pairs in use, all or those with one of LOCATIONS at either end.

    Where maps of two sources have the same pair, the newer measurement is in use. What is estimated between other
    pairs is told by: nearboot route explain.
    """
    found = latency.measured(config_of(ctx), now())
    known = {end for item in found for end in (item.sample.src, item.sample.dst)}
    for name in locations:
        if name not in known:
            raise NotFoundError("location with measurements", name, get_close_matches(name, known, 3))
    rows = [
        _pair_row(item, as_text=output == "table")
        for item in found
        if not locations or {item.sample.src, item.sample.dst} & set(locations)
    ]
    emit(rows, output, empty=NONE_YET)


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


def _say_outcome(loaded: latency.Loaded, *, show_all: bool, dry_run: bool) -> int:
    """What became of a map that was not refused; the exit code."""
    held, source = loaded.state is MapState.HELD, loaded.summary.source
    say_moves(loaded.moves, show_all=show_all)
    for reason in loaded.held:
        click.echo(f"HELD: {reason.code}: {reason.text}", err=True)
    if dry_run:
        click.echo("dry run: nothing was stored" + ("; it would be held" if held else ""))
    elif held:
        click.echo(f"stored as epoch {loaded.epoch} of {source}, not in use")
        where = f"{loaded.epoch} --source {source}"
        click.echo(f"use it: nearboot latency accept {where} --reason TEXT", err=True)
        click.echo(f"drop it: nearboot latency reject {where}", err=True)
    else:
        click.echo(f"stored as epoch {loaded.epoch} of {source}")
    return EXIT_ERROR if held else 0


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


def _pair(text: str) -> tuple[str, str]:
    field, mark, name = text.partition("=")
    if not mark or not field or not name:
        raise InputError([Fault("--column", 0, "", repr(text), "FIELD=NAME, such as rtt=avg_ms")])
    return field, name
