"""``nearboot trace``: the timeline of a server's boot."""

from __future__ import annotations

import click

from nearboot.app.database import reading
from nearboot.app.trace import of_server
from nearboot.cli.hostlist import choose
from nearboot.cli.output import emit_document, output_option
from nearboot.cli.root import EXIT_ERROR
from nearboot.cli.shell import config_of, now
from nearboot.inventory.store import server_names
from nearboot.provisioning.trace_text import as_dict, as_lines


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--run", "run_id", type=int, help="Number of the run (default: the newest).")
@output_option
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], run_id: int | None, output: str) -> int:
    """Show the timeline of the newest boot of the servers NAMES, from which boot server, and what is missing.

    Exit code 1 if a server has no run.
    """
    config = config_of(ctx)
    with reading(config) as session:
        chosen = choose(names, server_names(session))
    traces = {name: of_server(config, name, run_id=run_id, now=now()) for name in chosen}
    if output != "table":
        emit_document([as_dict(trace) for trace in traces.values() if trace], output)
    nothing = "no boot has been seen yet" if run_id is None else f"it has no run {run_id}"
    for place, (name, trace) in enumerate(traces.items()):
        if output == "table":
            lines = as_lines(trace) if trace else [f"{name}: {nothing}"]
            click.echo("\n".join(["", *lines] if place else lines))
    return 0 if all(traces.values()) else EXIT_ERROR
