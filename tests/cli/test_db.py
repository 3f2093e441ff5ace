"""``nearboot db``: from nothing to the newest schema, twice, and what check says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from nearboot.cli.root import run
from nearboot.inventory import schema_store


def test_upgrade_twice_then_check_and_show(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second upgrade changes nothing; the schema is then as declared."""
    monkeypatch.setenv("NEARBOOT_DATABASE_URL", empty_database_url)
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
    assert "cannot open the database postgresql://me:***@127.0.0.1:1/none: " in error, "as it was typed"
    assert "s3cret" not in error and "Traceback" not in error


def test_a_schema_that_is_behind_is_refused_until_it_is_upgraded(
    nearboot: Callable[..., Any],
    empty_database_url: str,
    open_engine: Callable[[str], Engine],
    migrations: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is read from tables that are not as declared; the message names the command."""
    monkeypatch.setenv("NEARBOOT_DATABASE_URL", empty_database_url)
    schema_store.upgrade(open_engine(empty_database_url), migrations, to="0001")
    ran = nearboot("server", "list", code=1)
    assert "is at schema revision 0001, this nearboot needs " in ran.err
    assert ran.err.endswith("run nearboot db upgrade\n")
    nearboot("db", "upgrade")
    nearboot("server", "list")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("garbage", "the database URL is not readable", id="no url"),
        pytest.param("foo://bar", "'foo' is not supported; use sqlite or postgresql", id="another database"),
        pytest.param("postgres://me:x@db/n", "did you mean postgresql://: postgres://me:***@db/n", id="libpq's other"),
        pytest.param("sqlite:////dev", "unable to open database file", id="a folder"),
    ],
)
def test_a_wrong_url_is_one_clear_line(
    url: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For every command that needs the database."""
    monkeypatch.setenv("NEARBOOT_DATABASE_URL", url)
    for words in (["db", "show"], ["server", "list"], ["db", "upgrade"]):
        assert run(words) == 1
        error = capsys.readouterr().err
        assert error.startswith("nearboot: ") and message in error and error.count("\n") == 1


def test_an_embedded_database_is_made_by_upgrade_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path with a mistake in it leaves no empty database and no folder behind."""
    monkeypatch.setenv("NEARBOOT_DATABASE_URL", f"sqlite:///{tmp_path}/mistake/nearboot.db")
    assert run(["server", "list"]) == 1
    assert capsys.readouterr().err.endswith("does not exist: to make it, run nearboot db upgrade\n")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("NEARBOOT_DATABASE_URL", "sqlite:////dev/null/nearboot.db")
    assert run(["db", "upgrade"]) == 1
    assert "cannot make the folder of the database" in capsys.readouterr().err
