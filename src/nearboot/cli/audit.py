"""``nearboot audit``: who changed what, and when."""

from __future__ import annotations

import click

from nearboot.app.database import reading
from nearboot.cli.output import emit, output_option
from nearboot.cli.shell import config_of
from nearboot.inventory import boot_store


@click.group()
def command() -> None:
    """Show who changed what, and when."""


@command.command("list")
@click.option("--subject", help="Only changes of this thing.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="At most this many, newest first.")
@output_option
@click.pass_context
def list_(ctx: click.Context, subject: str | None, limit: int, output: str) -> None:
    """List the newest changes."""
    with reading(config_of(ctx)) as session:
        entries = boot_store.audit(session, subject=subject, limit=limit)
    rows = [
        {"at": e.at, "actor": e.actor, "action": e.action, "subject": e.subject, "detail": e.detail} for e in entries
    ]
    emit(rows, output, empty=f"no change of {subject!r}" if subject else "nothing was changed yet")
