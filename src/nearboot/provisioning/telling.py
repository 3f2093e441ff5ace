"""A batch of events told to their servers' runs: which run each is of, which runs begin, and how they all advance.

Nothing is stored here. The caller gives what the database has, and stores what comes out: ``events`` in order,
``begun`` runs under numbers of their own (negative, until the database gives one), ``changed`` runs, and earlier events
that a new run takes in (``adopted``). By which rules: belonging, phases.

    telling = Telling(newest, unplaced=earlier, heard_at=heard_at, token=token)
    for event in events: telling.tell(event)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from nearboot.model import Event, EventKind, Phase, Run
from nearboot.provisioning.belonging import BY_ITSELF, IDLE, Belongs, begins_boot, belongs, is_marked_renewal
from nearboot.provisioning.phases import advance

ADOPTED = timedelta(minutes=2)
"""From a firmware's lease to its NBP are seconds; two stages and their retries are well within this."""
MOMENT = timedelta(milliseconds=1)
SUPERSEDED = "superseded"

HeardAt = Callable[[Run, datetime], datetime | None]
"""The last event of a run, since a time, that is no renewal; asked only where the run itself stood still that long."""


class Telling:
    """``runs``: those that may go on, at most one a server being its newest; ``unplaced``: a server's events of the
    last minutes that are of no run, oldest first."""

    def __init__(
        self,
        newest: Mapping[str, Run],
        *,
        named: Iterable[Run] = (),
        unplaced: Mapping[str, Sequence[Event]],
        heard_at: HeardAt,
        token: Callable[[], str],
    ) -> None:
        self.events: list[tuple[Event, int | None]] = []
        """What is to be stored, in order, each with the number of its run."""
        self.adopted: dict[int, int] = {}
        """The run of each stored event that a run of this batch takes in, by the event's number."""
        self._newest = {server: run.id for server, run in newest.items()}
        self._before = {run.id: run for run in (*named, *newest.values())}
        self._runs = dict(self._before)
        self._unplaced, self._heard_at, self._token = unplaced, heard_at, token
        self._waiting: dict[str, list[int]] = {}  # by server: places in ``events`` of those that are of no run
        self._placed: dict[int, list[Event]] = {}  # by run

    @property
    def begun(self) -> list[Run]:
        """The runs that began, oldest first, as they stand now; their numbers are negative."""
        return [run for number, run in self._runs.items() if number < 0]

    @property
    def changed(self) -> list[Run]:
        """The runs that were there before and are others now."""
        return [self._runs[number] for number, run in self._before.items() if self._runs[number] is not run]

    def tell(self, event: Event) -> None:
        """The next event; its ``phase`` is what it shows, its ``run_id`` is set where the run is known."""
        number = self._number(event)
        place = len(self.events)
        self.events.append((event, number))
        if number is not None:
            self._placed.setdefault(number, []).append(event)
            self._runs[number] = advance(self._runs[number], event)
        elif event.server is not None:
            self._waiting.setdefault(event.server, []).append(place)

    def _number(self, event: Event) -> int | None:
        if event.server is None:
            return None
        if event.run_id is not None:
            return event.run_id if event.run_id in self._runs else None
        newest = self._runs.get(self._newest.get(event.server, 0))
        match belongs(event, newest, heard_at=self._last_heard(newest, event.at)):
            case Belongs.NEWEST:
                assert newest is not None
                return newest.id
            case Belongs.NEW:
                return self._begin(event.server, event.at, newest)
            case Belongs.NONE:
                return None

    def _last_heard(self, run: Run | None, at: datetime) -> datetime | None:
        if run is None or not stands_still(run, at):
            return None
        told = self._placed.get(run.id, ())
        times = [event.at for event in told if event.at >= at - IDLE and not is_marked_renewal(event)]
        stored = self._heard_at(run, at - IDLE) if run.id > 0 else None
        return max((*times, *([stored] if stored else [])), default=None)

    def _begin(self, server: str, at: datetime, last: Run | None) -> int:
        """A run that nobody announced, with what came before its first event and after the end of the last run."""
        ended = last.finished_at if last and last.finished_at else at - ADOPTED
        waiting = self._waiting.pop(server, [])

        def is_recent(event: Event) -> bool:
            return ended < event.at <= at and event.at >= at - ADOPTED

        stored = [each for each in self._unplaced.get(server, ()) if is_recent(each) and each.id not in self.adopted]
        places = [place for place in waiting if is_recent(self.events[place][0])]
        self._waiting[server] = [place for place in waiting if place not in places]
        adopted = sorted((*stored, *(self.events[place][0] for place in places)), key=lambda event: event.at)
        start = (
            min((event.at for event in adopted), default=at) - MOMENT
        )  # a trace reads in order: its start comes first
        number = -1 - len(self._runs) + len(self._before)
        if last is not None and last.finished_at is None:
            self._runs[last.id] = replace(last, finished_at=start, updated_at=start, outcome=SUPERSEDED)
        run = Run(number, server, Phase.POWER_ON, start, start, reason=BY_ITSELF, token=self._token())
        for event in adopted:
            run = advance(run, event)
        self._runs[number], self._newest[server] = run, number
        for place in places:
            self.events[place] = (self.events[place][0], number)
        self.adopted |= {event.id: number for event in stored}
        begin = Event(start, EventKind.PROVISION_START, server=server, subject=BY_ITSELF, phase=Phase.POWER_ON)
        self.events.append((begin, number))
        self._placed[number] = [*adopted, begin]
        return number


def may_begin(event: Event, newest: Run | None) -> bool:
    """Whether an event may begin a run, so that its server's unplaced events are to be known."""
    if event.run_id is not None or not begins_boot(event):
        return False
    return newest is None or newest.finished_at is not None or stands_still(newest, event.at)


def stands_still(run: Run, at: datetime) -> bool:
    """Whether an open run has not advanced for so long that it may be over."""
    return run.finished_at is None and at - run.updated_at > IDLE
