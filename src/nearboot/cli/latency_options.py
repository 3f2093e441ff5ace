"""The options that say how to read latency maps, for whatever loads them: ``latency load`` and ``serve latency``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nearboot.errors import Fault, InputError
from nearboot.latency import formats
from nearboot.latency.naming import WITHIN_KM

if TYPE_CHECKING:  # the daemons that do not read maps do not load what reads them
    from nearboot.app.latency import Reading
    from nearboot.app.latency_source import Source

Command = TypeVar("Command", bound=Callable[..., Any])

READING = (
    click.option("--format", "format", type=click.Choice(formats.NAMES), help="The file's format (default: detected)."),
    click.option("--unit", type=click.Choice(["ms", "s", "us"]), help="Unit of the round trips, if no column says it."),
    click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="FIELD=NAME",
        help="Name a column: src, dst, rtt, min, jitter, loss, count, timestamp, unit, family.",
    ),
    click.option("--from", "src", metavar="LOCATION", help="Where it was measured, for formats that do not say it."),
    click.option("--places", metavar="FILE", help="Names with coordinates: a table, or RIPE Atlas' list of probes."),
    click.option("--within", metavar="KM", type=click.FloatRange(0), default=WITHIN_KM, show_default=True,
                 help="How near to a location a name of --places means it."),
    click.option("--any-age", is_flag=True, help="Take measurements however old (default: of latency.max_age_s)."),
)  # fmt: skip


def reading_options(function: Command) -> Command:
    """The options that say how to read a map; ``reading_of`` takes them."""
    for option in reversed(READING):
        function = option(function)
    return function


def reading_of(said: dict[str, Any]) -> Reading:
    """How to read, from what ``reading_options`` gave; ``InputError`` where that cannot be understood."""
    from nearboot.app import latency, latency_source  # noqa: PLC0415 - see above
    from nearboot.latency.gazetteer import read_places  # noqa: PLC0415

    return latency.Reading(
        format=said["format"],
        unit=said["unit"],
        columns=dict(_pair(text) for text in said["columns"]),
        src=said["src"],
        any_age=said["any_age"],
        places=read_places(said["places"], latency_source.text_of(said["places"])) if said["places"] else {},
        within_km=said["within"],
    )


def sources_of(texts: tuple[str, ...]) -> list[Source]:
    """Where maps come from; ``InputError`` lists every text that is no source."""
    from nearboot.app import latency_source  # noqa: PLC0415 - see above

    sources: list[Source] = []
    faults: list[Fault] = []
    for text in texts:
        try:
            sources.append(latency_source.parse_source(text))
        except ValueError as error:
            faults.append(Fault("SOURCE", 0, "", str(error), "[NAME=]FILE, [NAME=]FOLDER or [NAME=]URL"))
    if faults:
        raise InputError(faults)
    return sources


def _pair(text: str) -> tuple[str, str]:
    field, mark, name = text.partition("=")
    if not mark or not field or not name:
        raise InputError([Fault("--column", 0, "", repr(text), "FIELD=NAME, such as rtt=avg_ms")])
    return field, name
