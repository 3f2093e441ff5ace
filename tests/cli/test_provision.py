"""``nearboot provision``: runs are started, listed, and end as superseded by the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
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


def test_a_run_is_cancelled(quickstart: Nearboot) -> None:
    """Its row says why; a second time there is nothing to cancel."""
    quickstart("provision", "start", "web-ams-[01-02]", "--reason", "new kernel")
    (row,) = json.loads(quickstart("provision", "cancel", "web-ams-01", "--reason", "wrong rack", "-o", "json").out)
    assert (row["outcome"], row["reason"], row["problem"]) == ("cancelled", "new kernel", "wrong rack")
    assert quickstart("trace", "web-ams-01").lines[-1].endswith(": wrong rack")
    ran = quickstart("provision", "cancel", "web-ams-01", "--reason", "again", code=1)
    assert "web-ams-01: found no open run; expected a run that is under way" in ran.err
    assert _runs(quickstart, "--unfinished") == [("web-ams-02", "")]


def test_a_run_that_cannot_end_by_itself_is_warned_of(quickstart: Nearboot, tmp_path: Path) -> None:
    """The boot server of its route takes no call-backs."""
    assert quickstart("provision", "start", "web-ams-01", "--reason", "x").err == ""
    quickstart("inventory", "export", tmp_path / "silent")
    for file in (tmp_path / "silent").rglob("*.yaml"):
        kept = [line for line in file.read_text().splitlines() if "http_url" not in line]
        file.write_text("\n".join(kept))
    quickstart("inventory", "load", tmp_path / "silent")
    ran = quickstart("provision", "start", "web-ams-[01-02]", "--reason", "x")
    (warning,) = ran.err.splitlines()
    assert warning.startswith(
        "warning: boot server ams-boot has no http_url, so web-ams-01 and 1 more cannot call back"
    )
