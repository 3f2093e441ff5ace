"""``nearboot route whatif``: what a change would bring, before anyone makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import click

from nearboot.app.whatif import what_if
from nearboot.cli.hostlist import fold
from nearboot.cli.output import emit_document, output_option, plain, table
from nearboot.cli.root import EXIT_CHANGES
from nearboot.cli.shell import config_of, now
from nearboot.errors import Fault, InputError
from nearboot.latency.rows import counted
from nearboot.routing.quantity import ms_text, seconds_text
from nearboot.routing.summary import ASSUMED
from nearboot.routing.suppose import Supposed, added, detour
from nearboot.routing.whatif import Choice, Effect, Load, Stranded, Times, WhatIf, heads

MAX_NAMED = 6  # host lists that are shown of one place; --all shows every one
MAX_PLACES = 20  # the same for places, those with the most servers first
LEFT = {  # what is left for a place, by what is wrong with its route
    ("none-healthy",): "only boot servers that failed their last read",
    ("only-draining",): "only boot servers that are draining",
    ("only-draining", "none-healthy"): "only boot servers that are draining and failed their last read",
    ("no-boot-server",): "none: they cannot boot",
}


def _many(name: str, metavar: str, text: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    return click.option(f"--{name}", name, multiple=True, metavar=metavar, help=text)


@click.command(short_help="Show what a change would bring; changes nothing.")
@_many("drain", "NAME", "A boot server gets no new clients. A location stands for all boot servers there.")
@_many("down", "NAME", "A boot server, or all of a location, fails its reads.")
@_many("remove", "NAME", "A boot server, or all of a location, is gone from the inventory.")
@_many("add", "NAME@LOCATION[,weight=N][,capacity=N]", "There is one more boot server.")
@_many("latency", "A:B:+80ms", "The round trip between two locations is longer (+), shorter (-), or that (=).")
@click.option("--all", "every", is_flag=True, help="Show every place and every server that moves, however many.")
@output_option
@click.pass_context
def whatif(
    ctx: click.Context,
    *,
    drain: tuple[str, ...],
    down: tuple[str, ...],
    remove: tuple[str, ...],
    add: tuple[str, ...],
    latency: tuple[str, ...],
    every: bool,
    output: str,
) -> int:
    """Show who would boot from where, how long it would take, and who would be left with none, if this came true.

    Each flag may be given many times, and all hold at once. Nothing is changed, in the database or elsewhere. Exit
    code 2 if anything would be different for any server.
    """
    if not any((drain, down, remove, add, latency)):
        expected = "at least one of --drain, --down, --remove, --add, --latency"
        raise InputError([Fault("route whatif", 0, "", "nothing to suppose", expected)])
    supposed = Supposed(drain, down, remove, tuple(map(added, add)), tuple(map(detour, latency)))
    found = what_if(config_of(ctx), supposed, names=True, now=now())
    if output == "table":
        click.echo("\n".join(lines(found, every=every)))
    else:
        emit_document(document(found), output)
    return EXIT_CHANGES if found.changes else 0


def document(found: WhatIf) -> Mapping[str, object]:
    """The answer for programs: what would move apart from what would only take another time."""
    return {
        "supposed": found.supposed,
        "changes": found.changes,
        "servers": found.servers,
        "servers_moved": heads(found.moved),
        "moved": [plain(each) for each in found.moved],
        "retimed": [plain(each) for each in found.effects if not each.moved],
        "stranded": [plain(each) for each in found.stranded],
        "loads": [plain(each) for each in found.loads],
        "boot_times": {
            f"ipv{family}": {"before": plain(before), "after": plain(found.times_after[family])}
            for family, before in found.times_before.items()
        },
        "servers_of_unknown_file_sizes": found.assumed,
    }


def lines(found: WhatIf, *, every: bool = False) -> list[str]:
    """The answer for people: what is supposed, what it means, and then the numbers."""
    parts = [
        ["Suppose that", *(f"  {line}" for line in found.supposed)],
        _short(found),
        _effects("Another boot server:", found.moved, every=every),
        _effects(
            "The same boot server, but longer or shorter:", [e for e in found.effects if not e.moved], every=every
        ),
        _left(found.stranded),
        _loads(found.loads) if found.changes else [],
        _meaning(found),
        ["Nothing was changed: this is what would be, once Kea is told of it."],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part).splitlines()


def _short(found: WhatIf) -> list[str]:
    """The answer in a few sentences."""
    if not found.changes:
        return ["Nothing would be different for any server: neither its boot server, nor its time."]
    moved = heads(each for each in found.moved if each.after.boot_server is not None)
    without = heads(each for each in found.stranded if each.boot_server is None)
    said = [
        f"{moved:,} of {found.servers:,} servers would boot from another boot server.",
        f"{counted(without, 'server')} would have none." if without else "Every server would have one.",
    ]
    for family, before in found.times_before.items():
        said += _time_sentences(before, found.times_after[family], f" over IPv{family}" if family != 4 else "")
    return said


def _time_sentences(before: Times, after: Times, how: str) -> list[str]:
    if before.mean_s is None or after.mean_s is None:
        return []
    then = f"{seconds_text(after.mean_s)} in the mean and at most {seconds_text(after.worst_s)} (at {after.worst_at})"
    today = f"{seconds_text(before.mean_s)} and at most {seconds_text(before.worst_s)} (at {before.worst_at})"
    return [f"Over all servers, reading the files of a boot{how} would take {then}; now {today}."]


def _effects(title: str, effects: Sequence[Effect], *, every: bool) -> list[str]:
    if not effects:
        return []
    shown = effects if every else effects[:MAX_PLACES]
    rows = [
        {
            "place": each.location + ("" if each.family == 4 else f" IPv{each.family}") + _whose(each),
            "servers": f"{each.servers:,}",
            "boot server": _change(*(choice.boot_server or "none" for choice in (each.before, each.after))),
            "one block": _change(*map(_cost, (each.before, each.after))),
            "one boot": _change(seconds_text(each.before_s), seconds_text(each.after_s)),
        }
        for each in shown
    ]
    heading, *body = table(rows).splitlines()
    lines = [title, f"  {heading}"]
    for line, each in zip(body, shown, strict=True):
        named = each.names in [other.names for other in effects[: effects.index(each)]]  # over the other family
        lines += [f"  {line}", *([] if named else _names(each, every=every))]
    rest = effects[len(shown) :]
    more = f"  and {counted(len(rest), 'more place')}, {heads(rest):,} servers (--all shows them)"
    return [*lines, *([more] if rest else [])]


def _names(effect: Effect, *, every: bool) -> list[str]:
    lists = fold(effect.names)
    shown = lists if every else lists[:MAX_NAMED]
    more = [f"and {len(lists) - len(shown)} more (--all shows them)"] if len(shown) < len(lists) else []
    return [f"      {', '.join([*shown, *more])}"] if lists else []


def _left(stranded: Iterable[Stranded]) -> list[str]:
    found = [
        f"  {each.location}{_whose(each)} (IPv{each.family}, {counted(each.servers, 'server')}): "
        + LEFT.get(each.troubles, ", ".join(each.troubles))
        + (f"; they would use {each.boot_server}" if each.boot_server else "")
        + (" (as now)" if each.already else "")
        for each in stranded
    ]
    return ["Left without a sound boot server:", *found] if found else []


def _loads(loads: Iterable[Load]) -> list[str]:
    found = list(loads)
    limited = any(each.capacity for each in found)
    rows = [
        {
            "boot server": each.boot_server + ("" if each.family == 4 else f" IPv{each.family}"),
            "servers now": f"{each.servers_before:,}",
            "then": f"{each.servers_after:,}",
            "change": f"{each.servers_after - each.servers_before:+,}",
            "places now": each.places_before,
            "then ": each.places_after,
            **({"capacity": _capacity(each)} if limited else {}),
        }
        for each in found
    ]
    return ["What each boot server would carry:", *(f"  {line}" for line in table(rows).splitlines())] if rows else []


def _capacity(load: Load) -> str:
    if load.capacity is None:
        return "any"
    return f"{load.capacity:,}" + (" (exceeded)" if load.servers_after > load.capacity else "")


def _meaning(found: WhatIf) -> list[str]:
    if not found.effects:
        return []
    lines = [
        'One block: what a client waits for each block of a file, round trip and losses; "~": reckoned, not measured.',
        "One boot: kernel and initrd at that pace, for one server alone; many at once may take longer.",
    ]
    if found.assumed:
        who = "all servers" if found.assumed == found.servers else f"{found.assumed:,} of {found.servers:,} servers"
        lines.append(f"For {who} the sizes of these files are not known here: 100 MB are reckoned with.")
    return lines


def _whose(each: Effect | Stranded) -> str:
    return f" ({each.whose})" if each.whose else ""


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before} -> {after}"


def _cost(choice: Choice) -> str:
    mark = "~" if choice.rung in ASSUMED and choice.cost_ms is not None else ""
    return mark + (ms_text(choice.cost_ms) if choice.boot_server else "none")
