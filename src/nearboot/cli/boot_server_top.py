"""``nearboot boot-server top``: the transfers under way on this machine, on a terminal that keeps up, or once."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Literal

import click

from nearboot.app.top import Picture, Row, Top, look, machines, unnamed
from nearboot.cli.output import emit_document, output_option, table
from nearboot.cli.shell import config_of, now
from nearboot.config import Config

if TYPE_CHECKING:
    from rich.console import Console, Group

Order = Callable[[Row], float]

ORDERS: dict[str, Order] = {
    "age": lambda row: -row.age_s,
    "rate": lambda row: -row.rate,
    "progress": lambda row: -(row.share or 0.0),
    "retransmits": lambda row: -row.retransmits,
}
HEADINGS = ("client", "server", "file", "progress", "rate", "left", "terms", "again", "age")
BAR = "bar"
COLUMNS = ("client", "server", "file", "progress", BAR, "rate", "left", "terms", "again", "age")
NUMBERS = ("rate", "left", "again", "age")
LESS_WANTED = (BAR, "terms", "left", "again", "age", "server")
"""The columns that a narrow terminal does without, this one first."""
FILE_WIDTH = 24
BAR_WIDTH = 20
GAP = 2
HEAD_LINES = 5
LOOK_UPS = 100
"""Addresses that are looked up in the inventory at one look: a few milliseconds each."""
UNITS = ("B", "kB", "MB", "GB", "TB")


@click.command(short_help="Show the transfers under way on this machine.")
@click.option("--once", is_flag=True, help="Look once and end; so do -o json, -o yaml, and output to no terminal.")
@click.option(
    "--interval", type=click.FloatRange(0.1, 60), default=1.0, show_default=True, help="Seconds between looks."
)
@click.option("--sort", type=click.Choice(list(ORDERS)), default="age", show_default=True, help="What comes first.")
@output_option
@click.pass_context
def top(ctx: click.Context, *, once: bool, interval: float, sort: str, output: str) -> None:
    """Show the TFTP transfers under way on this machine, with progress, rate and client, until Ctrl-C.

    AGAIN is how many packets were sent again. A rate is smoothed over some seconds; at the first look it is the mean
    since the transfer began.
    """
    pictures = looks(config_of(ctx), ORDERS[sort])
    if output != "table":
        emit_document(document(next(pictures)), output)
    elif once or not sys.stdout.isatty():
        click.echo(as_text(next(pictures)))
    else:
        with suppress(KeyboardInterrupt):
            watch(pictures, interval)


def looks(config: Config, order: Order) -> Iterator[Picture]:
    """A picture each time that one is asked for."""
    seen, names, asked = Top(), dict[str, str](), set[str]()
    while True:
        statuses, at = look(config), now()
        strangers = set(sorted(unnamed(statuses) - asked)[:LOOK_UPS])
        if strangers:
            names |= machines(config, strangers, at)
            asked |= strangers
        picture = seen.see(statuses, now=time.monotonic(), at=at, names=names)
        yield replace(picture, rows=tuple(sorted(picture.rows, key=order)))


def document(picture: Picture) -> dict[str, object]:
    """For programs: everything, in bytes and seconds."""
    return {
        "at": picture.at,
        "active": len(picture.rows),
        "rate": round(picture.rate),
        "requests": picture.totals,
        "processes": picture.processes,
        "transfers": [
            {item.name: getattr(row, item.name) for item in fields(Row) if item.name != "process"}
            | {"rate": round(row.rate), "listen": row.process.listen, "worker": row.process.worker}
            for row in picture.rows
        ],
    }


def as_text(picture: Picture) -> str:
    """The header and a plain table."""
    lines = head(picture)
    if picture.rows:
        lines += ["", table([dict(zip(HEADINGS, cells(row), strict=True)) for row in picture.rows])]
    return "\n".join(lines)


def head(picture: Picture) -> list[str]:
    """Who serves, what is under way, how requests end: a second, or in all where there was one look."""
    first = picture.processes[0]
    count = f", {len(picture.processes)} processes" if len(picture.processes) > 1 else f", pid {first.pid}"
    listens = ", ".join(dict.fromkeys(process.listen for process in picture.processes))
    counts: dict[str, str] = {name: str(number) for name, number in picture.totals.items() if number}
    for name in counts:
        if picture.per_second:
            counts[name] += f" ({picture.per_second[name]:.1f}/s)"
    ended = ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in counts.items())
    return [
        f"{first.boot_server} on {listens}{count}, since {first.started_at:%Y-%m-%d %H:%M:%SZ}",
        f"{len(picture.rows)} active, {amount(picture.rate)}/s",
        f"requests: {ended or 'none yet'}",
    ]


def cells(row: Row) -> list[str]:
    """A row's texts under the headings."""
    return [
        row.client,
        row.machine or "",
        plain(row.file),
        progress(row),
        f"{amount(row.rate)}/s" if row.acked else "",
        "" if row.left_s is None else span(row.left_s),
        f"{row.blksize}×{row.windowsize}",
        str(row.retransmits),
        span(row.age_s),
    ]


