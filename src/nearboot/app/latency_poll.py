"""``nearboot serve latency``: reads latency maps again and again from where they are published, and loads what is new.

A source that fails is told of in one line and asked again the next time; a map that is refused is not read again before
it changes.

    outcomes = poll_once(config, sources, Reading(), Marks.of(config), actor="serve latency", now=now)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from nearboot.app import latency
from nearboot.app.daemon import run_daemon, say_ready
from nearboot.app.latency import Loaded, Reading
from nearboot.app.latency_source import Found, Marks, Source, new_documents
from nearboot.config import Config
from nearboot.errors import InputError, NearbootError
from nearboot.latency.rows import counted

log = logging.getLogger(__name__)

ACTOR = "serve latency"
EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document, or of a source that gave none. ``problem``: "" where it was loaded."""

    place: str
    loaded: Loaded | None = None
    problem: str = ""


def serve(config: Config, sources: Sequence[Source], how: Reading, *, every_s: float) -> None:
    """Poll the sources until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    run_daemon(_serve(config, sources, how, every_s, stop), stop)


def poll_once(
    config: Config,
    sources: Sequence[Source],
    how: Reading,
    marks: Marks,
    *,
    actor: str = ACTOR,
    clock: Callable[[], datetime],
    stopped: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Load what the sources have that is new; one log line for each map and for each fault, whatever it is."""
    outcomes: list[Outcome] = []
    for source in sources:
        documents = new_documents(source, marks, with_signature=bool(config.latency.signing_key))
        try:
            for found in documents:
                if stopped():
                    return outcomes
                outcomes.append(_load(config, found, how, marks, actor=actor, now=clock()))
        except NearbootError as error:
            outcomes.append(Outcome(str(source), problem=_told(error, str(source))))
            log.warning("latency source failed: source=%s %s", source, outcomes[-1].problem)
    return outcomes


def _load(config: Config, found: Found, how: Reading, marks: Marks, *, actor: str, now: datetime) -> Outcome:
    """Load a document and remember it; a refused one too. What is nobody's fault but ours is tried again."""
    file = found.document.file
    how = replace(how, publisher=found.publisher, as_of=found.as_of)
    try:
        loaded = latency.ingest(config, found.document, how, dry_run=False, actor=actor, now=now)
    except InputError as error:
        marks.keep(found)
        log.warning("latency map refused: file=%s %s", file, _told(error, file))
        return Outcome(file, problem=_told(error, file))
    marks.keep(found)
    log.info(
        "latency map %s: source=%s epoch=%d samples=%d file=%s",
        loaded.state.value,
        loaded.summary.source,
        loaded.epoch,
        loaded.summary.samples,
        file,
    )
    return Outcome(file, loaded)


async def _serve(config: Config, sources: Sequence[Source], how: Reading, every_s: float, stop: asyncio.Event) -> None:
    marks = Marks.of(config)
    say_ready(f"latency maps of {counted(len(sources), 'source')} every {every_s:g} s")
    while not stop.is_set():
        try:
            await asyncio.to_thread(
                poll_once, config, sources, how, marks, clock=lambda: datetime.now(UTC), stopped=stop.is_set
            )
        except Exception:  # the top of a daemon: the next round may do better
            log.exception("latency sources were not read to their end")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every_s)


def _told(error: NearbootError, place: str) -> str:
    """An error in one line, without the place where it is: its first fault, and how many more there are."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].removeprefix(f"{place}: ") + (f" (and {len(lines) - 1} more)" if len(lines) > 1 else "")
