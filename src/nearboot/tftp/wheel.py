"""A timer wheel: who is due, without a heap operation for each packet.

Not a clock: ``now`` comes in. An item is put into the slot of its deadline; when the slot's time has come the item is
handed out once, and its owner looks whether it really is due or puts it back for its later deadline. A transfer that
moves therefore costs nothing while it moves: its deadline is only looked at when the old one fires.

    wheel.add(session, now + 1.0); for session in wheel.due(now): ...
"""

from __future__ import annotations

from typing import Generic, TypeVar

Item = TypeVar("Item")


class Wheel(Generic[Item]):
    """Slots of ``tick_s`` seconds; items come out at most one tick late, and never early."""

    def __init__(self, now: float, tick_s: float = 0.05) -> None:
        self.tick_s = tick_s
        self._slots: dict[int, list[Item]] = {}
        self._next = int(now / tick_s)

    def add(self, item: Item, deadline: float) -> None:
        slot = max(int(deadline / self.tick_s) + 1, self._next)
        self._slots.setdefault(slot, []).append(item)

    def due(self, now: float) -> list[Item]:
        """All items whose slot has come, oldest slot first; they are no longer in the wheel."""
        last = int(now / self.tick_s)
        if not self._slots:
            self._next = last + 1
            return []
        slots = range(self._next, last + 1)
        passed = [slot for slot in slots if slot in self._slots] if len(slots) < 1000 else self._passed(last)
        self._next = max(self._next, last + 1)
        return [item for slot in passed for item in self._slots.pop(slot)]

    @property
    def is_empty(self) -> bool:
        return not self._slots

    def _passed(self, last: int) -> list[int]:
        """After a long sleep: look at the slots there are, not at each tick that went by."""
        return sorted(slot for slot in self._slots if slot <= last)
