"""The timeline of one boot: what happened when, from which boot server, and which step is missing.

Not a log: events of one run, joined with what the route says should have happened. A read's ``detail`` may hold
``bytes``, ``duration_s`` and ``retransmits``.

    made = trace(run, events, expected={4: "ams1", 6: "ams1"}, now=now)
    print("\\n".join(made.lines()))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address

from nearboot.model import Event, EventKind, Phase, Run, Slug
from nearboot.provisioning.diagnosis import READS, Missing, missing_step
from nearboot.provisioning.phases import ORDER
from nearboot.provisioning.trace_text import Json, as_dict, as_lines

SCRIPT = ".ipxe"


@dataclass(frozen=True, slots=True)
class Step:
    """One event of the timeline; ``offset_s`` counts from the first. Absent numbers are None.

    ``cache``: how a file of an origin came from the cache (hit, miss, shared, revalidated, stale).
    """

    at: datetime
    offset_s: float
    phase: Phase | None
    kind: EventKind
    subject: str
    client: str
    boot_server: Slug | None
    outcome: str
    bytes: int | None = None
    duration_s: float | None = None
    retransmits: int | None = None
    cache: str | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A read that did not come from the boot server that the route chose."""

    subject: str
    boot_server: Slug
    expected: Slug


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known about one boot. ``complete``: it was provisioned. ``restarts``: how often it began to boot
    again."""

    server: str
    run: Run
    steps: tuple[Step, ...]
    boot_servers: tuple[Slug, ...]  # in the order in which they were first read from
    mismatches: tuple[Mismatch, ...]
    missing: Missing | None
    restarts: int
    waiting_s: float  # since the last event; 0 for a finished run

    @property
    def complete(self) -> bool:
        """Whether the run ended in a provisioned server."""
        return self.run.outcome == "provisioned"

    def lines(self) -> list[str]:
        """The trace as a plain text table for people."""
        return as_lines(self)

    def to_dict(self) -> dict[str, Json]:
        """The trace as plain data for JSON: times in ISO 8601, enumerations by value."""
        return as_dict(self)


def trace(run: Run, events: Iterable[Event], *, expected: Mapping[int, Slug | None], now: datetime) -> Trace:
    """Put a run's events in order and compare them with the route.

    ``expected`` is the boot server that the server's route chose, by address family (4, 6); an absent or None one is
    not compared. Events of other servers are left out.
    """
    ordered = sorted((event for event in events if event.server == run.server), key=lambda event: (event.at, event.id))
    start = ordered[0].at if ordered else run.started_at
    last = ordered[-1].at if ordered else run.updated_at
    reads = [event for event in ordered if event.kind in READS and event.boot_server]
    return Trace(
        server=run.server,
        run=run,
        steps=tuple(_step(event, start) for event in _chained(ordered)),
        boot_servers=tuple(dict.fromkeys(event.boot_server for event in reads if event.boot_server)),
        mismatches=tuple(_mismatches(reads, expected)),
        missing=None if run.finished_at else missing_step(run.phase, ordered),
        restarts=_restarts(ordered),
        waiting_s=0.0 if run.finished_at else max(0.0, (now - last).total_seconds()),
    )


def _chained(events: Sequence[Event]) -> Iterator[Event]:
    """The events; an iPXE script that leads to an NBP is itself the first NBP, and no configuration.

    A network card with iPXE gets the script in the place of an NBP; where the profile names another boot loader, the
    script hands on to it.
    """
    following: Phase | None = None
    told = []
    for event in reversed(events):
        is_script = event.phase is Phase.CONFIG and event.subject.partition("?")[0].endswith(SCRIPT)
        told.append(replace(event, phase=Phase.NBP) if is_script and following is Phase.NBP else event)
        following = event.phase or following
    yield from reversed(told)


def _step(event: Event, start: datetime) -> Step:
    detail = event.detail
    size, retransmits, duration = detail.get("bytes"), detail.get("retransmits"), detail.get("duration_s")
    return Step(
        at=event.at,
        offset_s=(event.at - start).total_seconds(),
        phase=event.phase,
        kind=event.kind,
        subject=event.subject,
        client=event.client,
        boot_server=event.boot_server,
        outcome=event.outcome,
        bytes=size if isinstance(size, int) else None,
        duration_s=float(duration) if isinstance(duration, int | float) else None,
        retransmits=retransmits if isinstance(retransmits, int) else None,
        cache=_text(detail.get("cache")),
        origin=_text(detail.get("origin")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _mismatches(reads: Sequence[Event], expected: Mapping[int, Slug | None]) -> Iterable[Mismatch]:
    """Reads, found or not, that went elsewhere; a client of unknown family may use any family's boot server."""
    for event in reads:
        family = _family(event.client)
        wanted = [chosen for of, chosen in sorted(expected.items()) if chosen and family in (of, None)]
        if event.boot_server and wanted and event.boot_server not in wanted:
            yield Mismatch(event.subject, event.boot_server, wanted[0])


def _family(client: str) -> int | None:
    try:
        return ip_address(client.partition("%")[0]).version
    except ValueError:
        return None


def _restarts(events: Sequence[Event]) -> int:
    """How often an NBP was read again after a configuration or later phase: the machine started over.

    Another NBP is none: iPXE on a network card reads its script, and then goes on with the program that it names.
    """
    count, furthest, seen = 0, ORDER[Phase.POWER_ON], set[str]()
    for event in events:
        if event.phase is None or event.outcome != "ok":
            continue
        if event.phase is Phase.NBP:
            if event.subject in seen and furthest > ORDER[Phase.NBP]:
                count, furthest = count + 1, ORDER[Phase.NBP]
            seen.add(event.subject)
        furthest = max(furthest, ORDER[event.phase])
    return count
