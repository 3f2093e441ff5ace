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
    missing = nearboot("latency", "load", "missing.csv", code=1).err.splitlines()
    assert missing[0] == "missing.csv: found No such file or directory; expected a file that can be read"


def test_a_row_faster_than_light_is_refused_and_not_counted(quickstart: Nearboot, tmp_path: Path) -> None:
    """Named by file and line; the summary, the list and the audit log count what is used."""
    places = tmp_path / "places.yaml"
    places.write_text("locations:\n- {slug: nrt, kind: site, latitude: 35.8, longitude: 140.4}\n")
    quickstart("inventory", "load", places)
    file = tmp_path / "f.csv"
    file.write_text("src,dst,rtt_ms\nams,fra,8\nams,nrt,0.5\n")
    ran = quickstart("latency", "load", file)
    assert ran.lines[:2] == ["f: 1 sample between 2 locations (edges)", "1 row refused"]
    (unused,) = (line for line in ran.lines if line.startswith("not used: "))
    assert unused.startswith(f"not used: {file}:3: ams → nrt: 0.5 ms over 9")
    assert _maps(quickstart)["f"] == (1, 1)
    assert json.loads(quickstart("latency", "list", "-o", "json").out)[0]["refused"] == 1
    assert f"epoch 1, 1 sample from {file}, 1 refused" in quickstart("audit", "list", "--subject", "f").out


def test_the_measured_pairs_in_use_are_shown(quickstart: Nearboot, tmp_path: Path) -> None:
    """With the source that each comes from; a source that is removed gives way to the other."""
    file = tmp_path / "new.csv"
    file.write_text("src,dst,rtt_ms,loss,count\nams,fra,7.5,0.1,20\n")
    quickstart("latency", "load", file)
    rows = json.loads(quickstart("latency", "show", "-o", "json").out)
    assert [(r["src"], r["dst"], r["source"]) for r in rows] == [("ams", "fra", "new"), ("fra", "ams", "latency")]
    assert {"rtt_ms": 7.5, "loss": 0.1, "count": 20, "family": "any"}.items() <= rows[0].items()
    assert " AGE " in quickstart("latency", "show", "ams").lines[0]
    assert "measured ams → fra (new)" in quickstart("route", "explain", "web-ams-01").out
    assert quickstart("latency", "remove", "new").lines == ["removed new: 1 epoch", "no place moves"]
    assert json.loads(quickstart("latency", "show", "fra", "-o", "json").out)[0]["source"] == "latency"
    assert "did you mean latency?" in quickstart("latency", "remove", "latence", code=1).err
    assert "no location with measurements named 'ber'" in quickstart("latency", "show", "ber", code=1).err


def test_the_places_that_move_with_a_source_are_shown(quickstart: Nearboot, tmp_path: Path) -> None:
    """A place near Amsterdam on the map of the earth, near Frankfurt on the map that goes."""
    places = tmp_path / "places.yaml"
    utrecht = "{slug: utc, kind: site, latitude: 52.1, longitude: 5.1}"
    places.write_text(f"locations: [{utrecht}]\nsubnets: [{{prefix: 10.79.0.0/24, location: utc}}]\n")
    quickstart("inventory", "load", places)
    file = tmp_path / "odd.csv"
    file.write_text("src,dst,rtt_ms\nutc,fra,4\nutc,ams,60\n")
    assert "1 of 4 locations would get another boot server" in quickstart("latency", "load", file, code=1).err
    quickstart("latency", "accept", 1, "--source", "odd", "--reason", "a new fibre")
    assert quickstart("latency", "remove", "odd").lines == [
        "removed odd: 1 epoch",
        "  utc IPv4: fra-boot -> ams-boot",
        "  utc IPv6: fra-boot -> ams-boot",
        "Kea is told by the next: nearboot kea generate",
    ]


def test_verbs_have_their_whole_line_in_the_help(nearboot: Nearboot) -> None:
    """Nothing is cut off."""
    assert "..." not in nearboot("latency", "--help").out.partition("Commands:")[2]
