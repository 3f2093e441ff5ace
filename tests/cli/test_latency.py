"""``nearboot latency``: edge lists and matrices, units, rows that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Nearboot = Callable[..., Any]

EDGES = "src,dst,rtt\nAmsterdam,Frankfurt,8.2\nFrankfurt,Amsterdam,8.3\n"


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def _maps(nearboot: Nearboot) -> dict[str, tuple[int, int]]:
    return {m["source"]: (m["epoch"], m["samples"]) for m in json.loads(nearboot("latency", "list", "-o", "json").out)}


def test_an_edge_list_is_stored_as_the_next_epoch(quickstart: Nearboot, tmp_path: Path) -> None:
    """Names are aliases of the inventory; the unit comes from the flag; each load is a new publication."""
    file = tmp_path / "pairs.csv"
    file.write_text(EDGES)
    ran = quickstart("latency", "load", file, "--unit", "ms")
    assert ran.lines[0] == "pairs: 2 samples between 2 locations (edges)"
    assert ran.lines[-1] == "stored as epoch 1 of pairs"
    assert quickstart("latency", "load", file, "--unit", "ms").lines[-1] == "stored as epoch 2 of pairs"
    assert _maps(quickstart) == {"latency": (1, 2), "pairs": (2, 2)}
    assert "epoch 2, 2 samples from" in quickstart("audit", "list", "--subject", "pairs").lines[1]


def test_a_matrix_is_stored(quickstart: Nearboot, tmp_path: Path) -> None:
    """The diagonal is no sample; seconds become milliseconds."""
    file = tmp_path / "m.csv"
    file.write_text(",ams,fra\nams,0,0.00824\nfra,0.00827,0\n")
    ran = quickstart("latency", "load", file, "--unit", "s", "--source", "sites")
    assert ran.lines[0] == "sites: 2 samples between 2 locations (matrix)"
    assert _maps(quickstart)["sites"] == (1, 2)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        pytest.param(EDGES, [], "unit", id="no unit"),
        pytest.param(EDGES + "ams-r1,fra,8.4\n", ["--unit", "us"], "round trips in the stated unit", id="wrong unit"),
        pytest.param(EDGES, ["--unit", "us"], "no row that can be used; the first: ", id="no sample left"),
        pytest.param(EDGES, ["--unit", "ms", "--column", "rtt"], "expected FIELD=NAME", id="column without name"),
        pytest.param(EDGES, ["--unit", "ms", "--column", "rtt=avg"], "avg", id="column that is not there"),
        pytest.param("", ["--unit", "ms"], "empty", id="empty"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(
    quickstart: Nearboot, tmp_path: Path, text: str, options: list[str], message: str
) -> None:
    """A unit is never guessed; what is refused changes nothing."""
    file = tmp_path / "pairs.csv"
    file.write_text(text)
    ran = quickstart("latency", "load", file, *options, code=1)
    assert message in ran.err
    assert ran.err.endswith("nothing was changed\n")
    assert _maps(quickstart) == {"latency": (1, 2)}


def test_rows_that_cannot_be_used_are_listed(quickstart: Nearboot, tmp_path: Path) -> None:
    """With file, line and reason; the others are stored."""
    file = tmp_path / "pairs.csv"
    file.write_text(EDGES + "ams,atlantis,3\nams,fra,fast\n")
    ran = quickstart("latency", "load", file, "--unit", "ms")
    unused = [line for line in ran.lines if line.startswith("not used: ")]
    assert any(f"{file}:4: atlantis: no location has this slug" in line for line in unused)
    assert any(f"{file}:5: " in line for line in unused)
    assert _maps(quickstart)["pairs"] == (1, 2)


def test_a_dry_run_stores_nothing(quickstart: Nearboot, tmp_path: Path) -> None:
    """It reads and checks as the load would."""
    file = tmp_path / "pairs.csv"
    file.write_text(EDGES)
    assert quickstart("latency", "load", file, "--unit", "ms", "--dry-run").lines[-1] == "dry run: nothing was stored"
    assert _maps(quickstart) == {"latency": (1, 2)}


def test_what_to_do_without_maps_is_said(nearboot: Nearboot) -> None:
    """On stderr: stdout is for programs."""
    assert nearboot("latency", "list").err == "no latency map yet: nearboot latency load FILE\n"
    assert "No such file" in nearboot("latency", "load", "missing.csv", code=1).err
