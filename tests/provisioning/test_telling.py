"""A batch of events is told to its runs as if each were told alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.model import Event, EventKind, Phase, Run
from nearboot.provisioning.belonging import IDLE, is_marked_renewal
from nearboot.provisioning.telling import ADOPTED, MOMENT, Telling, may_begin, stands_still

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


class Book:
    """What the database would have: events with their runs, and runs; numbers count from 1."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self.runs = {run.id: run for run in runs}
        self.events: dict[int, Event] = {}
        self._tokens = count(1)

    def tell(self, events: Sequence[Event]) -> None:
        """As app.events does it, in memory."""
        newest: dict[str, Run] = {}
        for run in sorted(self.runs.values(), key=lambda run: (run.started_at, run.id)):
            newest[run.server] = run
        waiting: dict[str, list[Event]] = {}
        for event in sorted(self.events.values(), key=lambda event: (event.at, event.id)):
            if event.run_id is None and event.server:
                waiting.setdefault(event.server, []).append(event)
        telling = Telling(newest, unplaced=waiting, heard_at=self.heard_at, token=lambda: f"t{next(self._tokens)}")
        for event in events:
            telling.tell(event)
        numbers = {run.id: len(self.runs) + place for place, run in enumerate(telling.begun, start=1)}
        self.runs |= {run.id: run for run in telling.changed}
        self.runs |= {numbers[run.id]: replace(run, id=numbers[run.id]) for run in telling.begun}
        for number, new in telling.adopted.items():
            self.events[number] = replace(self.events[number], run_id=numbers[new])
        for event, new in telling.events:
            number = len(self.events) + 1
            self.events[number] = replace(event, id=number, run_id=None if new is None else numbers.get(new, new))

    def heard_at(self, run: Run, since: datetime) -> datetime | None:
        heard = (each for each in self.events.values() if each.run_id == run.id and each.at >= since)
        return max((each.at for each in heard if not is_marked_renewal(each)), default=None)


def read(at: datetime, phase: Phase | None, server: str | None = "a", outcome: str = "ok") -> Event:
    return Event(at, EventKind.TFTP_READ, server, subject="x", outcome=outcome, phase=phase)


def lease(at: datetime, server: str = "a", *, renewal: bool = False) -> Event:
    return Event(at, EventKind.DHCP_LEASE, server, phase=Phase.DHCP, detail={"renewal": renewal})


def test_a_boot_in_one_batch_is_one_run() -> None:
    """Begun by its first NBP, with the size probe before it; the trace reads in order."""
    book = Book()
    probe, nbp, config = (
        read(NOW, Phase.NBP, outcome="aborted-by-client"),
        read(NOW, Phase.NBP),
        read(NOW, Phase.CONFIG),
    )
    book.tell([probe, replace(nbp, at=NOW + SECOND), replace(config, at=NOW + 2 * SECOND), read(NOW, None, None)])
    (run,) = book.runs.values()
    assert (run.phase, run.started_at, run.updated_at) == (Phase.CONFIG, NOW - MOMENT, NOW + 2 * SECOND)
    told = [(event.kind, event.run_id) for event in book.events.values()]
    reads = EventKind.TFTP_READ
    assert told == [(reads, 1), (EventKind.PROVISION_START, 1), (reads, 1), (reads, 1), (reads, None)]


def test_two_boots_in_one_batch_are_two_runs() -> None:
    """The batch waited for more than an hour; the first run is superseded when the second begins."""
    book = Book()
    book.tell([read(NOW, Phase.NBP), read(NOW + IDLE + MINUTE, Phase.NBP), read(NOW + IDLE + MINUTE, None)])
    first, second = book.runs.values()
    assert (first.outcome, first.finished_at, second.finished_at) == ("superseded", second.started_at, None)
    assert [event.run_id for event in book.events.values()] == [1, 1, 2, 2, 2]


