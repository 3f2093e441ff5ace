"""``nearboot db``: from nothing to the newest schema, twice, and what check says."""

from __future__ import annotations

import json

import pytest

from nearboot.cli.root import run


def test_upgrade_twice_then_check_and_show(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second upgrade changes nothing; the schema is then as declared."""
    monkeypatch.setenv("NEARBOOT_DATABASE_URL", database_url)
    assert [run(["db", "upgrade"]) for _ in range(2)] == [0, 0]
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("the schema went from nothing to revision ")
    assert second.endswith("nothing to do")
    assert run(["db", "check"]) == 0
    assert capsys.readouterr().out == "the schema is as declared\n"
    assert run(["db", "show", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["revision"]


def test_a_database_that_cannot_be_reached_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without its password, without a traceback."""
    monkeypatch.setenv("NEARBOOT_DATABASE_URL", "postgresql://me:s3cret@127.0.0.1:1/none")
    assert run(["db", "show"]) == 1
    error = capsys.readouterr().err
    assert "127.0.0.1" in error and "s3cret" not in error and "Traceback" not in error
