"""The benchmarks run, and what they count holds at a size that any machine can take. Speed is not tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parent / "bench_tftp.py"
MAX_BYTES_EACH = 8 << 10


def bench(*arguments: str) -> dict[str, Any]:
    """Its JSON; it must say that all was read whole."""
    command = [sys.executable, str(SCRIPT), "--json", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    result: dict[str, Any] = json.loads(run.stdout)
    return result


@pytest.mark.parametrize("windowsize", ["1", "16"])
def test_500_reads_at_once_are_whole_and_take_little_memory_each(windowsize: str) -> None:
    """All are under way before the first goes on; besides the content, which they share, 8 KB each at most."""
    result = bench("many", "--clients", "500", "--size", "200KB", "--windowsize", windowsize)
    read = result["load"]
    assert (read["at_once"], read["whole"], read["failed"], read["corrupt"], read["unfinished"]) == (500, 500, 0, 0, 0)
    assert read["windowsize"] == int(windowsize)
    assert result["bytes_each"] <= MAX_BYTES_EACH


def test_each_case_is_read_whole_from_nearboot_and_from_the_limit() -> None:
    """Peers are left out: they are what this machine has."""
    result = bench("compare", "--rounds", "1", "--servers", "limit,nearboot")
    assert result["servers"] == ["limit", "nearboot"]
    assert len(result["cases"]) == 7
    for case in result["cases"]:
        assert None not in case["figures"].values()
        assert case["of_limit"] > 0


def test_a_server_that_is_not_there_is_named() -> None:
    """With why."""
    result = bench("compare", "--rounds", "1", "--servers", "limit,nearboot,nowhere", "--cases", "cfg-32")
    assert result["absent"] == {"nowhere": "is not known"}


def test_distance_measures_what_is_short_and_computes_the_rest() -> None:
    """At any load of the machine no cell beats the protocol's bound."""
    result = bench("distance", "--size", "2MB", "--rtt-ms", "1", "--measure-s", "1.5")
    rows = {(row["blksize"], row["windowsize"]): row for row in result["rows"]}
    assert len(rows) == 10
    assert all(row["whole"] and row["of_bound"] >= 1 for row in rows.values())
    assert not rows[512, 1]["is_measured"]
    assert rows[1428, 256]["is_measured"]
