"""``nearboot image``: the images, their files and their profiles."""

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


def test_images_are_listed_with_their_files(quickstart: Nearboot) -> None:
    """And who boots them."""
    assert json.loads(quickstart("image", "list", "-o", "json").out) == [
        {
            "slug": "debian-12",
            "arch": "x86_64",
            "kernel": "debian-12/vmlinuz",
            "initrd": ["debian-12/initrd.gz"],
            "args": ["panic=-1"],
            "profiles": ["web", "web-bios"],
        }
    ]


def test_an_empty_database_says_what_to_do(nearboot: Nearboot) -> None:
    """The next command is named."""
    assert nearboot("image", "list").err == "no images yet: nearboot inventory load PATH\n"
