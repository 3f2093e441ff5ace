"""``nearboot db``: the database's schema."""

from __future__ import annotations

import click

from nearboot.app import database
from nearboot.cli.output import emit, output_option
from nearboot.cli.root import EXIT_CHANGES
from nearboot.cli.shell import config_of


@click.group()
def command() -> None:
    """Create, upgrade and check the database."""


@command.command(short_help="Create the schema, or bring it up to date.")
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Create the schema or bring it to this version's; nothing happens when it is there already."""
    before, after = database.upgrade(config_of(ctx))
    if before == after:
        click.echo(f"the schema is at revision {after}: nothing to do")
    else:
        click.echo(f"the schema went from {before or 'nothing'} to revision {after}")


@command.command(short_help="Compare the schema with the declared one.")
@click.pass_context
def check(ctx: click.Context) -> int:
    """Compare the schema with the one that this version declares; exit code 2 when they differ."""
    differences = database.check(config_of(ctx))
    for difference in differences:
        click.echo(difference)
    if not differences:
        click.echo("the schema is as declared")
    return EXIT_CHANGES if differences else 0


@command.command()
@output_option
@click.pass_context
def show(ctx: click.Context, output: str) -> None:
    """Show which database is used and the revision of its schema."""
    url, revision = database.revision(config_of(ctx))
    emit([{"database": url, "revision": revision}], output)
