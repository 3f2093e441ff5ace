"""A map on its way through all guards: refused ones change nothing, doubtful ones wait, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from nearboot.app import inventory, latency
from nearboot.app.database import reading
from nearboot.app.latency import Loaded, Reading
from nearboot.app.latency_document import Document
from nearboot.config import Config
from nearboot.errors import InputError
from nearboot.inventory import boot_store, latency_store
from nearboot.model import MapState

SITES = "abcdef"
TABLES = ("latency_maps", "latency_samples", "latency_quarantine", "audit_log", "routes", "events", "locations")


def _fleet(moving: int) -> str:
    """Six sites in a row, a boot server at both ends, and racks without one whose nearest end a map decides."""
    places = [f"- {{slug: {s}, kind: site, latitude: 0, longitude: {n * 5}}}" for n, s in enumerate(SITES)]
    racks = [f"- {{slug: p{n}, kind: site}}" for n in range(moving)]
    nets = [
        f"- {{prefix: 10.1.{n}.0/24, location: {s}}}" for n, s in enumerate([*SITES, *(f"p{n}" for n in range(moving))])
    ]
    boots = [
        f"- {{name: {s}-boot, location: {s}, ipv4: 10.9.0.{n + 1}, http_url: 'http://10.9.0.{n + 1}:8080'}}"
        for n, s in ((0, "a"), (1, "f"))
    ]
    return "\n".join(["locations:", *places, *racks, "subnets:", *nets, "boot_servers:", *boots]) + "\n"


def _rows(now: datetime, factor: float = 1.0, *, to_f: int = 0, moving: int = 14) -> list[str]:
    """All pairs at 2.1 ms for each 100 km; the racks are near a, the first ``to_f`` of them near f."""
    at = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    pairs = [(a, b, abs(ord(a) - ord(b)) * 11.7) for a in SITES for b in SITES if a != b]
    near = [(f"p{n}", end, 40.0 if (end == "a") == (n < to_f) else 9.0) for n in range(moving) for end in "af"]
    return [f"{src},{dst},{rtt * factor:.4f},{at}" for src, dst, rtt in pairs + near]


def _document(rows: list[str], file: str = "wan.csv") -> Document:
    return Document(file, ("\n".join(["src,dst,rtt_ms,timestamp", *rows]) + "\n").encode())


def _ingest(config: Config, document: Document, now: datetime, *, dry_run: bool = False) -> Loaded:
    return latency.ingest(config, document, Reading(), dry_run=dry_run, actor="ada", now=now)


def _counts(config: Config) -> dict[str, object]:
    """How many rows each table has, and what became of the maps."""
    with reading(config) as session:
        found: dict[str, object] = {table: session.scalar(text(f"SELECT count(*) FROM {table}")) for table in TABLES}
        return found | {"history": latency_store.history(session)}


@pytest.fixture
def wan(config: Config, now: datetime, tmp_path: Path) -> Config:
    """The fleet with a good map in use."""
    (tmp_path / "wan.yaml").write_text(_fleet(14))
    inventory.load(config, [str(tmp_path / "wan.yaml")], prune=False, dry_run=False, actor="ada", now=now)
    assert _ingest(config, _document(_rows(now)), now).state is MapState.ACCEPTED
    return config


def _changed(rows: list[str], value: str, *, every: int = 1) -> list[str]:
    """Another round trip in each so-many-th row."""
    cells = [row.split(",") for row in rows]
    return [
        ",".join([src, dst, value.format(rtt), at] if n % every == 0 else [src, dst, rtt, at])
        for n, (src, dst, rtt, at) in enumerate(cells)
    ]


def _bad(kind: str, now: datetime) -> Document:
    good = _rows(now)
    whole = _document(good).content
    return {
        "seconds": _document(_rows(now, 1e-3)),
        "microseconds": _document(_rows(now, 1e3)),
        "half": _document(_rows(now, 0.5)),
        "NaN": _document(_changed(good, "NaN")),
        "-1": _document(_changed(good, "-1")),
        "units": _document(_changed(good, "{} ms")),
        "mostly NaN": _document([*_changed(good[:40], "NaN"), *good[40:]]),
        "stale": _document(_rows(now - timedelta(days=2))),
        "older": _document(_rows(now - timedelta(hours=1))),
        "future": _document(_rows(now + timedelta(hours=1))),
        "truncated": Document("wan.csv", whole[: len(whole) - 30]),
        "not text": Document("wan.csv", b"\xff\xfe" + whole),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        pytest.param("seconds", r"30 of 30 samples between places with coordinates are faster than light", id="s"),
        pytest.param("microseconds", r"\d+ of 58 rows cannot be used, .*: is the unit right\?", id="us"),
        pytest.param("half", r"58 pairs have 0.5 times .* of the last map \(epoch 1\).*half round", id="half"),
        pytest.param("NaN", "rtt NaN is not finite", id="nan"),
        pytest.param("-1", r"rtt -1 ms is not above 0", id="minus-one"),
        pytest.param("units", "'11.7000 ms' carries its unit in the cell", id="units"),
        pytest.param("mostly NaN", "40 of 58 rows cannot be used, 40 of them as this one: line 2: rtt NaN", id="most"),
        pytest.param("stale", "stale: found the newest .* is of 2025-12-31 03:04:05 UTC, 2 days ago", id="stale"),
        pytest.param("older", r"before that of the map in use \(epoch 1, 2026-01-02 03:04:05 UTC\)", id="older"),
        pytest.param("future", "is in the future", id="future"),
        pytest.param("truncated", "truncated: found the file ends within line 59", id="truncated"),
        pytest.param("not text", "byte 0 is not UTF-8", id="binary"),
    ],
)  # fmt: skip
def test_a_map_that_cannot_be_true_changes_nothing_and_says_why(
    wan: Config, now: datetime, kind: str, message: str
) -> None:
    """Not a row of any table; the last good map stays in use."""
    before = _counts(wan)
    with pytest.raises(InputError, match=message):
        _ingest(wan, _bad(kind, now), now)
    assert _counts(wan) == before


@pytest.mark.parametrize(
    ("to_f", "state"),
    [pytest.param(2, MapState.ACCEPTED, id="two of twenty"), pytest.param(3, MapState.HELD, id="three of twenty")],
)
def test_more_than_a_tenth_of_the_locations_moving_holds_a_map(
    wan: Config, now: datetime, to_f: int, state: MapState
) -> None:
    """The alarm has the numbers, the list of moves has all of them, and the audit log has the alarm."""
    loaded = _ingest(wan, _document(_rows(now, to_f=to_f)), now)
    assert (loaded.state, loaded.epoch) == (state, 2)
    moved = [(move.location, move.before, move.after) for move in loaded.moves if move.family == 4]
    assert moved == [(f"p{n}", "a-boot", "f-boot") for n in range(to_f)]
    with reading(wan) as session:
        entry = boot_store.audit(session)[0]
        assert [each.in_use for each in latency_store.history(session)] == [not loaded.held, bool(loaded.held)]
    assert entry.action == ("latency.hold" if loaded.held else "latency.load")
    if loaded.held:
        assert "3 of 20 locations would get another boot server, 15.0%; more than 10% is held" in entry.detail
        costs = [(move.before_ms, move.after_ms) for move in loaded.moves if move.family == 4]
        assert costs == [(9.0, 9.0)] * 3


def test_the_share_is_a_setting(wan: Config, now: datetime) -> None:
    lenient = replace(wan, latency=replace(wan.latency, hold_moves=0.15))
    assert _ingest(lenient, _document(_rows(now, to_f=3)), now).state is MapState.ACCEPTED


def test_a_dry_run_tells_the_moves_and_stores_nothing(wan: Config, now: datetime) -> None:
    before = _counts(wan)
    loaded = _ingest(wan, _document(_rows(now, to_f=3)), now, dry_run=True)
    assert (loaded.epoch, loaded.state, len(loaded.held)) == (0, MapState.HELD, 1)
    assert _counts(wan) == before


def test_a_map_that_lost_a_third_of_its_pairs_is_held(wan: Config, now: datetime) -> None:
    """As a file is that was cut at the end of a line."""
    loaded = _ingest(wan, _document(_rows(now)[:38]), now)
    assert loaded.held[0].code == "coverage-drop"
    assert loaded.held[0].data["missing"] == 20


def test_what_has_no_location_is_kept_in_quarantine(wan: Config, now: datetime) -> None:
    """And the rest is in use."""
    loaded = _ingest(wan, _document([*_rows(now), "atlantis,a,3,", "a,b,fast,"]), now)
    assert loaded.state is MapState.ACCEPTED
    with reading(wan) as session:
        stored = latency_store.quarantine(session, [("wan", 2)])
    assert [(row.line, row.text) for _, _, row in stored] == [(61, "a,b,fast,"), (60, "atlantis")]


def test_one_reporter_that_all_others_deny_is_left_out_of_the_map(wan: Config, now: datetime) -> None:
    """Its rows are named, the reports of the others of the same paths are in use."""
    rows = [
        ",".join([s, d, str(float(rtt) * (0.5 if s == "c" else 1)), at])
        for s, d, rtt, at in (row.split(",") for row in _rows(now))
    ]
    loaded = _ingest(wan, _document(rows), now)
    assert loaded.state is MapState.ACCEPTED
    assert "outlier-reporter" in {finding.code for finding in loaded.findings}
    assert {row.text[0] for row in loaded.quarantined} == {"c"}
    assert len(loaded.quarantined) == 5


def test_a_map_that_is_held_does_not_count_as_the_last_one(wan: Config, now: datetime) -> None:
    """The next is compared with the one in use; if it is accepted, the one that waited waits no more."""
    _ingest(wan, _document(_rows(now, to_f=9)), now)
    assert _ingest(wan, _document(_rows(now)), now).state is MapState.ACCEPTED
    with reading(wan) as session:
        states = [each.state for each in latency_store.history(session)]
    assert states == [MapState.ACCEPTED, MapState.SUPERSEDED, MapState.ACCEPTED]


def test_a_reporter_with_a_map_of_its_own_is_denied_by_the_maps_of_others(wan: Config, now: datetime) -> None:
    """As pingers publish: one place a source. Half round trips of one place are found on its first map."""
    rows = [f"c,{s},{abs(ord(s) - ord('c')) * 11.7 / 2},{now:%Y-%m-%dT%H:%M:%SZ}" for s in "abdef"]
    with pytest.raises(
        InputError, match=r"no row that can be used; the first: c → a: c reports 0.5 times what the others"
    ):
        _ingest(wan, _document(rows, "c.csv"), now)
