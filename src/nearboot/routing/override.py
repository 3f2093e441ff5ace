"""What an operator has decided for some servers, whatever is nearest: boot servers to use, and never to use. Pure.

A pin is a wish: while none of the pinned ones can be used, the nearest other one serves. A ban is strict: no answer is
better than a forbidden one.

    Override(pin=frozenset({Slug("boot-lab")})).over(Override(forbid=frozenset({Slug("boot-dmz")})))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nearboot.model import Candidate, Slug

NEVER = frozenset({"disabled", "no-address"})
"""Reasons of candidates that no pool has: they are ranked to be explained."""


@dataclass(frozen=True, slots=True)
class Override:
    """Boot servers that are to be used, and those that are not to be; empty: the nearest."""

    pin: frozenset[Slug] = frozenset()
    forbid: frozenset[Slug] = frozenset()
    origin: str = ""  # who says so, such as "tier db" or "server web1"

    def __bool__(self) -> bool:
        """Whether there is anything to heed."""
        return bool(self.pin or self.forbid)

    def over(self, outer: Override) -> Override:
        """A server's own over its tier's: its pin replaces the tier's pin, bans add up and win over any pin."""
        forbid = self.forbid | outer.forbid
        pin = (self.pin or outer.pin) - forbid
        origins = [each.origin for each in (self, outer) if each and each.origin]
        return Override(pin, forbid, " and ".join(origins))


def pick(candidates: Sequence[Candidate], override: Override) -> Slug | None:
    """Whom an override takes of a place's candidates as they were decided, best first: what select says of it."""
    allowed = [
        each
        for each in candidates
        if each.boot_server not in override.forbid and not any(reason.code in NEVER for reason in each.reasons)
    ]
    pinned = [each for each in allowed if each.eligible and each.boot_server in override.pin]
    return next((each.boot_server for each in [*pinned, *allowed]), None)
