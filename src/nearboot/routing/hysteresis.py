"""Staying where one is: which boot servers may take a location away from the one that it has. Pure.

A location moves for nearness only when another boot server is nearer by more than measuring errs, and not twice within
the policy's hold. It moves at once when its boot server may not be used any more, and to one that could not be used
when it was decided last (new, or back again): nothing was measured wrongly there.

    hysteresis = Hysteresis.of(previous, Slug("ams"), policy=policy, now=now, frozen=False)
    hysteresis.challenges(seen, kept)        # whether what is seen of one boot server is enough to leave the kept one
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import hypot, inf

from nearboot.model import Slug
from nearboot.routing.policy import Policy


@dataclass(frozen=True, slots=True)
class Held:
    """The boot server that a location has, and since when; None: it never had another one."""

    boot_server: Slug
    moved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Previous:
    """The last decision of an address family: what could be used, and what each location got."""

    choices: Mapping[Slug, Held] = field(default_factory=dict)
    usable: frozenset[Slug] = frozenset()
    decided_at: datetime | None = None


NOTHING_BEFORE = Previous()


@dataclass(frozen=True, slots=True)
class Seen:
    """A boot server from a location. ``cost_ms`` inf: nothing is known; ``fresh``: it could not be used last time."""

    cost_ms: float
    noise_ms: float = 0.0
    fresh: bool = False


def margin_ms(kept: Seen, other: Seen, policy: Policy) -> float:
    """How much nearer the other one must be: what the policy asks, or what the noise of both measurements does.

    Where a path's noise is not known, a share of its cost stands for it. Never less than the band in which two are
    equal: then who gets nearer can only win (test_select has the property).
    """
    if inf in (kept.cost_ms, other.cost_ms):
        return policy.margin_ms
    doubt = hypot(_doubt(kept, policy), _doubt(other, policy))
    return max(policy.margin_ms, policy.band(kept.cost_ms), doubt)


def _doubt(seen: Seen, policy: Policy) -> float:
    return policy.margin_noise * seen.noise_ms if seen.noise_ms > 0 else policy.margin_share * seen.cost_ms


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """What holds a location. ``code`` "": only the margin does; else that, and nearness does not move it at all."""

    held: Held
    policy: Policy
    code: str = ""  # "hold-down", "frozen"
    left_s: float = 0.0  # how long the hold-down still lasts

    @classmethod
    def of(
        cls, previous: Previous, location: Slug, *, policy: Policy, now: datetime, frozen: bool
    ) -> Hysteresis | None:
        """What holds the location; None where it had nothing before."""
        held = previous.choices.get(location)
        if held is None:
            return None
        if frozen:
            return cls(held, policy, "frozen")
        left_s = policy.hold_s - (now - held.moved_at).total_seconds() if held.moved_at else 0.0
        return cls(held, policy, "hold-down", left_s) if left_s > 0 else cls(held, policy)

    def challenges(self, other: Seen, kept: Seen) -> bool:
        """Whether the other one may take the location from the one that it has."""
        if other.fresh:
            return True
        return not self.code and other.cost_ms + margin_ms(kept, other, self.policy) < kept.cost_ms
