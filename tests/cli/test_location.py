"""``nearboot location``: the place tree with what stands in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Nearboot = Callable[..., Any]


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def test_places_are_listed_with_what_stands_there(quickstart: Nearboot) -> None:
    """Counts are of the place itself, not of those below it."""
    rows = {row["slug"]: row for row in json.loads(quickstart("location", "list", "-o", "json").out)}
    assert set(rows) == {"emea", "ams", "ams-r1", "fra"}
    assert {k: rows["ams"][k] for k in ("kind", "parent", "servers", "subnets", "boot_servers")} == {
        "kind": "site",
        "parent": "emea",
        "servers": 0,
        "subnets": 2,
        "boot_servers": 1,
    }
    assert rows["ams-r1"]["servers"] == 2
    assert rows["fra"]["aliases"] == ["Frankfurt", "FRA2"]


def test_an_empty_database_says_what_to_do(nearboot: Nearboot) -> None:
    """The next command is named."""
    assert nearboot("location", "list").err == "no locations yet: nearboot inventory load PATH\n"
