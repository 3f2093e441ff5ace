"""When a worker that died is started again, and when that has no sense any more.

Pure. A worker that dies is followed at once; one that dies again and again, after a pause that doubles. Where workers
die before they serve and nobody else serves, it is the configuration or the machine: then the parent gives up.

    respawn = Respawn(); pause_s = respawn.died(index, now, was_ready=True); respawn.is_hopeless(serving=1)
"""

from __future__ import annotations

from collections import deque

QUIET_S = 30.0
"""A worker that lived so long is followed at once again."""
FIRST_S = 0.1
LONGEST_S = 5.0
START_DEATHS = 5
"""So many in a row before any became ready."""


class Respawn:
    """Remembers the deaths of all workers of a parent."""

    def __init__(self) -> None:
        self.start_deaths = 0
        """Deaths of workers that were not ready yet, since the last that became ready."""
        self._deaths: dict[int, deque[float]] = {}
        self._has_started = False

    def died(self, index: int, now: float, *, was_ready: bool) -> float:
        """How many seconds the successor of worker ``index`` waits."""
        self.start_deaths += 0 if was_ready else 1
        recent = self._deaths.setdefault(index, deque())
        while recent and now - recent[0] > QUIET_S:
            recent.popleft()
        pause_s = min(FIRST_S * 2.0 ** (len(recent) - 1), LONGEST_S) if recent else 0.0
        recent.append(now)
        return pause_s

    def became_ready(self, *, is_last: bool) -> None:
        """A worker serves; ``is_last``: now all of them do."""
        self._has_started = self._has_started or is_last
        self.start_deaths = 0 if self._has_started else self.start_deaths

    def is_hopeless(self, *, serving: int) -> bool:
        """Whether to give up. Once all have served, whoever still serves is not given up for another's fault."""
        return self.start_deaths >= START_DEATHS and not (self._has_started and serving)
