"""Events on their thread."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest

from nearboot.tftp import Mode, Outcome, ReadRequest, TransferEvent
from nearboot.tftp.event_runner import Ended, EventThread, event

REQUEST = ReadRequest("f", Mode.OCTET, {}, ("192.0.2.1", 2070), "192.0.2.2")


def ended(number: int) -> Ended:
    return Ended(Outcome.COMPLETED, 10.0, 12.5, REQUEST, 99, number, 1428, 16, 3, "note")


def test_an_event_has_wall_clock_times() -> None:
    """Monotonic inside, aware UTC outside."""
    made = event(ended(99), datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    assert made == TransferEvent(
        started_at=datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC),
        finished_at=datetime(2026, 1, 1, 0, 0, 12, 500_000, tzinfo=UTC),
        client=("192.0.2.1", 2070),
        server="192.0.2.2",
        filename="f",
        outcome=Outcome.COMPLETED,
        size=99,
        bytes_sent=99,
        blksize=1428,
        windowsize=16,
        retransmits=3,
        duration_s=2.5,
        error="note",
    )
    assert made.finished_at - made.started_at == timedelta(seconds=made.duration_s)


def test_all_events_come_in_order_before_close_returns(caplog: pytest.LogCaptureFixture) -> None:
    """Also after one that the receiver failed on."""
    seen: list[int] = []

    def on_event(each: TransferEvent) -> None:
        seen.append(each.bytes_sent)
        if each.bytes_sent == 1:
            raise RuntimeError("bug")

    thread = EventThread(on_event)
    thread.start()
    with caplog.at_level(logging.CRITICAL, logger="nearboot.tftp.event_runner"):
        thread.put([ended(0), ended(1)])
        thread.put([ended(2)])
        thread.close()
    assert seen == [0, 1, 2]


class Slow:
    """A receiver that takes its first event when it is let go."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.entered, self.release = threading.Event(), threading.Event()

    def __call__(self, each: TransferEvent) -> None:
        self.entered.set()
        self.release.wait(10)
        self.seen.append(each.bytes_sent)


def test_events_beyond_the_room_are_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """One line for a burst, when the receiver has caught up."""
    receiver = Slow()
    thread = EventThread(receiver, room=3)
    thread.start()
    with caplog.at_level(logging.WARNING, logger="nearboot.tftp.event_runner"):
        thread.put([ended(0)])
        assert receiver.entered.wait(10)
        for number in range(1, 8):
            thread.put([ended(number)])
        receiver.release.set()
        thread.close()
    assert receiver.seen == [0, 1, 2]
    assert [record.getMessage() for record in caplog.records] == ["events dropped: count=5, on_event could not keep up"]


def test_close_has_a_deadline(caplog: pytest.LogCaptureFixture) -> None:
    """What the receiver has not taken by then is dropped and counted."""
    receiver = Slow()
    thread = EventThread(receiver)
    thread.start()
    thread.put([ended(0), ended(1)])
    thread.put([ended(2)])
    assert receiver.entered.wait(10)
    with caplog.at_level(logging.WARNING, logger="nearboot.tftp.event_runner"):
        closing = threading.Thread(target=thread.close, args=(0.0,))
        closing.start()
        while not thread.is_late:
            closing.join(0.001)
        receiver.release.set()
        closing.join()
    assert receiver.seen == [0]
    assert "events dropped: count=2" in caplog.text
