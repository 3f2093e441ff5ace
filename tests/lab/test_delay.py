"""The delay line on a fake clock."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.lab.delay import QUEUE_S, DelayLine

FRAME = bytes(1250)  # 10,000 bits


def test_a_frame_arrives_after_the_delay_and_not_before() -> None:
    """Delay is one way: what is offered at 10.0 with 4 ms is there at 10.004."""
    line = DelayLine(delay_s=0.004, chance=Random(1))
    assert line.offer(b"frame", 10.0)
    assert line.next_due() == pytest.approx(10.004)
    assert line.ready(10.0039) == []
    assert line.ready(10.0041) == [b"frame"]
    assert line.next_due() is None


def test_the_rate_spaces_frames_out() -> None:
    """At 1 Mbit/s a frame of 10,000 bits takes 10 ms; the next waits for it."""
    line = DelayLine(delay_s=0.0, rate_bps=1e6, chance=Random(1))
    for _ in range(3):
        line.offer(FRAME, 0.0)
    assert [len(line.ready(at)) for at in (0.009, 0.0101, 0.0201, 0.0301)] == [0, 1, 1, 1]


def test_a_full_queue_drops_and_an_emptied_one_takes_again() -> None:
    """A frame that would wait longer than the queue's time is dropped; time makes room."""
    line = DelayLine(delay_s=0.0, rate_bps=1e6, chance=Random(1))
    taken = sum(line.offer(FRAME, 0.0) for _ in range(100))
    assert taken == pytest.approx(QUEUE_S * 100, abs=1)
    assert line.count.dropped == 100 - taken
    assert line.offer(FRAME, 1.0)


@pytest.mark.parametrize(
    ("loss", "low", "high"),
    [
        pytest.param(0.0, 0, 0, id="none"),
        pytest.param(0.1, 850, 1150, id="tenth"),
        pytest.param(1.0, 10_000, 10_000, id="all"),
    ],
)
def test_frames_are_lost_by_their_share(loss: float, low: int, high: int) -> None:
    """Loss is a share of frames, seeded."""
    line = DelayLine(delay_s=0.0, loss=loss, chance=Random(7))
    for number in range(10_000):
        line.offer(b"x", float(number))
        line.ready(float(number))
    assert low <= line.count.lost <= high
    assert line.count.passed + line.count.lost == 10_000


@given(st.lists(st.floats(0, 0.05), min_size=1, max_size=60), st.integers(), st.floats(0, 0.02))
def test_jitter_never_reorders_and_never_hurries(gaps: list[float], seed: int, jitter_s: float) -> None:
    """Frames come out in the order in which they went in, each at its delay or later."""
    line = DelayLine(delay_s=0.004, jitter_s=jitter_s, chance=Random(seed))
    now, offered = 0.0, {}
    for number, gap in enumerate(gaps):
        now += gap
        offered[number] = now
        line.offer(bytes([number]), now)
    out = []
    while (due := line.next_due()) is not None:
        for frame in line.ready(due):
            assert due >= offered[frame[0]] + 0.004
            out.append(frame[0])
    assert out == sorted(offered)
