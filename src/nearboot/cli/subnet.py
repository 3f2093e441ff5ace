"""``nearboot subnet``: the subnets of the inventory."""

from __future__ import annotations

import click

from nearboot.app.database import reading
from nearboot.cli.output import emit, output_option
from nearboot.cli.shell import config_of
from nearboot.inventory import store
from nearboot.model import Prefix


@click.group()
def command() -> None:
    """Show the subnets of the inventory."""


@command.command("list", short_help="List subnets with their place and Kea's id.")
@output_option
@click.pass_context
def list_(ctx: click.Context, output: str) -> None:
    """List the subnets with their place, Kea's id of them, and what clients are told there."""
    with reading(config_of(ctx)) as session:
        found = store.subnets(session)
    rows = [
        {
            "prefix": subnet.prefix,
            "location": subnet.location,
            "name": subnet.name,
            "kea id": subnet.kea_id,
            "gateway": subnet.gateway,
            "dns": subnet.dns,
            "pools": [f"{pool.first}-{pool.last}" for pool in subnet.pools],
            "relays": subnet.relays,
        }
        for subnet in sorted(found, key=lambda subnet: _order(subnet.prefix))
    ]
    emit(rows, output, empty="no subnets yet: nearboot inventory load PATH")


def _order(prefix: Prefix) -> tuple[int, int, int]:
    """By number, not by text: 10.9.0.0 comes before 10.10.0.0."""
    return prefix.version, int(prefix.network_address), prefix.prefixlen
