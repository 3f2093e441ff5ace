"""A latency file is read, placed, guarded and stored as a whole, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from nearboot.app import latency
from nearboot.app.database import reading, writing
from nearboot.config import Config
from nearboot.errors import InputError, NotFoundError
from nearboot.inventory import boot_store, latency_store
from nearboot.model import LatencyMap


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def _load(config: Config, file: Path, now: datetime, *, unit: str | None = None) -> latency.Loaded:
    return latency.load(config, str(file), latency.Reading(unit=unit), dry_run=False, actor="ada", now=now)


def _maps(config: Config, now: datetime) -> list[LatencyMap]:
    return [guarded.map for guarded in latency.current_maps(config, now)]


def test_the_newest_map_of_each_source_is_in_use(fleet: Config, now: datetime, tmp_path: Path) -> None:
    """The file's name is its source where none is given."""
    file = tmp_path / "more.csv"
    file.write_text("src,dst,rtt\nhere,there,7\n")
    assert [_load(fleet, file, now, unit="ms").epoch for _ in range(2)] == [1, 2]
    maps = {m.source: (m.epoch, [s.rtt_ms for s in m.samples]) for m in _maps(fleet, now)}
    assert maps == {"more": (2, [7.0]), "pairs": (1, [9.0, 9.0])}


def test_old_maps_are_deleted_when_one_is_loaded(fleet: Config, now: datetime, tmp_path: Path) -> None:
    """As many of each source as the settings say stay; epochs go on counting."""
    config = replace(fleet, routing=replace(fleet.routing, keep_maps=2))
    file = tmp_path / "more.csv"
    file.write_text("src,dst,rtt\nhere,there,7\n")
    assert [_load(config, file, now, unit="ms").epoch for _ in range(4)] == [1, 2, 3, 4]
    with writing(config) as session:
        assert latency_store.drop_old(session, keep=1) == 1, "two of the one source, one of the other"


def test_a_file_that_is_not_text_is_refused(fleet: Config, now: datetime, tmp_path: Path) -> None:
    """As is one without a unit: nothing is stored."""
    binary, unitless = tmp_path / "b.csv", tmp_path / "u.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    unitless.write_text("src,dst,rtt\nhere,there,7\n")
    for file in (binary, unitless, tmp_path / "missing.csv"):
        with pytest.raises(InputError):
            _load(fleet, file, now)
    assert [m.source for m in _maps(fleet, now)] == ["pairs"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("src,dst,rtt_ms\nrome,oslo,7\n", "names of no location: oslo, rome", id="strangers"),
        pytest.param("src,dst,rtt_ms\n", "expected", id="no rows"),
    ],
)
def test_a_map_without_a_usable_row_does_not_replace_the_last(
    fleet: Config, now: datetime, tmp_path: Path, text: str, message: str
) -> None:
    """A publisher that has lost its names must not leave the routes without measurements."""
    file = tmp_path / "pairs.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        _load(fleet, file, now)
    assert [len(m.samples) for m in _maps(fleet, now)] == [2]


def test_a_source_is_removed_in_all_its_epochs(fleet: Config, now: datetime, tmp_path: Path) -> None:
    """It is written down; the pairs of the other source are in use again."""
    file = tmp_path / "more.csv"
    file.write_text("src,dst,rtt\nhere,there,7\n")
    for _ in range(2):
        _load(fleet, file, now, unit="ms")
    rtts = [(item.source, item.sample.rtt_ms) for item in latency.measured(fleet, now)]
    assert rtts == [("more", 7.0), ("pairs", 9.0)], "of two that are as new, the quicker one"
    gone = latency.remove(fleet, "more", actor="ada", now=now)
    assert (gone.epochs, gone.moved) == (2, ())
    assert [m.source for m in _maps(fleet, now)] == ["pairs"]
    with reading(fleet) as session:
        entry = boot_store.audit(session)[0]
    assert (entry.action, entry.subject, entry.detail) == ("latency.remove", "more", "2 epochs removed")
    with pytest.raises(NotFoundError, match="did you mean pairs"):
        latency.remove(fleet, "pair", actor="ada", now=now)
