"""``nearboot latency``: latency maps."""

from __future__ import annotations

import click

from nearboot.app import latency
from nearboot.cli.output import emit, output_option
from nearboot.cli.shell import actor, config_of, now
from nearboot.errors import Fault, InputError

MAX_SHOWN = 20  # quarantined rows shown one by one; --all shows every one


@click.group()
def command() -> None:
    """Load and show latency maps."""


@command.command()
@click.argument("file")
@click.option("--source", help="Who publishes the map (default: the file's name without suffix).")
@click.option(
    "--format", "format_", type=click.Choice(["edges", "matrix"]), help="The file's format (default: detected)."
)
@click.option("--unit", type=click.Choice(["ms", "s", "us"]), help="Unit of the round trips, where no column says it.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=NAME",
    help="Name a column: src, dst, rtt, min, loss, count, timestamp.",
)
@click.option("--all", "show_all", is_flag=True, help="List every row that was not used.")
@click.option("--dry-run", is_flag=True, help="Read and check only; store nothing.")
@click.pass_context
def load(
    ctx: click.Context,
    *,
    file: str,
    source: str | None,
    format_: str | None,
    unit: str | None,
    columns: tuple[str, ...],
    show_all: bool,
    dry_run: bool,
) -> None:
    """Load a latency map from FILE: an edge list or a matrix, as CSV or TSV.

    Units are stated by the file (rtt_ms) or by --unit, never guessed. Rows that cannot be used are listed; names that
    are no location, alias or name of the inventory too.
    """
    how = latency.Reading(source, format_, unit, dict(_pair(text) for text in columns))
    loaded = latency.load(config_of(ctx), file, how, dry_run=dry_run, actor=actor(), now=now())
    for line in loaded.summary.lines():
        click.echo(line)
    for finding in loaded.findings:
        click.echo(f"note: {finding.text}")
    shown = loaded.quarantined if show_all else loaded.quarantined[:MAX_SHOWN]
    for row in shown:
        click.echo(f"not used: {row.file}:{row.line}: {row.text}: {row.reason}")
    if len(shown) < len(loaded.quarantined):
        click.echo(f"not used: {len(loaded.quarantined) - len(shown)} more (--all lists them)")
    click.echo(
        "dry run: nothing was stored" if dry_run else f"stored as epoch {loaded.epoch} of {loaded.summary.source}"
    )


@command.command("list")
@output_option
@click.pass_context
def list_(ctx: click.Context, output: str) -> None:
    """List the latency maps in use: the newest of each source."""
    rows = [
        {"source": item.source, "epoch": item.epoch, "published_at": item.published_at, "samples": len(item.samples)}
        for item in latency.current_maps(config_of(ctx))
    ]
    emit(rows, output, empty="no latency map yet: nearboot latency load FILE")


def _pair(text: str) -> tuple[str, str]:
    field, mark, name = text.partition("=")
    if not mark or not field or not name:
        raise InputError([Fault("--column", 0, "", repr(text), "FIELD=NAME, such as rtt=avg_ms")])
    return field, name
