"""``nearboot route``: which boot server each place gets, and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches

import click

from nearboot.app import answer, routes
from nearboot.app.answer import Shown
from nearboot.app.database import reading
from nearboot.cli.hostlist import choose
from nearboot.cli.output import emit, emit_document, output_option, plain
from nearboot.cli.route_whatif import whatif
from nearboot.cli.shell import config_of, now
from nearboot.config import Config
from nearboot.errors import Fault, InputError, NotFoundError
from nearboot.routing.explain_text import lines
from nearboot.routing.summary import ASSUMED, why


@click.group()
def command() -> None:
    """Show and explain which boot server each place gets."""


@command.command(short_help="Show the boot server that each place gets now.")
@click.argument("locations", nargs=-1)
@click.option("--server", "servers", multiple=True, metavar="SERVER", help="Servers: names, host lists, globs.")
@click.option("--tier", "tiers", multiple=True, metavar="TIER", help="The places at which servers of a tier stand.")
@click.option("--family", type=click.Choice(["4", "6", "all"]), default="4", show_default=True, help="Address family.")
@click.option("--used/--every", "used", default=True, help="Only places with servers or subnets, or every place.")
@output_option
@click.pass_context
def show(
    ctx: click.Context,
    *,
    locations: tuple[str, ...],
    servers: tuple[str, ...],
    tiers: tuple[str, ...],
    family: str,
    used: bool,
    output: str,
) -> None:
    """Show the boot server that each place gets now, with the next best one.

    Places are all, or LOCATIONS, or those of servers or tiers.
    """
    if sum(map(bool, (locations, servers, tiers))) > 1:
        raise InputError([Fault("route show", 0, "", "two ways of choosing", "LOCATIONS, --server or --tier")])
    config, families = config_of(ctx), routes.FAMILIES if family == "all" else (int(family),)
    if servers:
        picture, found = answer.of_servers(config, lambda known: choose(servers, known), families, now())
    elif tiers:
        picture, found = answer.of_tiers(config, tiers, families, now())
    else:
        picture, found = _of_places(config, locations, families, used=used)
    if output == "table":
        emit([_row(each, picture) for each in found], output, empty="no places yet: nearboot inventory load PATH")
    else:
        emit_document([_document(each) for each in found], output)
    for finding in picture.findings:
        click.echo(f"note: {finding.text}", err=True)


command.add_command(whatif)


@command.command("explain", short_help="Explain why servers get their boot server.")
@click.argument("servers", nargs=-1, required=True)
@click.option("--family", type=click.Choice(["4", "6"]), default="4", show_default=True, help="Address family.")
@click.option("--all", "every", is_flag=True, help="Show every boot server, however many there are.")
@output_option
@click.pass_context
def explain(ctx: click.Context, *, servers: tuple[str, ...], family: str, every: bool, output: str) -> None:
    """Explain why SERVERS (names, host lists, globs) get their boot server, and why not each other one."""
    found = answer.explanations(config_of(ctx), lambda known: choose(servers, known), family=int(family), now=now())
    if output != "table":
        emit_document(found, output)
        return
    for place, explanation in enumerate(found):
        if place:
            click.echo()
        for line in lines(explanation, every=every):
            click.echo(line)


@command.command("map", short_help="Draw a map of which boot server each place gets.")
@click.option("-o", "--output", "file", required=True, metavar="FILE", help="The picture: a name in .svg or .png.")
@click.option("--family", type=click.Choice(["4", "6"]), default="4", show_default=True, help="Address family.")
@click.pass_context
def map_(ctx: click.Context, file: str, family: str) -> None:
    """Draw which boot server each place gets: places by their coordinates, each joined to its boot server.

    Lines are as wide as there are servers, and as dark as a TFTP block takes long. Boot servers are marked by their
    state. A place without coordinates stands where its site does.
    """
    from nearboot.app import drawing  # noqa: PLC0415 - brings numpy, for those who draw

    drawn = drawing.route_picture(config_of(ctx), file, family=int(family), now=now())
    click.echo(drawn.line)
    for note in drawn.notes:
        click.echo(f"note: {note}", err=True)


def _of_places(
    config: Config, locations: Sequence[str], families: Collection[int], *, used: bool
) -> tuple[routes.Picture, list[Shown]]:
    with reading(config) as session:
        picture = routes.look(session, config, now())
    known = {location.slug for location in picture.inventory.locations}
    for name in locations:
        if name not in known:
            raise NotFoundError("location", name, get_close_matches(name, known, 3))
    wanted = set(locations) or (routes.populated(picture.inventory) if used else known)
    return picture, [Shown(r) for r in picture.routes if r.location in wanted and r.family in families]


def _document(shown: Shown) -> dict[str, object]:
    """The route, with whose it is where that was asked for."""
    whose = {"server": shown.server or None, "tier": shown.tier, "servers": shown.servers}
    return {**{key: value for key, value in whose.items() if value is not None}, **plain(shown.route)}


def _row(shown: Shown, picture: routes.Picture) -> dict[str, object]:
    route = shown.route
    best = route.candidates[0] if route.chosen else None
    other = next((c for c in route.candidates if c.boot_server != route.chosen and c.eligible), None)
    assumed = best is not None and best.rung in ASSUMED
    return {
        **({"server": shown.server} if shown.server else {}),
        **({"tier": shown.tier} if shown.tier else {}),
        "location": route.location,
        **({} if shown.servers is None else {"servers": shown.servers}),
        "family": f"IPv{route.family}",
        "boot server": route.chosen,
        "rtt ms": _ms(best.rtt_ms, assumed) if best else None,
        "cost ms": _ms(best.cost_ms, assumed) if best else None,
        "how known": routes.known(picture, route) if best else None,
        "next best": f"{other.boot_server} ({_cost(other.cost_ms)})" if other else None,
        "why": why(route),
    }


def _ms(value: float | None, assumed: bool) -> str | None:
    """Milliseconds; with ``~`` where nobody has measured them."""
    return None if value is None else f"~{value:.1f}" if assumed else f"{value:.2f}"


def _cost(cost_ms: float | None) -> str:
    return "unknown" if cost_ms is None else f"{cost_ms:.1f} ms"
