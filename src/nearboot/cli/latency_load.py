"""``nearboot latency load``: maps from files, folders and URLs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from nearboot.app import latency, latency_source
from nearboot.app.latency_source import Found, Marks, Source
from nearboot.cli.latency_decide import MAX_SHOWN, say_moves
from nearboot.cli.latency_options import reading_of, reading_options, sources_of
from nearboot.cli.root import EXIT_ERROR
from nearboot.cli.shell import actor, config_of, now
from nearboot.errors import InputError, NearbootError, PeerError
from nearboot.model import MapState


@click.command(short_help="Load latency maps, of any format that is known.")
@click.argument("sources", nargs=-1, required=True, metavar="FILE|FOLDER|URL...")
@click.option("--source", help="Who publishes the map (default: its signature, or the file's name without suffix).")
@reading_options
@click.option("--again", is_flag=True, help="Load what a folder or a URL has, though it was loaded before.")
@click.option("--all", "show_all", is_flag=True, help="List every row that was not used, and every move.")
@click.option("--dry-run", is_flag=True, help="Read and check, and show who would move; store nothing.")
@click.pass_context
def load(
    ctx: click.Context,
    /,
    *,
    sources: tuple[str, ...],
    source: str | None,
    again: bool,
    show_all: bool,
    dry_run: bool,
    **said: Any,
) -> int:
    """Load latency maps: edges, a matrix, or what a measuring tool wrote; detected, or say --format.

    Of a FOLDER the newest file of each kind is loaded (names that differ in a date alone are of one kind), and nothing
    that was loaded before; so with a URL (http, https). NAME=FOLDER and NAME=URL say what its maps are called.

    Units are stated by the file (rtt_ms, or a first line "# unit: ms") or by --unit, never guessed. Rows that cannot be
    used are listed; names that mean no location of the inventory too. A map that cannot be true is refused; one that
    may be, but would move many locations, is held: exit code 1, and 'latency accept' or 'latency reject' decides.
    """
    config = config_of(ctx)
    how = replace(reading_of(said), source=source)
    marks = Marks.of(config)
    codes: list[int] = []
    failures: list[NearbootError] = []

    def take(found: Found) -> None:
        read = replace(how, publisher=found.publisher, as_of=found.as_of)
        loaded = latency.ingest(config, found.document, read, dry_run=dry_run, actor=actor(), now=now())
        if not dry_run and found.key:
            marks.keep(found)
        codes.append(_say(loaded, show_all=show_all, dry_run=dry_run))

    for each in sources_of(sources):
        failures += _taken(_documents(each, marks, again=again, signed=bool(config.latency.signing_key)), take)
    if failures and (not codes or dry_run):
        _raise(failures)
    for failure in failures:
        click.echo(f"not loaded: {failure}", err=True)
    return max([*codes, EXIT_ERROR if failures else 0], default=0)


def _taken(documents: Iterator[Found], take: Callable[[Found], None]) -> list[NearbootError]:
    """What went wrong: with a document, after which the next one follows, or with the source as a whole."""
    failures: list[NearbootError] = []
    try:
        for found in documents:
            try:
                take(found)
            except (InputError, PeerError) as error:
                failures.append(error)
    except (InputError, PeerError) as error:
        failures.append(error)
    return failures


def _documents(source: Source, marks: Marks, *, again: bool, signed: bool) -> Iterator[Found]:
    """A file that is named is read in any case; of what else there is, what is new."""
    if not source.is_url and not Path(source.place).is_dir():
        yield latency_source.named_file(source)
        return
    known = Marks(marks.path) if again else marks
    is_new = False
    for found in latency_source.new_documents(source, known, with_signature=signed):
        is_new = True
        yield found
    if not is_new:
        click.echo(f"{source}: nothing that was not loaded before (--again loads it all the same)")


def _raise(failures: list[NearbootError]) -> None:
    """All of them, where nothing was done."""
    faults = [fault for failure in failures if isinstance(failure, InputError) for fault in failure.faults]
    others = [failure for failure in failures if not isinstance(failure, InputError)]
    for failure in others[1 if not faults else 0 :]:
        click.echo(str(failure), err=True)
    raise InputError(faults) if faults else others[0]


def _say(loaded: latency.Loaded, *, show_all: bool, dry_run: bool) -> int:
    for line in loaded.summary.lines():
        click.echo(line)
    for finding in loaded.findings:
        click.echo(f"note: {finding.text}")
    shown = loaded.quarantined if show_all else loaded.quarantined[:MAX_SHOWN]
    for row in shown:
        click.echo(f"not used: {row.file}:{row.line}: {row.text}: {row.reason}")
    if len(shown) < len(loaded.quarantined):
        click.echo(f"not used: {len(loaded.quarantined) - len(shown)} more (--all lists every one)")
    return _say_outcome(loaded, show_all=show_all, dry_run=dry_run)


def _say_outcome(loaded: latency.Loaded, *, show_all: bool, dry_run: bool) -> int:
    """What became of a map that was not refused; the exit code."""
    held, source = loaded.state is MapState.HELD, loaded.summary.source
    say_moves(loaded.moves, show_all=show_all)
    for reason in loaded.held:
        click.echo(f"HELD: {reason.code}: {reason.text}", err=True)
    if dry_run:
        click.echo("dry run: nothing was stored" + ("; it would be held" if held else ""))
    elif held:
        click.echo(f"stored as epoch {loaded.epoch} of {source}, not in use")
        where = f"{loaded.epoch} --source {source}"
        click.echo(f"use it: nearboot latency accept {where} --reason TEXT", err=True)
        click.echo(f"drop it: nearboot latency reject {where}", err=True)
    else:
        click.echo(f"stored as epoch {loaded.epoch} of {source}")
    return EXIT_ERROR if held else 0
