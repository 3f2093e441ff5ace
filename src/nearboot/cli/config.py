"""``nearboot config``: the configuration in use."""

from __future__ import annotations

import click

from nearboot.cli.output import emit, output_option
from nearboot.cli.shell import config_of
from nearboot.config import settings
from nearboot.inventory.database_url import shown


@click.group()
def command() -> None:
    """Show the configuration in use."""


@command.command()
@output_option
@click.pass_context
def show(ctx: click.Context, output: str) -> None:
    """Show every setting, its value and what it means."""
    found = settings(config_of(ctx)).items()
    emit([{"setting": name, "value": _shown(value), "meaning": text} for name, (value, text) in found], output)


def _shown(value: object) -> object:
    """A value without the password that a database URL may hold."""
    return shown(value) if isinstance(value, str) else value
