"""Sources are polled: what is new is loaded, what fails is told, the last good map stays."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from origin_server import OriginServer

from nearboot.app import latency
from nearboot.app.latency_poll import Outcome, poll_once
from nearboot.app.latency_source import Marks, Source
from nearboot.config import Config
from nearboot.errors import DatabaseError
from nearboot.model import MapState

EDGES = "src,dst,rtt_ms\nhere,there,7\nthere,here,7\n"


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


@pytest.fixture
def server() -> Iterator[OriginServer]:
    running = OriginServer("maps")
    running.headers["Last-Modified"] = format_datetime(datetime.now(UTC), usegmt=True)
    yield running
    running.kill()


def _poll(config: Config, marks: Marks, *places: str) -> list[Outcome]:
    sources = [Source(place) for place in places]
    return poll_once(config, sources, latency.Reading(), marks, actor="ada", clock=lambda: datetime.now(UTC))


def _maps(config: Config) -> dict[str, int]:
    return {each.map.source: each.map.epoch for each in latency.current_maps(config, datetime.now(UTC))}


def test_each_new_map_is_loaded_once(fleet: Config, tmp_path: Path, server: OriginServer) -> None:
    """From a folder and a URL, with a line of the log each."""
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "lan.csv").write_text(EDGES)
    server.files["wan.csv"] = EDGES.encode()
    marks = Marks()
    outcomes = _poll(fleet, marks, str(folder), f"{server.url}/wan.csv")
    assert [each.loaded.state for each in outcomes if each.loaded] == [MapState.ACCEPTED] * 2
    assert _poll(fleet, marks, str(folder), f"{server.url}/wan.csv") == []
    server.files["wan.csv"] = EDGES.replace("7", "8").encode()
    assert len(_poll(fleet, marks, str(folder), f"{server.url}/wan.csv")) == 1
    assert _maps(fleet) == {"pairs": 1, "lan": 1, "wan": 2}


def test_fault_of_one_source_does_not_keep_the_others(
    fleet: Config, tmp_path: Path, server: OriginServer, caplog: pytest.LogCaptureFixture
) -> None:
    """One line each; what is refused is not read again before it changes, what did not answer is."""
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "a.csv").write_text("src,dst,rtt\nhere,there,7\n")
    (folder / "b.csv").write_text(EDGES)
    marks = Marks()
    places = (f"{server.url}/missing.csv", str(tmp_path / "nowhere"), str(folder))
    with caplog.at_level(logging.INFO, "nearboot.app.latency_poll"):
        _poll(fleet, marks, *places)
        _poll(fleet, marks, *places)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "latency source failed",
        "latency source failed",
        "latency map refused",
        "latency map accepted",
        "latency source failed",
        "latency source failed",
    ]
    assert "--unit ms (s, us)" in caplog.records[2].getMessage()
    assert all("\n" not in record.getMessage() for record in caplog.records)
    assert "b" in _maps(fleet)


def test_map_that_would_be_lost_is_tried_again(fleet: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away is no fault of the map's."""
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "lan.csv").write_text(EDGES)
    marks = Marks()

    def away(*_words: Any, **_named: Any) -> latency.Loaded:
        raise DatabaseError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(latency, "ingest", away)
        (outcome,) = _poll(fleet, marks, str(tmp_path / "maps"))
    assert outcome.problem == "the database is away"
    assert _poll(fleet, marks, str(tmp_path / "maps"))[0].loaded


def test_daemon_loads_what_comes_and_ends_in_order(
    daemon: Callable[..., Any], quickstart: Callable[..., Any], tmp_path: Path
) -> None:
    """The ready line says what is polled; a map that comes later is loaded; SIGTERM ends it."""
    folder = tmp_path / "maps"
    folder.mkdir()
    running = daemon("latency", "--every", "0.1", folder)
    assert "latency maps of 1 source every 0.1 s" in running.ready
    partial = folder / "wan.csv.tmp"
    partial.write_text("src,dst,rtt_ms\nams,fra,8.2\nfra,ams,8.3\n")
    partial.rename(folder / "wan.csv")
    while "latency map" not in running.log.read_text():
        assert running.process.poll() is None
    assert "latency map accepted: source=wan epoch=1 samples=2 " in running.log.read_text()
    assert "wan" in quickstart("latency", "list").out
    assert running.end() == 0
