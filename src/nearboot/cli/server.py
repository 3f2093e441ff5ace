"""``nearboot server``: the servers of the inventory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import click
from sqlalchemy.orm import Session

from nearboot.app.database import reading
from nearboot.app.server import effective
from nearboot.cli.hostlist import choose
from nearboot.cli.output import emit, emit_document, output_option, plain, table
from nearboot.cli.shell import config_of, now
from nearboot.inventory import store
from nearboot.model import Server, Slug


@click.group()
def command() -> None:
    """Show the servers of the inventory."""


@command.command("list", short_help="List servers, all or those named.")
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


@command.command(short_help="Show all that is known of servers.")
@click.argument("names", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"]),
    default="yaml",
    show_default=True,
    help="Output format.",
)
@click.pass_context
def show(ctx: click.Context, names: tuple[str, ...], output: str) -> None:
    """Show all that the inventory says of the servers NAMES, and what follows: profile, subnets, boot servers."""
    config = config_of(ctx)
    with reading(config) as session:
        places = partial(_places, session)
        chosen = choose(names, store.server_names(session), places=places, flag="server list --location")
        by_name = {server.name: server for server in store.servers(session, names=chosen)}
        found = [by_name[name] for name in chosen]
        documents = [
            plain(server) | {"effective": plain(follows)}
            for server, follows in zip(found, effective(session, config, found, now()), strict=True)
        ]
    if output != "table":
        emit_document(documents, output)
        return
    for place, document in enumerate(documents):
        if place:
            click.echo()
        click.echo(table([{"field": field, "value": value} for field, value in _fields(document)]))


def _fields(document: Mapping[str, object], path: str = "") -> Iterator[tuple[str, object]]:
    """A document's values that are not empty, each with the path of its field."""
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _fields(value, f"{path}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for number, item in enumerate(value):
                yield from _fields(item, f"{path}{name}[{number}].")
        elif value not in (None, "", []):
            yield f"{path}{name}", value


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
