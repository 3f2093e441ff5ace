"""``nearboot subnet``: the subnets in the order of their numbers."""

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


def test_subnets_are_listed(quickstart: Nearboot) -> None:
    """IPv4 first, each with its place and its id in Kea."""
    rows = json.loads(quickstart("subnet", "list", "-o", "json").out)
    assert [row["prefix"] for row in rows] == ["10.77.0.0/24", "10.78.0.0/24", "fd77::/64", "fd78::/64"]
    assert rows[0] | {"kea_id": 0} == {
        "prefix": "10.77.0.0/24",
        "location": "ams",
        "name": "",
        "kea_id": 0,
        "gateway": "10.77.0.1",
        "dns": ["10.77.0.1"],
        "pools": ["10.77.0.100-10.77.0.199"],
        "relays": [],
    }
    assert len({row["kea_id"] for row in rows}) > 1


def test_an_empty_database_says_what_to_do(nearboot: Nearboot) -> None:
    """The next command is named."""
    assert nearboot("subnet", "list").err == "no subnets yet: nearboot inventory load PATH\n"
