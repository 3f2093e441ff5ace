"""``nearboot config show``: every setting, no password."""

from __future__ import annotations

import json

import pytest

from nearboot.cli.root import run
from nearboot.config import Config, settings


def test_every_setting_is_shown_and_no_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A screenshot of it may be shared."""
    monkeypatch.setenv("NEARBOOT_DATABASE_URL", "postgresql://me:s3cret@db/nearboot")
    assert run(["config", "show", "-o", "json"]) == 0
    out = capsys.readouterr().out
    assert "s3cret" not in out
    rows = {row["setting"]: row["value"] for row in json.loads(out)}
    assert rows["database_url"] == "postgresql://me:***@db/nearboot"
    assert set(rows) == set(settings(Config()))
