"""A file of each format, made from real measurements between five sites, is loaded; what a bad file gets told."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nearboot.latency import formats

Nearboot = Callable[..., Any]

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "latency"
SITES = {
    "eqiad": ("Washington", 38.91, -77.04),
    "codfw": ("Dallas", 32.78, -96.80),
    "esams": ("Amsterdam", 52.37, 4.90),
    "ulsfo": ("San Francisco", 37.77, -122.42),
    "eqsin": ("Singapore", 1.35, 103.82),
}
NUMBER = {slug: index for index, slug in enumerate(SITES, start=1)}
SLUG = {city: slug for slug, (city, _, _) in SITES.items()}
FROM = "esams"


class Pair(NamedTuple):
    """A measured pair of the data."""

    src: str
    dst: str
    rtt_ms: float
    min_ms: float
    mdev_ms: float


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    if not DATA.is_dir():
        pytest.skip(f"the real latency data is not at {DATA}")
    with (DATA / "wondernetwork_2018-11_pairs.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if {row["src"], row["dst"]} <= set(SLUG)]
    return [
        Pair(SLUG[row["src"]], SLUG[row["dst"]], float(row["avg_ms"]), float(row["min_ms"]), float(row["mdev_ms"]))
        for row in rows
        if row["src"] != row["dst"]
    ]


@pytest.fixture
def five(nearboot: Nearboot, tmp_path: Path) -> Nearboot:
    """Five sites, each with a boot server, and named by city and by probe too."""
    lines = ["locations:"]
    for slug, (city, latitude, longitude) in SITES.items():
        aliases = f'[{city}, "atlas-{NUMBER[slug]}"]'
        lines.append(
            f"- {{slug: {slug}, kind: site, latitude: {latitude}, longitude: {longitude}, aliases: {aliases}}}"
        )
    lines.append("boot_servers:")
    lines += [f"- {{name: {slug}-boot, location: {slug}, ipv4: {_address(slug)}}}" for slug in SITES]
    file = tmp_path / "sites.yaml"
    file.write_text("\n".join(lines) + "\n")
    nearboot("inventory", "load", file)
    return nearboot


def _address(slug: str) -> str:
    return f"10.{NUMBER[slug]}.0.1"


def _edges(pairs: list[Pair], _at: int) -> str:
    rows = [f"{SITES[p.src][0]},{p.dst},{p.rtt_ms / 1000},{p.min_ms / 1000:.6f}\n" for p in pairs]
    return "source,destination,rtt_s,min_s\n" + "".join(rows)


def _ndjson(pairs: list[Pair], at: int) -> str:
    rows = [{"src": p.src, "dst": p.dst, "rtt": p.rtt_ms, "unit": "ms", "jitter": p.mdev_ms, "ts": at} for p in pairs]
    return "".join(json.dumps(row) + "\n" for row in rows)


def _matrix(pairs: list[Pair], _at: int) -> str:
    rtt = {(p.src, p.dst): p.rtt_ms for p in pairs}
    rows = ["\t".join([src, *(str(rtt.get((src, dst), "")) for dst in SITES)]) for src in SITES]
    return "\n".join(["# unit: ms", "\t".join(["", *SITES]), *rows, ""])


def _atlas(pairs: list[Pair], at: int) -> str:
    return json.dumps(
        [
            {"fw": 5080, "type": "ping", "msm_id": 1, "prb_id": NUMBER[p.src], "dst_name": _address(p.dst), "af": 4,
             "sent": 3, "rcvd": 3, "min": p.min_ms, "avg": p.rtt_ms, "max": p.rtt_ms, "timestamp": at, "lts": 5,
             "result": [{"rtt": p.min_ms}, {"rtt": p.rtt_ms}, {"rtt": p.rtt_ms}]}
            for p in pairs
        ]
    )  # fmt: skip


def _blackbox(pairs: list[Pair], at: int) -> str:
    result = []
    for p in pairs:
        labels = {"instance": f"{_address(p.dst)}:69", "vantage": p.src}
        rtt = {"__name__": "probe_icmp_duration_seconds", "phase": "rtt", **labels}
        result.append({"metric": rtt, "value": [at, str(p.rtt_ms / 1000)]})
        result.append({"metric": {"__name__": "probe_success", **labels}, "value": [at, "1"]})
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


def _cloudprober(pairs: list[Pair], at: int) -> str:
    result = [
        {
            "metric": {"__name__": name, "probe": "wan", "dst": p.dst, "instance": f"{p.src}:9313"},
            "values": [[at - 60, "7"], [at, str(7 + grown)]],
        }
        for p in pairs
        for name, grown in (("latency", p.rtt_ms * 1000 * 30), ("success", 30), ("total", 30))
    ]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def _fping(pairs: list[Pair], _at: int) -> str:
    rows = [f"{_address(p.dst)} : {p.rtt_ms} {p.min_ms} {p.rtt_ms}\n" for p in pairs]
    return f"# from: {FROM}\n" + "".join(rows)


def _fping_json(pairs: list[Pair], _at: int) -> str:
    rows = [{"vSum": {"host": _address(p.dst), "values": [p.rtt_ms, p.min_ms, p.rtt_ms]}} for p in pairs]
    return f"# from: {FROM}\n" + "".join(json.dumps(row) + "\n" for row in rows)


def _udppinger(pairs: list[Pair], _at: int) -> str:
    return f"# from: {FROM}\n" + "".join(f"{_address(p.dst)},{p.rtt_ms},0\n" for p in pairs)


def _netnorad(pairs: list[Pair], at: int) -> str:
    return "".join(
        f"uping,host_pong={_address(p.dst)},host_ping={_address(p.src)},region_pong=r rrt50={p.rtt_ms},loss_ratio=0.0 "
        f"{at}000000000\n"
        for p in pairs
    )


WRITERS = [
    pytest.param("edges", _edges, "", id="edges-in-seconds"),
    pytest.param("edges-json", _ndjson, "", id="ndjson"),
    pytest.param("matrix", _matrix, "", id="matrix-tsv"),
    pytest.param("atlas", _atlas, "", id="atlas"),
    pytest.param("prometheus", _blackbox, "", id="blackbox"),
    pytest.param("prometheus", _cloudprober, "", id="cloudprober"),
    pytest.param("fping", _fping, FROM, id="fping"),
    pytest.param("fping-json", _fping_json, FROM, id="fping-json"),
    pytest.param("udppinger", _udppinger, FROM, id="udppinger"),
    pytest.param("netnorad", _netnorad, "", id="netnorad"),
]


@pytest.mark.parametrize(("name", "write", "src"), WRITERS)
def test_file_of_each_format_gives_the_same_map(
    five: Nearboot, *, tmp_path: Path, pairs: list[Pair], name: str, write: Callable[[list[Pair], int], str], src: str
) -> None:
    """Detected, its names placed, its unit known: the round trips in use are those that were measured."""
    wanted = [pair for pair in pairs if src in ("", pair.src)]
    file = tmp_path / "map.txt"
    file.write_text(write(wanted, int(datetime.now(UTC).timestamp())))
    ran = five("latency", "load", file)
    assert ran.lines[0].startswith(f"map: {len(wanted)} samples between 5 locations ({name})")
    assert not [line for line in ran.lines if line.startswith("not used")]
    shown = json.loads(five("latency", "show", "-o", "json").out)
    found = {(row["src"], row["dst"]): row["rtt_ms"] for row in shown}
    assert found == {(pair.src, pair.dst): pytest.approx(pair.rtt_ms, abs=1e-3) for pair in wanted}


def test_every_format_is_in_that_test() -> None:
    """A new one has to be written, too."""
    assert {str(param.values[0]) for param in WRITERS} == set(formats.NAMES)


def test_number_that_is_cut_off_is_not_used(five: Nearboot, tmp_path: Path, pairs: list[Pair]) -> None:
    """22 for 220: where the end of the line is missing in a file that a program wrote, its last number may be half."""
    file = tmp_path / "map.csv"
    text = _scaled(pairs * 15, 1)
    file.write_text(text[:-9])
    ran = five("latency", "load", file)
    (note,) = (line for line in ran.lines if "no end of line" in line)
    assert note.startswith(f"the last line ({len(pairs) * 15 + 1}) has no end of line: it may be cut off")
    assert ran.lines[0].startswith("map: 20 samples")


def _scaled(pairs: list[Pair], factor: float) -> str:
    return "src,dst,rtt_ms\n" + "".join(f"{p.src},{p.dst},{p.rtt_ms * factor:.6f}\n" for p in pairs)


def _changed(pairs: list[Pair], value: str) -> str:
    """The first pair has another value."""
    lines = _scaled(pairs, 1).splitlines()
    lines[1] = ",".join([*lines[1].split(",")[:2], value])
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("write", "message"),
    [
        pytest.param(lambda pairs: _scaled(pairs, 0.001), "is the unit right?", id="seconds-said-to-be-ms"),
        pytest.param(lambda pairs: _scaled(pairs, 0.5), "half", id="half-round-trips"),
        pytest.param(lambda pairs: _scaled(pairs, 1).replace("rtt_ms", "rtt"), "--unit ms (s, us)", id="no-unit"),
        pytest.param(lambda pairs: _scaled(pairs, 1).replace("rtt_ms", "owd_ms"), "not a round trip", id="one-way"),
        pytest.param(lambda pairs: _scaled(pairs, 1)[:-14], "the file ends within line 21", id="truncated-table"),
        pytest.param(lambda pairs: _atlas(pairs, 1795345200)[:-40], "it looks cut off", id="truncated-json"),
        pytest.param(lambda pairs: _atlas(pairs, 1541851200), "old", id="stale"),
    ],
)
def test_map_that_cannot_be_true_is_refused(
    five: Nearboot, tmp_path: Path, pairs: list[Pair], write: Callable[[list[Pair]], str], message: str
) -> None:
    """After a good one, which stays in use; the message says why."""
    file = tmp_path / "map.txt"
    file.write_text(_scaled(pairs, 1))
    five("latency", "load", file)
    file.write_text(write(pairs))
    ran = five("latency", "load", file, code=1)
    assert message in ran.err
    assert [row["epoch"] for row in json.loads(five("latency", "list", "-o", "json").out)] == [1]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("NaN", "rtt NaN is not finite"),
        ("-1", "rtt -1 ms is not above 0 (-1 marks no reply in some tools)"),
        ("0", "rtt 0 ms is not above 0"),
        ("12ms", "rtt '12ms' carries its unit in the cell; state the unit once and give plain numbers"),
        ("12 ms", "rtt '12 ms' carries its unit in the cell; state the unit once and give plain numbers"),
        ("3590000", "rtt 3.59e+06 ms is above 10 s: is the unit right?"),
        ("", "rtt is empty"),
    ],
)
def test_value_that_is_none_is_listed(
    five: Nearboot, tmp_path: Path, pairs: list[Pair], value: str, reason: str
) -> None:
    """With file and line; the other pairs stand."""
    file = tmp_path / "map.csv"
    file.write_text(_changed(pairs, value))
    ran = five("latency", "load", file)
    assert f"map: {len(pairs) - 1} samples" in ran.lines[0]
    (line,) = (line for line in ran.lines if line.startswith("not used: "))
    assert line.startswith(f"not used: {file}:2: ")
    assert line.endswith(f": {reason}")