def test_an_event_that_names_its_run_is_of_it() -> None:
    """A call-back knows its run by its token; one that is not there is none."""
    old = Run(7, "a", Phase.NBP, NOW, NOW)
    newest = Run(8, "a", Phase.DHCP, NOW + MINUTE, NOW + MINUTE)
    telling = Telling({"a": newest}, named=[old], unplaced={}, heard_at=lambda run, since: None, token=lambda: "t")
    call = Event(NOW + HOUR, EventKind.CALLBACK, "a", subject="installer", phase=Phase.INSTALLER, run_id=7)
    telling.tell(call)
    telling.tell(replace(call, run_id=9))
    assert [number for _, number in telling.events] == [7, None]
    assert telling.changed == [replace(old, phase=Phase.INSTALLER, updated_at=NOW + HOUR)]


@pytest.mark.parametrize(
    ("event", "newest", "expected"),
    [
        pytest.param(read(NOW, Phase.NBP), None, True, id="a first NBP"),
        pytest.param(read(NOW, Phase.KERNEL), None, False, id="a kernel begins nothing"),
        pytest.param(read(NOW, Phase.NBP), Run(1, "a", Phase.NBP, NOW, NOW), False, id="it joins an open run"),
        pytest.param(read(NOW, Phase.NBP), Run(1, "a", Phase.NBP, NOW, NOW, NOW), True, id="the last has ended"),
        pytest.param(
            read(NOW + 2 * HOUR, Phase.NBP), Run(1, "a", Phase.NBP, NOW, NOW), True, id="the last stands still"
        ),
        pytest.param(replace(read(NOW, Phase.NBP), run_id=1), None, False, id="it names its run"),
    ],
)
def test_which_events_may_begin_a_run(event: Event, newest: Run | None, expected: bool) -> None:
    """For those the server's unplaced events are read before."""
    assert may_begin(event, newest) is expected


def test_a_run_stands_still_after_an_hour() -> None:
    run = Run(1, "a", Phase.NBP, NOW, NOW)
    assert [stands_still(run, NOW + IDLE), stands_still(run, NOW + IDLE + SECOND)] == [False, True]
    assert not stands_still(replace(run, finished_at=NOW), NOW + 2 * IDLE)


STEPS = [timedelta(0), SECOND, ADOPTED, ADOPTED + SECOND, IDLE, IDLE + SECOND, -SECOND, -MINUTE]
PHASES = [Phase.NBP, Phase.CONFIG, Phase.KERNEL, Phase.PROVISIONED, None]


@st.composite
def batches(draw: st.DrawFn) -> list[list[Event]]:
    """Events of two servers and strangers, mostly forward in time, cut anywhere."""
    at, told = NOW, []
    for _ in range(draw(st.integers(1, 25))):
        at += draw(st.sampled_from(STEPS))
        server = draw(st.sampled_from(["a", "a", "b", None]))
        if server and draw(st.integers(0, 3)) == 0:
            told.append(lease(at, server, renewal=draw(st.booleans())))
        else:
            outcome = draw(st.sampled_from(["ok", "ok", "not-found"]))
            told.append(read(at, draw(st.sampled_from(PHASES)), server, outcome))
    cuts = sorted(draw(st.lists(st.integers(0, len(told)), max_size=4)))
    return [told[start:end] for start, end in zip([0, *cuts], [*cuts, len(told)], strict=True)]


@given(batches(), st.booleans())
def test_how_events_are_cut_into_batches_changes_nothing(given_batches: list[list[Event]], announced: bool) -> None:
    """Told one by one, in batches or all at once: the same runs, and each event of the same one."""
    runs = [Run(1, "a", Phase.POWER_ON, NOW - MINUTE, NOW - MINUTE, reason="x", token="t0")] if announced else []
    alone, cut, whole = Book(runs), Book(runs), Book(runs)
    events = [event for batch in given_batches for event in batch]
    for event in events:
        alone.tell([event])
    for batch in given_batches:
        cut.tell(batch)
    whole.tell(events)
    assert alone.runs == cut.runs == whole.runs
    assert alone.events == cut.events == whole.events