def progress(row: Row) -> str:
    """How much of how much; or what it waits for."""
    if not row.acked:
        return row.state.value
    return amount(row.acked) if row.size is None else f"{row.share or 0:.0%} of {amount(row.size)}"


def watch(pictures: Iterator[Picture], interval: float) -> None:
    """Draw each picture over the one before, until Ctrl-C."""
    from rich.console import Console  # noqa: PLC0415  # 40 ms, for the terminal alone
    from rich.live import Live  # noqa: PLC0415  # as above

    console = Console()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(drawn(next(pictures), console), refresh=True)
            time.sleep(interval)


def drawn(picture: Picture, console: Console) -> Group:
    """The header, and as many transfers as the terminal has lines for, with the columns that it is wide enough for."""
    from rich.console import Group  # noqa: PLC0415  # as above
    from rich.progress_bar import ProgressBar  # noqa: PLC0415  # as above
    from rich.table import Table  # noqa: PLC0415  # as above
    from rich.text import Text  # noqa: PLC0415  # as above

    room = max(console.height - HEAD_LINES, 1)
    shown = picture.rows if len(picture.rows) <= room else picture.rows[: room - 1]
    texts = [dict(zip(HEADINGS, cells(row), strict=True)) | {BAR: ""} for row in shown]
    widths = fitting(texts, console.width)
    grid = Table(box=None, header_style="bold", padding=(0, GAP, 0, 0), pad_edge=False)
    for name, width in widths.items():
        justify: Literal["left", "right"] = "right" if name in NUMBERS else "left"
        heading = "" if name == BAR else name.upper()
        grid.add_column(heading, justify=justify, width=width, no_wrap=True, overflow="ellipsis")
    for row, cell in zip(shown, texts, strict=True):
        bar = ProgressBar(total=max(row.size or 0, 1), completed=row.acked if row.size else 0, width=BAR_WIDTH)
        grid.add_row(*(bar if name == BAR else Text(cell[name]) for name in widths))
    hidden = len(picture.rows) - len(shown)
    lines = [*(Text(line, no_wrap=True, overflow="ellipsis") for line in head(picture)), Text("")]
    return Group(*lines, grid, *([Text(f"and {hidden} more")] if hidden else []))


def fitting(texts: Sequence[Mapping[str, str]], room: int) -> dict[str, int]:
    """The columns for a terminal of so many characters: some are left out until a file's name has enough of them."""
    widths = {name: max([len(name), *(len(text[name]) for text in texts)]) for name in COLUMNS}
    widths[BAR] = BAR_WIDTH
    longest, spare = widths["file"], list(LESS_WANTED)
    while True:
        left = room - sum(width + GAP for name, width in widths.items() if name != "file")
        if left >= min(longest, FILE_WIDTH) or not spare:
            break
        del widths[spare.pop(0)]
    widths["file"] = max(min(longest, left), 1)
    return widths


def plain(text: str) -> str:
    """A name as a client sent it, without what a terminal would obey."""
    return text if text.isprintable() else ascii(text)


def amount(count: float) -> str:
    """Bytes for people: three digits and a unit."""
    for unit in UNITS[:-1]:
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.95 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {UNITS[-1]}"


def span(seconds: float) -> str:
    """A time for people: the two largest parts."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // 3600}:{whole // 60 % 60:02} h" if whole < 360_000 else "> 99 h"
