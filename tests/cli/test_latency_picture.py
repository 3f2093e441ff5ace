"""``nearboot latency heatmap`` and ``latency show --matrix``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Nearboot = Callable[..., Any]


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def test_a_heatmap_is_written(quickstart: Nearboot, tmp_path: Path) -> None:
    """What is in it stands on one line."""
    ran = quickstart("latency", "heatmap", "-o", tmp_path / "heat.svg")
    assert ran.out == f"{tmp_path}/heat.svg: 2 places, 2 pairs measured\n"
    assert "Round trips between 2 places" in (tmp_path / "heat.svg").read_text()


def test_a_matrix_has_ages(quickstart: Nearboot) -> None:
    """From the row's place to the column's."""
    lines = quickstart("latency", "show", "--matrix").lines
    assert lines[0].split() == ["FROM", "\\", "TO", "AMS", "FRA"]
    assert lines[1].split()[:3] == ["ams", "-", "8.24"]
    assert lines[1].endswith(")")
