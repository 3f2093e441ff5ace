"""``nearboot latency load``: files, folders and URLs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Nearboot = Callable[..., Any]

EDGES = "src,dst,rtt_ms\nams,fra,8.2\nfra,ams,8.3\n"


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def test_folder_is_loaded_once(quickstart: Nearboot, tmp_path: Path) -> None:
    """The newest of each kind; what was loaded is not loaded again unless that is asked for."""
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "wan-2026-11-22.csv").write_text(EDGES)
    (folder / "lan.csv").write_text(EDGES)
    ran = quickstart("latency", "load", folder)
    assert [line for line in ran.lines if line.startswith("stored")] == [
        "stored as epoch 1 of lan",
        "stored as epoch 1 of wan",
    ]
    nothing = f"{folder}: nothing that was not loaded before (--again loads it all the same)"
    assert quickstart("latency", "load", folder).lines == [nothing]
    assert "stored as epoch 2 of wan" in quickstart("latency", "load", folder, "--again").lines
    (folder / "wan-2026-11-23.csv").write_text(EDGES)
    assert quickstart("latency", "load", f"net={folder}").lines[-1] == "stored as epoch 1 of net-wan"


def test_a_bad_file_does_not_keep_the_others(quickstart: Nearboot, tmp_path: Path) -> None:
    """Each says what became of it; the exit code is that of an error."""
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(EDGES)
    bad.write_text("src,dst,rtt\nams,fra,8\n")
    ran = quickstart("latency", "load", bad, tmp_path / "missing.csv", good, code=1)
    assert ran.lines[-1] == "stored as epoch 1 of good"
    assert "not loaded: " in ran.err
    assert "--unit ms (s, us)" in ran.err
    assert "missing.csv: found No such file" in ran.err
    ran = quickstart("latency", "load", bad, tmp_path / "missing.csv", code=1)
    assert ran.err.splitlines()[-1] == "nearboot: 2 faults; nothing was changed"


def test_a_dry_run_remembers_nothing(quickstart: Nearboot, tmp_path: Path) -> None:
    """What was only looked at is new all the same."""
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "wan.csv").write_text(EDGES)
    assert quickstart("latency", "load", folder, "--dry-run").lines[-1] == "dry run: nothing was stored"
    assert quickstart("latency", "load", folder).lines[-1] == "stored as epoch 1 of wan"


def test_address_of_a_boot_server_is_its_place(quickstart: Nearboot, tmp_path: Path) -> None:
    """What a tool pings are boot servers; where it ran is said on the command line."""
    file = tmp_path / "fping.txt"
    file.write_text("10.78.0.2 : 8.2 8.3 8.4\n10.99.0.1 : 3 3 3\n")
    ran = quickstart("latency", "load", file, "--from", "ams")
    assert ran.lines[0].startswith("fping: 1 sample between 2 locations (fping)")
    assert any("10.99.0.1: no location has this slug, alias or name" in line for line in ran.lines)
    assert "--from LOCATION" in quickstart("latency", "load", file, code=1).err


def test_place_near_a_location_is_that_location(quickstart: Nearboot, tmp_path: Path) -> None:
    """By a table of coordinates, as far as the user says."""
    file, places = tmp_path / "map.csv", tmp_path / "places.csv"
    file.write_text("src,dst,rtt_ms\nHaarlem,fra,8.2\nams-r1,fra,8\n")
    places.write_text("city,lat,lon\nHaarlem,52.38,4.64\n")
    ran = quickstart("latency", "load", file, "--places", places)
    assert "placed by coordinates: Haarlem is ams (18 km)" in ran.lines
    ran = quickstart("latency", "load", file, "--places", places, "--within", "5", "--source", "narrow")
    assert any("Haarlem: no location is within 5 km: the nearest, ams, is 18 km away" in line for line in ran.lines)


@pytest.mark.parametrize("place", ["ftp://maps.example.net/wan.csv", "http:///wan.csv"])
def test_place_that_is_not_read_is_refused(quickstart: Nearboot, place: str) -> None:
    """With what would be."""
    assert "[NAME=]URL" in quickstart("latency", "load", place, code=1).err


def test_server_that_does_not_answer_is_named(quickstart: Nearboot) -> None:
    """Without the password."""
    ran = quickstart("latency", "load", "http://ada:secret@127.0.0.1:1/wan.csv", code=1)
    assert "http://ada:***@127.0.0.1:1/wan.csv: " in ran.err
    assert "secret" not in ran.err
