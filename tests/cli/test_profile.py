"""``nearboot profile``: the profiles and who boots by them."""

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


def test_each_server_counts_for_the_most_specific_profile(quickstart: Nearboot) -> None:
    """One BIOS machine, two UEFI ones, all of one tier."""
    rows = {row["slug"]: row for row in json.loads(quickstart("profile", "list", "-o", "json").out)}
    assert {slug: row["servers"] for slug, row in rows.items()} == {"web": 2, "web-bios": 1}
    assert (rows["web-bios"]["image"], rows["web-bios"]["model"]) == ("debian-12", "vm-bios")
    assert (rows["web-bios"]["nbp"], rows["web"]["nbp"], rows["web"]["installer"]) == ("pxelinux", None, "none")


def test_an_empty_database_says_what_to_do(nearboot: Nearboot) -> None:
    """The next command is named."""
    assert nearboot("profile", "list").err == "no boot profiles yet: nearboot inventory load PATH\n"
