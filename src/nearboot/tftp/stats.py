"""Counters of one data-plane loop: plain integers, written by its thread alone, read by any.

stats.snapshot()["completed"]
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from nearboot.tftp.guard import Refusal
from nearboot.tftp.request import Outcome


@dataclass(slots=True)
class Stats:
    """Totals since the start. All count up."""

    requests: int = 0
    repeats: int = 0
    """Requests for a reply that is already out or on its way."""
    replaced: int = 0
    """Transfers ended by a new request from the same port."""
    malformed: int = 0
    unexpected: int = 0
    """Datagrams at the server port that are no requests: dropped."""
    strays: int = 0
    """Datagrams at the port of a transfer whose sender has none there."""
    over_sessions: int = 0
    over_client: int = 0
    refused_port: int = 0
    not_allowed: int = 0
    """Requests from outside the prefixes allowed: dropped."""
    unknown_client: int = 0
    """Requests of clients that the hook does not know: dropped."""
    over_requests: int = 0
    """Requests past their address's rate: dropped."""
    over_errors: int = 0
    """ERRORs not sent, since their address has had too many."""
    over_unacked: int = 0
    """First replies not sent, since their address acknowledges nothing."""
    send_errors: int = 0
    faults: int = 0
    """Exceptions of our own in the loop: bugs."""
    completed: int = 0
    aborted_by_client: int = 0
    timed_out: int = 0
    failed: int = 0
    not_found: int = 0
    refused: int = 0
    bytes_sent: int = 0
    retransmits: int = 0

    def count(self, outcome: Outcome) -> None:
        """Add one to the counter that bears the outcome's name."""
        name = NAMES[outcome]
        setattr(self, name, getattr(self, name) + 1)

    def count_refusal(self, refusal: Refusal) -> None:
        """Add one to the counter that the guard's refusal names."""
        name = REFUSALS[refusal]
        setattr(self, name, getattr(self, name) + 1)

    def snapshot(self) -> dict[str, int]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


NAMES = {outcome: outcome.value for outcome in Outcome}
REFUSALS = {refusal: refusal.value for refusal in Refusal}
