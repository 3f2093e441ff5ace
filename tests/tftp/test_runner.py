"""The loop: readers, calls from other threads, timers, and faults that stay where they are."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator

import pytest

from nearboot.tftp.runner import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A loop that runs in a thread."""
    made = Loop()
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.stop()
    thread.join()
    made.close()


class Alarm:
    """Due ``times`` times; then it says so."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.done = threading.Event()
        self.turns: list[float] = []

    def on_timer(self, now: float) -> float | None:
        self.turns.append(now)
        if len(self.turns) < self.times:
            return now + 0.06
        self.done.set()
        return None


def test_a_reader_is_called_for_what_can_be_read(loop: Loop) -> None:
    """With the batch's time."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard: list[bytes] = []
    done = threading.Event()

    def reader(now: float) -> None:
        assert now > 0
        heard.append(ours.recv(10))
        done.set()

    with ours, theirs:
        loop.call_soon(lambda now: loop.watch(ours.fileno(), reader))
        theirs.send(b"x")
        assert done.wait(10)
        loop.call_soon(lambda now: loop.unwatch(ours.fileno(), done.clear))
        call(loop)
    assert heard == [b"x"]


def call(loop: Loop) -> None:
    """Return when the loop has done all that was asked of it before, closing included."""
    for _ in range(2):
        done = threading.Event()
        loop.call_soon(lambda now, done=done: done.set())
        assert done.wait(10)


def test_timers_fire_and_are_put_back(loop: Loop) -> None:
    """An item comes again for the deadline that it answers."""
    alarm = Alarm(3)

    def start(now: float) -> None:
        loop.wheel.add(alarm, now + 0.01)
        loop.keep_ticking()

    loop.call_soon(start)
    assert alarm.done.wait(10)
    assert sorted(alarm.turns) == alarm.turns


def test_a_fault_in_one_place_leaves_the_others_alone(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """One bad packet never ends the loop; it is counted and logged."""

    def broken(now: float) -> None:
        raise RuntimeError("bug")

    class BrokenTimer:
        def on_timer(self, now: float) -> float | None:
            alarm.done.set()
            raise RuntimeError("bug")

    alarm = Alarm(1)
    with caplog.at_level(logging.CRITICAL, logger="nearboot.tftp.runner"):
        loop.call_soon(broken)
        loop.call_soon(lambda now: (loop.wheel.add(BrokenTimer(), now), loop.keep_ticking(), None)[-1])
        assert alarm.done.wait(10)
        call(loop)
    assert loop.stats.faults == 2


def test_a_fault_at_the_end_of_a_turn_ends_neither_the_loop_nor_the_turn(
    loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    """Other lines have something to send then, too."""
    done = threading.Event()

    def fault() -> None:
        raise RuntimeError("a bug of ours")

    with caplog.at_level(logging.CRITICAL, "nearboot.tftp.runner"):
        loop.call_soon(lambda now: loop.at_end.extend([done.set, fault]))
        assert done.wait(10)
        call(loop)
    assert loop.stats.faults == 1


def test_ticks_go_on_while_someone_wants_them(loop: Loop) -> None:
    """And end when nobody does: an idle server does not wake up."""
    wanted, seen, ended = [True, True, False], [], threading.Event()

    def on_tick(now: float) -> bool:
        seen.append(now)
        if len(seen) == len(wanted):
            ended.set()
        return wanted[len(seen) - 1]

    loop.on_tick.append(on_tick)
    loop.call_soon(lambda now: loop.keep_ticking())
    assert ended.wait(10)
    call(loop)
    assert len(seen) == 3


def test_a_reader_that_expects_more_is_asked_again_at_once(loop: Loop) -> None:
    """Only while its peer is quick and alone; others are heard in between, and it ends when the reader says so."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    heard: list[bytes] = []
    done = threading.Event()

    def reader(now: float) -> bool:
        try:
            heard.append(ours.recv(10, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False
        if heard[-1] == b"299":
            done.set()
        return True

    with ours, theirs:
        loop.call_soon(lambda now: loop.watch(ours.fileno(), reader))
        for number in range(300):
            theirs.send(str(number).encode())
            if number % 100 == 0:
                call(loop)
        assert done.wait(10)
        loop.call_soon(lambda now: loop.unwatch(ours.fileno(), done.clear))
        call(loop)
    assert heard == [str(number).encode() for number in range(300)]


def test_a_descriptor_closed_within_a_batch_is_not_read(loop: Loop) -> None:
    """Its event may still be in the batch; its number must not be taken by another before the batch is over."""
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
    reads: list[int] = []
    done = threading.Event()

    def reader(which: int) -> None:
        reads.append(which)
        for ours, _ in pairs:
            loop.unwatch(ours.fileno(), ours.close)
        done.set()

    def start(now: float) -> None:
        for which, (ours, theirs) in enumerate(pairs):
            theirs.send(b"x")
            loop.watch(ours.fileno(), lambda now, which=which: reader(which))

    loop.call_soon(start)
    assert done.wait(10)
    call(loop)
    assert len(reads) == 1
    for _, theirs in pairs:
        theirs.close()


def test_calls_after_the_end_are_harmless() -> None:
    """A handler may answer when the server is gone."""
    ended = Loop()
    ended.stop()
    ended.run()
    ended.close()
    ended.call_soon(lambda now: None)
