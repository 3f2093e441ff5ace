"""``nearboot tftp``: read files from TFTP servers."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import FrameType

import click

from nearboot.app.fetch import Asking, Fetched, OnProgress, Output, Target, fetch, parse_url

STEP = 64 << 10
"""The bar moves on after so many bytes, not at each block."""


@click.group()
def command() -> None:
    """Read files from TFTP servers."""


@command.command()
@click.argument("url")
@click.option("-o", "--output", metavar="FILE", help="Where to write it; - is stdout (default: the name in the URL).")
@click.option(
    "--blksize", type=click.IntRange(8, 65464), default=1428, show_default=True, help="Bytes a block to ask for."
)
@click.option(
    "--windowsize", type=click.IntRange(1, 65535), default=16, show_default=True, help="Blocks an ACK to ask for."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.01, 255),
    default=1.0,
    show_default=True,
    help="Seconds to wait for the next packet, doubled from try to try.",
)
@click.option(
    "--retries", type=click.IntRange(0, 100), default=5, show_default=True, help="How often to ask again in silence."
)
def get(url: str, output: str | None, *, blksize: int, windowsize: int, timeout: float, retries: int) -> None:
    """Read the file at URL and check that all of it came.

    URL is tftp://HOST[:PORT]/PATH, IPv6 addresses in brackets. FILE is replaced when all has come, or not at all.
    Size, time, rate and checksum are said at the end.
    """
    try:
        target = parse_url(url)
    except ValueError as error:
        raise click.BadParameter(f"{url}: {error}", param_hint="URL") from error
    asking = Asking(blksize, windowsize, timeout, retries)
    into = place(output, target)
    with ending_at_sigterm(), progress(target.path) as on_progress:
        fetched = fetch(target, into, asking, on_progress)
    click.echo(summary(target, into, fetched), err=output == "-")


@contextmanager
def ending_at_sigterm() -> Iterator[None]:
    """A SIGTERM ends it as Ctrl-C does: nothing half is left."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def place(output: str | None, target: Target) -> Output:
    """Where the file goes: stdout, a file, or a file of the URL's name in a folder."""
    if output == "-":
        return sys.stdout.buffer
    name = PurePosixPath(target.path).name
    path = Path(output or "")
    if not path.is_dir():
        return path
    if name in ("", ".."):
        raise click.BadParameter(f"{target.path} ends in no name: say where to write it", param_hint="--output")
    return path / name


def summary(target: Target, into: Output, fetched: Fetched) -> str:
    """One fact a word, for people and for grep."""
    rate = fetched.size / max(fetched.duration_s, 1e-6) / 1e6
    name = into if isinstance(into, Path) else "-"
    return (
        f"{target.path} -> {name}: {fetched.size} bytes in {fetched.duration_s:.2f} s ({rate:.1f} MB/s),"
        f" blksize {fetched.blksize}, windowsize {fetched.windowsize}\nsha256 {fetched.sha256}"
    )


@contextmanager
def progress(path: str) -> Iterator[OnProgress | None]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress as bars  # noqa: PLC0415  # 40 ms, for the terminal alone
    from rich.console import Console  # noqa: PLC0415  # as above

    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(path, total=None)
        shown = 0

        def on_progress(received: int, size: int | None) -> None:
            nonlocal shown
            if received - shown >= STEP or received in (0, size):
                shown = received
                bar.update(task, completed=received, total=size)

        yield on_progress
