"""``nearboot provision``: runs are started, listed, and end as superseded by the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Nearboot = Callable[..., Any]


def _runs(nearboot: Nearboot, *words: str) -> list[tuple[str, str]]:
    rows = json.loads(nearboot("provision", "list", *words, "-o", "json").out)
    return [(row["server"], row["outcome"]) for row in rows]


def test_a_run_starts_and_is_listed(quickstart: Nearboot) -> None:
    """The token is a secret between nearboot and the server: nobody is shown it."""
    ran = quickstart("provision", "start", "web-ams-[01-02]", "--reason", "new kernel")
    assert [line.split()[1:3] for line in ran.lines[1:]] == [["web-ams-01", "power-on"], ["web-ams-02", "power-on"]]
    assert "token" not in quickstart("provision", "list", "-o", "yaml").out
    assert _runs(quickstart, "--server", "web-ams-01") == [("web-ams-01", "")]
    assert len(_runs(quickstart, "--limit", "1")) == 1


def test_the_next_run_supersedes_an_open_one(quickstart: Nearboot) -> None:
    """A server has one open run at most."""
    for reason in ("first", "second"):
        quickstart("provision", "start", "web-ams-01", "--reason", reason)
    assert _runs(quickstart) == [("web-ams-01", ""), ("web-ams-01", "superseded")]
    assert _runs(quickstart, "--unfinished") == [("web-ams-01", "")]


def test_all_start_or_none(quickstart: Nearboot) -> None:
    """A typing error among the names starts nothing; a reason is asked for."""
    ran = quickstart("provision", "start", "web-ams-01", "web-ams-99", "--reason", "x", code=1)
    assert "no server named 'web-ams-99'" in ran.err
    assert quickstart("provision", "list").err.startswith("no runs yet: nearboot provision start")
    assert "--reason" in quickstart("provision", "start", "web-ams-01", code=1).err
