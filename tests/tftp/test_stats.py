"""The counters."""

from __future__ import annotations

import pytest

from nearboot.tftp.guard import Refusal
from nearboot.tftp.request import Outcome
from nearboot.tftp.stats import Stats


def test_every_outcome_has_its_counter() -> None:
    """By its own name, so that metrics and events agree."""
    stats = Stats()
    for outcome in Outcome:
        stats.count(outcome)
        assert stats.snapshot()[outcome.value] == 1


@pytest.mark.parametrize("refusal", Refusal)
def test_each_reason_to_drop_a_request_has_its_counter(refusal: Refusal) -> None:
    """An operator sees which guard it was."""
    stats = Stats()
    stats.count_refusal(refusal)
    assert [name for name, value in stats.snapshot().items() if value] == [refusal.value]
