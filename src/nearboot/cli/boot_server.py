"""``nearboot boot-server``: list, drain, restore, probe and watch boot servers."""

from __future__ import annotations

import socket
from collections.abc import Collection, Sequence

import click

from nearboot.app import boot_server, health
from nearboot.app.database import reading
from nearboot.app.routes import look
from nearboot.cli.boot_server_top import top
from nearboot.cli.output import emit, output_option
from nearboot.cli.root import EXIT_ERROR
from nearboot.cli.shell import actor, config_of, now
from nearboot.model import AdminState, Health, Route
from nearboot.routing.summary import TROUBLE

WARNINGS = {
    ("none-healthy",): ("healthy boot server", "get the nearest that failed its last read"),
    ("only-draining",): ("active boot server", "get the nearest that is draining"),
    ("only-draining", "none-healthy"): (
        "active boot server",
        "get the nearest that is draining and failed its last read",
    ),
    ("no-boot-server",): ("boot server", "cannot boot"),
}
"""What a new state does to places, by what is then wrong with their routes: what is missing, and what they get."""

FEW = 10  # servers that are named one by one

reason_option = click.option("--reason", default="", help="Why, for the audit log.")


@click.group()
def command() -> None:
    """List, drain, restore, probe and watch boot servers."""


command.add_command(top)


@command.command("list", short_help="List boot servers: state, health, places served.")
@output_option
@click.pass_context
def list_(ctx: click.Context, output: str) -> None:
    """List the boot servers with their state, health, and how many places they are the choice of."""
    with reading(config_of(ctx)) as session:
        picture = look(session, config_of(ctx), now())
    chosen = [route.chosen for route in picture.routes if route.family == 4]
    rows = []
    for server in picture.inventory.boot_servers:
        last = picture.health.get(server.name)
        rows.append(
            {
                "name": server.name,
                "location": server.location,
                "state": server.state,
                "health": _word(last),
                "checked at": last.checked_at if last else None,
                "ipv4": server.ipv4,
                "ipv6": server.ipv6,
                "http": server.http_url,
                "weight": server.weight,
                "places": chosen.count(server.name),
                "why": "; ".join(reason.text for reason in last.reasons) if last else "",
            }
        )
    emit(rows, output, empty="no boot servers yet: nearboot inventory load PATH")
    for finding in picture.findings:
        if finding.code == "vantage-distrusted":
            click.echo(f"note: {finding.text}", err=True)


@command.command(short_help="Give a boot server no new clients.")
@click.argument("name")
@reason_option
@click.pass_context
def drain(ctx: click.Context, name: str, reason: str) -> None:
    """Give the boot server NAME no new clients; what it serves now is finished."""
    _set_state(ctx, name, AdminState.DRAINING, reason)


@command.command(short_help="Never choose a boot server, whatever is left.")
@click.argument("name")
@reason_option
@click.pass_context
def disable(ctx: click.Context, name: str, reason: str) -> None:
    """Never choose the boot server NAME, not even when nothing else is left."""
    _set_state(ctx, name, AdminState.DISABLED, reason)


@command.command()
@click.argument("name")
@reason_option
@click.pass_context
def activate(ctx: click.Context, name: str, reason: str) -> None:
    """Put the boot server NAME back into service."""
    _set_state(ctx, name, AdminState.ACTIVE, reason)


@command.command(short_help="Probe boot servers with a real read of a small file.")
@click.argument("names", nargs=-1)
@click.option("--vantage", default=socket.gethostname, help="Where this probe runs (default: this host's name).")
@output_option
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...], vantage: str, output: str) -> int:
    """Probe the boot servers NAMES (default: all) with a real read of a small file, and keep the result.

    Exit code 1 if one is not healthy.
    """
    results = health.check(config_of(ctx), names, vantage=vantage, clock=now)
    judged = health.verdict(config_of(ctx), now())
    rows = [
        {
            "name": result.boot_server,
            "healthy": result.healthy,
            "took ms": result.duration_ms,
            "vantage": result.vantage,
            "detail": result.detail,
            "counts as": _word(judged.health.get(result.boot_server)),
        }
        for result in results
    ]
    if vantage in judged.distrusted:
        click.echo(f"warning: {judged.distrusted[vantage].text}", err=True)
    emit(rows, output, empty="no boot servers yet: nearboot inventory load PATH")
    return 0 if all(result.healthy for result in results) else EXIT_ERROR


def _word(found: Health | None) -> str:
    """What is believed, in a word."""
    if found is None or not found.known:
        return "unknown"
    return "healthy" if found.healthy else "unhealthy"


def _set_state(ctx: click.Context, name: str, state: AdminState, reason: str) -> None:
    change = boot_server.set_state(config_of(ctx), name, state, reason=reason, actor=actor(), now=now())
    if change.before is state:
        click.echo(f"{name} is {state.value} already")
        return
    for codes, places in change.troubles.items():
        click.echo(f"warning: {_warning(codes, len(places))}", err=True)
    click.echo(f"{name}: {change.before.value} -> {state.value}")
    for line in _moves(change.moved, said={code for codes in change.troubles for code in codes}):
        click.echo(line)
    for line in _own_moves(change.own):
        click.echo(line)
    click.echo("Kea is told by the next: nearboot kea generate" if change.moved or change.own else "no place moves")


def _warning(codes: tuple[str, ...], count: int) -> str:
    if codes not in WARNINGS:
        return f"{count} place{'s' if count > 1 else ''}: {', '.join(TROUBLE[code] for code in codes)}"
    left, what = WARNINGS[codes]
    who = f"{count} places: they" if count > 1 else "1 place: it"
    verb = what if count > 1 else what.replace("get ", "gets ", 1)
    return f"no {left} is left for {who} {verb}"


def _own_moves(own: Sequence[tuple[str, Route, Route]]) -> list[str]:
    """The servers with pins or bans that move: a line for each of a few."""
    lines = [
        f"  server {name} IPv{old.family}: {old.chosen or 'none'} -> {new.chosen or 'none'} ({new.reasons[0].text})"
        for name, old, new in own[:FEW]
    ]
    return [*lines, *([f"  and {len(own) - FEW} more with pins or bans"] if len(own) > FEW else [])]


def _moves(moved: Sequence[tuple[Route, Route]], *, said: Collection[str]) -> list[str]:
    """A line for each route that moves, with the reasons that only it has, and then once those that all have."""
    reasons = [[reason.text for reason in after.reasons if reason.code not in said] for _, after in moved]
    common = [text for text in reasons[0] if all(text in texts for texts in reasons)] if len(reasons) > 1 else []
    lines = []
    for (before, after), texts in zip(moved, reasons, strict=True):
        own = "; ".join(text for text in texts if text not in common)
        lines.append(
            f"  {before.location} IPv{before.family}: {before.chosen or 'none'} -> {after.chosen or 'none'}"
            + (f" ({own})" if own else "")
        )
    return [*lines, *([f"why: {'; '.join(common)}"] if common else [])]
