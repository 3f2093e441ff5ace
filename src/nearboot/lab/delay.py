"""One direction of a link: which frames get through, and when. No clock, no socket; time comes in as ``now`` (seconds).

A frame waits for the line to be free (rate), is clocked out, then travels (delay and jitter). Frames never overtake
each other: jitter on a line is varying queueing, and a reordering line would be another kind of fault.

    line = DelayLine(delay_s=0.004, jitter_s=0, rate_bps=None, loss=0, chance=Random(1))
    line.offer(frame, now); line.ready(now)
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random

QUEUE_S = 0.2  # a frame that would wait longer for the line to be free is dropped: a router's buffer
QUEUE_FRAMES = 20_000  # bound of the memory held by frames under way


@dataclass(slots=True)
class LineCount:
    """What one direction has done so far."""

    passed: int = 0
    lost: int = 0  # by chance
    dropped: int = 0  # by a full queue


class DelayLine:
    """A queue of frames under way, each with the time when it arrives."""

    def __init__(
        self, *, delay_s: float, jitter_s: float = 0.0, rate_bps: float | None = None, loss: float = 0.0, chance: Random
    ) -> None:
        self.count = LineCount()
        self._delay_s, self._jitter_s, self._rate_bps, self._loss = delay_s, jitter_s, rate_bps, loss
        self._chance = chance
        self._under_way: deque[tuple[float, bytes]] = deque()
        self._free_at = 0.0
        self._last_due = 0.0

    def offer(self, frame: bytes, now: float) -> bool:
        """Take a frame; False where it is lost or dropped."""
        if self._loss and self._chance.random() < self._loss:
            self.count.lost += 1
            return False
        start = max(self._free_at, now)
        if start - now > QUEUE_S or len(self._under_way) >= QUEUE_FRAMES:
            self.count.dropped += 1
            return False
        if self._rate_bps:
            start += 8 * len(frame) / self._rate_bps
            self._free_at = start
        jitter = self._chance.uniform(0, self._jitter_s) if self._jitter_s else 0.0
        self._last_due = max(self._last_due, start + self._delay_s + jitter)
        self._under_way.append((self._last_due, frame))
        return True

    def ready(self, now: float) -> list[bytes]:
        """Give the frames that have arrived by ``now``, in order."""
        frames = []
        while self._under_way and self._under_way[0][0] <= now:
            frames.append(self._under_way.popleft()[1])
        self.count.passed += len(frames)
        return frames

    def next_due(self) -> float | None:
        """Give the time when the next frame arrives; None where none is under way."""
        return self._under_way[0][0] if self._under_way else None
