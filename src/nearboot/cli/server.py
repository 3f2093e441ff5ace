"""``nearboot server``: the servers of the inventory."""

from __future__ import annotations

from functools import partial

import click
from sqlalchemy.orm import Session

from nearboot.app.database import reading
from nearboot.cli.hostlist import choose
from nearboot.cli.output import emit, emit_document, output_option
from nearboot.cli.shell import config_of
from nearboot.inventory import store
from nearboot.model import Server, Slug


@click.group()
def command() -> None:
    """Show the servers of the inventory."""


@command.command("list")
@click.argument("names", nargs=-1)
@click.option("--location", help="Only servers at this location, or below it.")
@click.option("--tier", help="Only servers of this tier.")
@click.option("--model", help="Only servers of this hardware model.")
@output_option
@click.pass_context
def list_(
    ctx: click.Context,
    *,
    names: tuple[str, ...],
    location: str | None,
    tier: str | None,
    model: str | None,
    output: str,
) -> None:
    """List servers, all or those of NAMES (names, host lists such as web[01-40], globs)."""
    with reading(config_of(ctx)) as session:
        only: dict[str, Slug | None] = {
            "location": Slug(location) if location else None,
            "tier": Slug(tier) if tier else None,
            "model": Slug(model) if model else None,
        }
        places = partial(_places, session)
        known = store.server_names(session, **only)
        chosen = choose(names, known, places=places, flag="--location") if names else None
        found = store.servers(session, names=chosen, **only)
    emit([_row(server) for server in found], output, empty="no such servers")


@command.command()
@click.argument("names", nargs=-1, required=True)
@click.option(
    "-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True, help="Output format."
)
@click.pass_context
def show(ctx: click.Context, names: tuple[str, ...], output: str) -> None:
    """Show all that the inventory says of the servers NAMES."""
    with reading(config_of(ctx)) as session:
        places = partial(_places, session)
        chosen = choose(names, store.server_names(session), places=places, flag="server list --location")
        found = {server.name: server for server in store.servers(session, names=chosen)}
    emit_document([found[name] for name in chosen], output)


def _places(session: Session) -> set[str]:
    return {location.slug for location in store.locations(session)}


def _row(server: Server) -> dict[str, object]:
    return {
        "name": server.name,
        "location": server.location,
        "tier": server.tier,
        "model": server.model,
        "macs": [interface.mac for interface in server.interfaces if interface.mac],
        "addresses": [str(a) for i in server.interfaces for a in (i.ipv4, i.ipv6) if a],
    }
