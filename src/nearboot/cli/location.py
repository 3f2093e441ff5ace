"""``nearboot location``: the places of the inventory."""

from __future__ import annotations

from collections import Counter

import click

from nearboot.app.inventory import read
from nearboot.cli.output import emit, output_option
from nearboot.cli.shell import config_of


@click.group()
def command() -> None:
    """Show the places of the inventory."""


@command.command("list")
@output_option
@click.pass_context
def list_(ctx: click.Context, output: str) -> None:
    """List the locations with what stands there."""
    inventory = read(config_of(ctx))
    servers = Counter(server.location for server in inventory.servers)
    subnets = Counter(subnet.location for subnet in inventory.subnets)
    boot_servers = Counter(server.location for server in inventory.boot_servers)
    rows = [
        {
            "slug": location.slug,
            "kind": location.kind,
            "parent": location.parent,
            "name": location.name,
            "servers": servers[location.slug],
            "subnets": subnets[location.slug],
            "boot servers": boot_servers[location.slug],
            "aliases": location.aliases,
        }
        for location in inventory.locations
    ]
    emit(rows, output, empty="no locations yet: nearboot inventory load PATH")
