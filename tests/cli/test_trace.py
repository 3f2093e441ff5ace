"""``nearboot trace``: a server's timeline, also where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Nearboot = Callable[..., Any]


def test_a_server_without_a_run_is_said(quickstart: Nearboot) -> None:
    """Exit code 1: a script must not take it for a boot."""
    assert quickstart("trace", "web-ams-01", code=1).lines == ["web-ams-01: no boot has been seen yet"]
    assert json.loads(quickstart("trace", "web-ams-01", "-o", "json", code=1).out) == []
    assert "did you mean web-ams-01" in quickstart("trace", "web-ams-1", code=1).err


def test_a_new_run_is_told_as_requested(quickstart: Nearboot) -> None:
    """With its reason, once, what is expected next, and what to look at if it does not come."""
    quickstart("provision", "start", "web-ams-01", "--reason", "new kernel")
    ran = quickstart("trace", "web-ams-01", "web-ams-02", code=1)
    assert ran.lines[0].startswith("web-ams-01  run 1  ")
    assert [line.split()[1:3] for line in ran.lines if "new kernel" in line] == [["requested", "provision-start"]]
    assert any(line.startswith("nothing heard for ") and line.endswith("next: dhcp") for line in ran.lines)
    assert ran.lines[-1] == "web-ams-02: no boot has been seen yet"


def test_an_older_run_can_be_named(quickstart: Nearboot) -> None:
    """By its number; another server's number is not this one's."""
    for name in ("web-ams-01", "web-ams-01", "web-ams-02"):
        quickstart("provision", "start", name, "--reason", "x")
    assert json.loads(quickstart("trace", "web-ams-01", "-o", "json").out)[0]["run"] == 2
    assert json.loads(quickstart("trace", "web-ams-01", "--run", "1", "-o", "json").out)[0]["run"] == 1
    assert quickstart("trace", "web-ams-01", "--run", "3", code=1).lines == ["web-ams-01: it has no run 3"]
