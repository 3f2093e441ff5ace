"""The counters."""

from __future__ import annotations

from nearboot.tftp.request import Outcome
from nearboot.tftp.stats import Stats


def test_every_outcome_has_its_counter() -> None:
    """By its own name, so that metrics and events agree."""
    stats = Stats()
    for outcome in Outcome:
        stats.count(outcome)
        assert stats.snapshot()[outcome.value] == 1
