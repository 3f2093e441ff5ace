"""The choice of one location in sentences: why this boot server, and for each other one why not. Pure.

verdict.lost(entry)      # Reason("farther", "33.3 ms per block against 0.3 ms of boot-ams", {...})
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nearboot.model import Reason, Slug
from nearboot.routing.entry import Entry, limit
from nearboot.routing.hysteresis import Hysteresis, margin_ms
from nearboot.routing.override import Override
from nearboot.routing.policy import Policy
from nearboot.routing.standing import Standing

POOL_TEXTS = {
    "none-healthy": "no boot server that could be used is healthy: one that failed its last read is used",
    "only-draining": "no boot server is active: one that is draining is used",
}
POOL_CODES: dict[Standing, tuple[str, ...]] = {
    Standing.DOWN: ("none-healthy",),
    Standing.DRAINING: ("only-draining",),
    Standing.DRAINING_DOWN: ("only-draining", "none-healthy"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was chosen, from what. ``field``: those that may take the location; ``pool``: all that could serve it."""

    location: Slug
    best: Entry
    nearest: Entry  # of the field
    field: Sequence[Entry]
    pool: Sequence[Entry]
    override: Override
    hysteresis: Hysteresis | None  # where the location has a boot server that may be kept
    policy: Policy

    @property
    def kept(self) -> bool:
        """Whether another one would have been chosen if the location had had none."""
        return self.hysteresis is not None and any(self._withheld(entry) for entry in self.pool)

    def reasons(self) -> tuple[Reason, ...]:
        """Why the chosen one was chosen, what is unusual about the pool first."""
        pool = tuple(Reason(code, POOL_TEXTS[code]) for code in POOL_CODES.get(self.best.standing, ()))
        return (*pool, *self._pin(), self._held() if self.kept else self._chosen())

    def lost(self, entry: Entry) -> Reason:
        """Why the boot server lost against the chosen one, with the numbers."""
        chosen, data = self.best.server.name, self._data(entry)
        if entry.standing is not self.best.standing:
            return Reason("not-eligible", self._passed_over(entry), data)
        if self._unpinned(entry):
            return Reason("not-pinned", f"{chosen} is pinned{self._origin()}; {self._versus(entry)}", data)
        if entry.turn_s > 0 and not self._in_field(entry):
            text = f"came back a short time ago: it takes {self.location} again in {entry.turn_s:.0f} s"
            return Reason("slow-start", text, {**data, "turn_s": entry.turn_s})
        if entry.cost_ms is None and self.best.cost_ms is not None:
            text = f"nothing is known of the path; {chosen} costs {ms(self.best.cost_ms)} per block"
            return Reason("no-estimate", text, data)
        if self._withheld(entry):
            return self._not_enough(entry, data)
        if entry.cost <= limit(self.nearest, self.policy):
            text = f"equally near ({self._versus(entry)}): the spread of locations by weight chose {chosen}"
            return Reason("spread", text, data)
        return Reason("farther", self._versus(entry), data)

    def _data(self, entry: Entry) -> dict[str, str | int | float | bool | None]:
        return {
            "cost_ms": entry.cost_ms,
            "chosen": str(self.best.server.name),
            "chosen_cost_ms": self.best.cost_ms,
        }

    def _in_field(self, entry: Entry) -> bool:
        return any(each is entry for each in self.field)

    def _unpinned(self, entry: Entry) -> bool:
        pin = self.override.pin
        return self.best.server.name in pin and entry.server.name not in pin

    def _withheld(self, entry: Entry) -> bool:
        """Whether only what holds the location kept the boot server from it: nearer, or equal and first by spread."""
        if self.hysteresis is None or self._in_field(entry) or entry.turn_s > 0 or self._unpinned(entry):
            return False
        if self.best.server.name != self.hysteresis.held.boot_server or entry.standing is not self.best.standing:
            return False
        if entry.cost > limit(self.best, self.policy):
            return False
        return (entry.score, -entry.cost) > (self.best.score, -self.best.cost) or self.best.cost > limit(
            entry, self.policy
        )

    def _not_enough(self, entry: Entry, data: dict[str, str | int | float | bool | None]) -> Reason:
        """Why being nearer is not enough: the hold, or the margin."""
        held = self.hysteresis
        name, against = self.best.server.name, self._versus(entry)
        if held is not None and held.code == "frozen":
            return Reason("frozen", f"{against}: no location moves while the latency maps are out of date", data)
        if held is not None and held.code == "hold-down":
            text = f"{against}: {self.location} moved a short time ago and stays for {held.left_s:.0f} s more"
            return Reason("hold-down", text, {**data, "left_s": held.left_s})
        margin = margin_ms(self.best.seen, entry.seen, self.policy)
        text = f"{against}: {self.location} leaves {name} only for one that is nearer by more than {ms(margin)}"
        return Reason("margin", text, {**data, "margin_ms": margin})

    def _pin(self) -> tuple[Reason, ...]:
        pin = self.override.pin
        if not pin:
            return ()
        names = ", ".join(sorted(pin))
        data = {"pin": names, "origin": self.override.origin}
        if self.best.server.name in pin:
            return (Reason("pinned", f"pinned to {names}{self._origin()}", data),)
        return (Reason("pin-unusable", f"pinned to {names}{self._origin()}, which cannot be used now", data),)

    def _origin(self) -> str:
        return f" by {self.override.origin}" if self.override.origin else ""

    def _held(self) -> Reason:
        """That the location stays where it is though another one would be chosen."""
        name, cost = self.best.server.name, ms(self.best.cost_ms)
        other = min((e for e in self.pool if self._withheld(e)), key=lambda e: (e.cost, -e.score, e.server.name))
        text = f"{name}, at {cost} per block, is kept; {other.server.name}: {self._not_enough(other, {}).text}"
        data = {**self._choice_data(), "instead_of": str(other.server.name), "instead_cost_ms": other.cost_ms}
        return Reason("kept", text, data)

    def _choice_data(self) -> dict[str, str | int | float | bool | None]:
        equal = sum(entry.cost <= limit(self.nearest, self.policy) for entry in self.field)
        return {
            "cost_ms": self.best.cost_ms,
            "rung": self.best.estimate.rung,
            "candidates": len(self.pool),
            "equal": equal,
        }

    def _chosen(self) -> Reason:
        name, data = self.best.server.name, self._choice_data()
        cost, equal = ms(self.best.cost_ms), data["equal"]
        if len(self.pool) == 1:
            return Reason("only-one", f"{name} is the only one that can be used, at {cost} per block", data)
        if self.best.cost_ms is None:
            text = f"nothing is known of any path (no measurement, no coordinates): {name} by the spread of locations"
            return Reason("nothing-known", text, data)
        if equal != 1:
            text = f"{name}, at {cost} per block, by the spread of locations over {equal} equally near"
            return Reason("nearest-spread", text, data)
        return Reason("nearest", f"{name} is the nearest, at {cost} per block", data)

    def _passed_over(self, entry: Entry) -> str:
        """What it would have cost to use a boot server that cannot be used."""
        if entry.cost_ms is None:
            return "cannot be used, and nothing is known of the path"
        if entry.cost < self.best.cost:
            return f"nearer, but cannot be used: {self._versus(entry)}"
        return f"cannot be used, and is not nearer: {self._versus(entry)}"

    def _versus(self, entry: Entry) -> str:
        return f"{ms(entry.cost_ms)} per block against {ms(self.best.cost_ms)} of {self.best.server.name}"


def ms(value: float | None) -> str:
    """A time per block for people."""
    return "an unknown time" if value is None else f"{value:.3g} ms" if value < 1 else f"{value:.1f} ms"
