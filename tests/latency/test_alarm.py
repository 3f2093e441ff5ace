"""Alarms are told apart by what follows from them."""

from __future__ import annotations

from nearboot.latency.alarm import Action, Alarm, reasons
from nearboot.model import Reason


def test_reasons_are_picked_by_action() -> None:
    """In the order that they were found."""
    alarms = [Alarm(action, Reason(action.value, "")) for action in (Action.HOLD, Action.NOTE, Action.REFUSE)]
    assert [reason.code for reason in reasons(alarms, Action.NOTE, Action.HOLD)] == ["hold", "note"]
    assert reasons(alarms) == ()
