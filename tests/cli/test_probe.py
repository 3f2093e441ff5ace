"""``nearboot probe``: what a person sees."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from probe_program import Program, program

from nearboot.app.ping import DEAF

Nearboot = Callable[..., Any]
QUICK = ["--once", "--probes", 3, "--timeout", 1, "--source-port", 0, "--source-ports", 2]


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


@pytest.fixture
def responder(tmp_path: Path) -> Iterator[Program]:
    with program(tmp_path / "responder.log", "serve", "--host", "0.0.0.0", "--port", 0) as running:
        yield running


@pytest.fixture
def targets(responder: Program, tmp_path: Path) -> Path:
    path = tmp_path / "targets"
    path.write_text(f"fra 127.0.0.1 {responder.port}\n")
    return path


def test_one_round_is_a_table(nearboot: Nearboot, targets: Path) -> None:
    """A line for each target, and no log above it."""
    ran = nearboot("probe", "run", "--location", "ams", "--targets", targets, *QUICK)
    heading, line = ran.lines
    assert heading.split()[:5] == ["PLACE", "TARGET", "ADDRESS", "RTT", "MS"]
    assert line.split()[:3] == ["fra", "127.0.0.1", "127.0.0.1"] and " 0.0% " in line


def test_one_round_as_data(nearboot: Nearboot, targets: Path) -> None:
    """Loss is a share there."""
    ran = nearboot("probe", "run", "--location", "ams", "--targets", targets, *QUICK, "-o", "json")
    (item,) = json.loads(ran.out)
    assert (item["place"], item["loss"], item["sent"], item["received"]) == ("fra", 0, 3, 3)
    assert 0 < item["min_ms"] <= item["rtt_ms"] <= item["p95_ms"]


def test_a_map_on_stdout_is_nothing_but_the_map(nearboot: Nearboot, targets: Path, tmp_path: Path) -> None:
    """For a pipe into another program."""
    ran = nearboot("probe", "run", "--location", "ams", "--targets", targets, *QUICK, "--publish", "-")
    assert ran.lines[0] == "src,dst,rtt_ms,min_ms,p95_ms,jitter_ms,loss,count,timestamp,family"
    assert len(ran.lines) == 2 and ran.lines[1].startswith("ams,fra,")


def test_silence_is_an_error_and_no_map(nearboot: Nearboot, tmp_path: Path) -> None:
    """Exit code 1, and why."""
    (tmp_path / "silent").write_text("fra 127.0.0.1 9\nlhr 127.0.0.2 9\n")
    words = ["--location", "ams", "--targets", tmp_path / "silent", *QUICK, "--timeout", 0.1]
    ran = nearboot("probe", "run", *words, code=1)
    assert ran.err == f"nothing is published: {DEAF}\n"
    assert ran.out.count("100.0%") == 2


def test_a_map_that_cannot_be_is_refused_by_load(quickstart: Nearboot, responder: Program, tmp_path: Path) -> None:
    """A round trip over this loopback is faster than light between two cities: the guards hold for pingers too."""
    (tmp_path / "targets").write_text(f"fra 127.0.0.1 {responder.port}\n")
    words = ["--location", "ams", "--targets", tmp_path / "targets", *QUICK, "--load"]
    ran = quickstart("probe", "run", *words, code=1)
    assert "faster than light" in ran.err


def test_a_loaded_map_has_its_epoch(nearboot: Nearboot, targets: Path, tmp_path: Path) -> None:
    """Places without coordinates may be as near as they are."""
    (tmp_path / "places.yaml").write_text("locations: [{slug: ams, kind: site}, {slug: fra, kind: site}]\n")
    nearboot("inventory", "load", tmp_path / "places.yaml")
    ran = nearboot("probe", "run", "--location", "ams", "--targets", targets, *QUICK, "--load")
    assert ran.err == "epoch 1 of probe-ams is accepted\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["run", "--once"], "where does this pinger stand", id="no place"),
        pytest.param(["run", "--once", "--location", "ams", "--targets", "/nowhere"], "/nowhere", id="no file"),
        pytest.param(["serve", "--key", "secret"], "where a secret is", id="a key that is no reference"),
        pytest.param(["serve", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1", id="an address of somebody else"),
        pytest.param(
            ["serve", "--port", 0, "--metrics-listen", "192.0.2.1:0"], "probe.metrics_listen: cannot", id="nor metrics"
        ),
        pytest.param(["serve", "--allow", "10.0.0.1/8"], "probe.allow", id="no prefix"),
    ],
)
def test_mistakes_are_said_plainly(nearboot: Nearboot, words: list[str], message: str) -> None:
    """One line, and exit code 1."""
    ran = nearboot("probe", *words, code=1)
    assert message in ran.err.splitlines()[-2 if "fault" in ran.err.splitlines()[-1] else -1]
