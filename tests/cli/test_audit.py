"""``nearboot audit``: who changed what, newest first."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Nearboot = Callable[..., Any]


def test_every_change_is_listed_newest_first(quickstart: Nearboot) -> None:
    """With its actor, the person behind sudo; reads and dry runs leave nothing."""
    quickstart("route", "show")
    quickstart("provision", "start", "web-fra-01", "--reason", "new disk")
    rows = json.loads(quickstart("audit", "list", "-o", "json").out)
    assert [row["action"] for row in rows] == ["provision.start", "latency.load", "inventory.load"]
    assert {row["actor"] for row in rows} == {"ada"}
    assert (rows[0]["subject"], rows[0]["detail"]) == ("web-fra-01", "new disk")
    assert rows[2]["detail"] == "19 added"


def test_a_subject_and_a_limit_narrow_the_list(quickstart: Nearboot) -> None:
    """For a question such as: who drained this one?"""
    for verb in ("drain", "activate"):
        quickstart("boot-server", verb, "ams-boot")
    assert len(quickstart("audit", "list", "--subject", "ams-boot").lines) == 3
    assert len(quickstart("audit", "list", "--limit", "1").lines) == 2


def test_an_empty_log_is_said(nearboot: Nearboot) -> None:
    """On stderr."""
    assert nearboot("audit", "list").err == "nothing was changed yet\n"
    assert nearboot("audit", "list", "--subject", "x").err == "no change of 'x'\n"
