"""``nearboot provision``: start, cancel and list provisioning runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from nearboot.app import provision
from nearboot.app.database import reading
from nearboot.cli.hostlist import choose
from nearboot.cli.output import emit, output_option
from nearboot.cli.shell import actor, config_of, now
from nearboot.inventory.store import server_names
from nearboot.model import Run


@click.group()
def command() -> None:
    """Start, cancel and list provisioning runs."""


@command.command(short_help="Start a provisioning run of each server named.")
@click.argument("names", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why, for the audit log and the trace.")
@output_option
@click.pass_context
def start(ctx: click.Context, names: tuple[str, ...], reason: str, output: str) -> None:
    """Start a provisioning run of each of the servers NAMES; open runs of them end as superseded."""
    config = config_of(ctx)
    with reading(config) as session:
        chosen = choose(names, server_names(session))
    runs = provision.start(config, chosen, reason=reason, actor=actor(), now=now())
    emit(_rows(runs), output)
    for boot_server, servers in provision.voiceless(config, chosen, now()).items():
        click.echo(_warning(boot_server, servers), err=True)


@command.command(short_help="End the open runs of servers.")
@click.argument("names", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why, for the audit log and the trace.")
@output_option
@click.pass_context
def cancel(ctx: click.Context, names: tuple[str, ...], reason: str, output: str) -> None:
    """End the open runs of the servers NAMES; what their installers report from then on is refused."""
    config = config_of(ctx)
    with reading(config) as session:
        chosen = choose(names, server_names(session))
    emit(_rows(provision.cancel(config, chosen, reason=reason, actor=actor(), now=now())), output)


@command.command("list")
@click.option("--server", help="Only runs of this server.")
@click.option("--unfinished", is_flag=True, help="Only runs that are under way.")
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1), help="At most this many, newest first."
)
@output_option
@click.pass_context
def list_(ctx: click.Context, *, server: str | None, unfinished: bool, limit: int, output: str) -> None:
    """List the newest provisioning runs."""
    runs = provision.runs(config_of(ctx), server=server, unfinished=unfinished, limit=limit)
    emit(_rows(runs), output, empty="no runs yet: nearboot provision start SERVER --reason TEXT")


def _warning(boot_server: str, servers: Sequence[str]) -> str:
    more = f" and {len(servers) - 1} more" if len(servers) > 1 else ""
    return (
        f"warning: boot server {boot_server} has no http_url, so {servers[0]}{more} cannot call back, and the run does "
        "not end by itself: set http_url, or end it with nearboot provision cancel"
    )


def _rows(runs: Iterable[Run]) -> list[dict[str, object]]:
    """Rows without the token: it is a secret between nearboot and the server."""
    return [
        {
            "run": run.id,
            "server": run.server,
            "phase": run.phase,
            "outcome": run.outcome,
            "started at": run.started_at,
            "finished at": run.finished_at,
            "reason": run.reason,
            "problem": run.problem,
        }
        for run in runs
    ]
