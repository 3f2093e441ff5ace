"""Tables align, JSON and YAML hold the same values."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import IPv4Address

import pytest
import yaml

from nearboot.cli.output import emit, emit_document, plain, table
from nearboot.model import AdminState, Reason

ROWS = [{"name": "a", "up": True, "ms": 1.5}, {"name": "long-name", "up": False, "ms": None}]


def test_a_table_has_headings_and_aligned_columns() -> None:
    """Nothing is shown as a dash, truth as yes and no."""
    assert table(ROWS).splitlines() == ["NAME       UP   MS", "a          yes  1.50", "long-name  no   -"]


def test_json_and_yaml_hold_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """Both are documents that a program reads back."""
    emit(ROWS, "json")
    emit(ROWS, "yaml")
    out = capsys.readouterr().out
    split = out.index("]\n") + 2
    assert json.loads(out[:split]) == yaml.safe_load(out[split:]) == ROWS


def test_keys_have_underscores_where_headings_have_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    """A program writes row.started_at; people read STARTED AT."""
    rows = [{"started at": 1, "boot server": "a"}]
    assert table(rows).splitlines()[0] == "STARTED AT  BOOT SERVER"
    for output in ("json", "yaml"):
        emit(rows, output)
        assert yaml.safe_load(capsys.readouterr().out) == [{"started_at": 1, "boot_server": "a"}]


def test_nothing_is_said_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty table leaves stdout empty for the next program."""
    emit([], "table", empty="no servers")
    assert capsys.readouterr() == ("", "no servers\n")


def test_values_become_plain(capsys: pytest.CaptureFixture[str]) -> None:
    """Dataclasses, enums, addresses and times have one text form each."""
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    value = {"r": Reason("x", "y", {"n": 1}), "s": AdminState.ACTIVE, "a": (IPv4Address("10.0.0.1"),), "t": at}
    assert plain(value) == {
        "r": {"code": "x", "text": "y", "data": {"n": 1}},
        "s": "active",
        "a": ["10.0.0.1"],
        "t": "2026-01-02T03:04:05.000+00:00",
    }
    emit_document(value, "yaml")
    assert yaml.safe_load(capsys.readouterr().out)["s"] == "active"
