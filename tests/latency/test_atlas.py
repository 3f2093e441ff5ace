"""Results of RIPE Atlas pings."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nearboot.latency.formats import ParsedMap, parse
from nearboot.latency.rows import RawRow

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RESULT: dict[str, Any] = {
    "fw": 5080, "mver": "2.6.2", "lts": 11, "dst_name": "boot.fra.example.net", "af": 4, "dst_addr": "192.0.2.1",
    "src_addr": "198.51.100.9", "proto": "ICMP", "ttl": 55, "size": 48, "dup": 0, "rcvd": 3, "sent": 4, "min": 8.1,
    "max": 8.4, "avg": 8.2666, "msm_id": 41688561, "prb_id": 6042, "timestamp": 1795345200, "msm_name": "Ping",
    "from": "198.51.100.9", "type": "ping", "step": None,
    "result": [{"rtt": 8.1}, {"rtt": 8.4}, {"rtt": 8.3}, {"x": "*"}, {"rtt": 99.0, "dup": 1}],
}  # fmt: skip
OLD = {
    "addr": "178.63.78.16", "avg": 20.126, "dup": 0, "from": "62.194.83.50", "fw": 1, "max": 20.3, "min": 19.938,
    "msm_id": 1000047, "name": "atlas.ripe.net", "prb_id": 165, "rcvd": 3, "sent": 3, "size": 56,
    "timestamp": 1795345200,
}  # fmt: skip


def _parse(*results: dict[str, Any], **options: object) -> ParsedMap:
    return parse("atlas.json", json.dumps(results), source=None, now=NOW, **options)  # type: ignore[arg-type]  # keywords


def test_result_of_a_new_probe_is_read() -> None:
    """The median of the packets, without duplicates; the source is named after the probe."""
    parsed = _parse(RESULT)
    assert (parsed.format, parsed.quarantined) == ("atlas", ())
    at = NOW - timedelta(hours=1)
    (row,) = parsed.rows
    assert row.jitter_ms == pytest.approx(0.1)
    assert row == RawRow("atlas-6042", "boot.fra.example.net", 8.3, 8.1, 0.25, 4, at, 1, row.jitter_ms, 4)


def test_result_of_the_first_firmware_is_read() -> None:
    """Other names, and no packets: the mean."""
    (row,) = _parse(OLD).rows
    assert (row.src, row.dst, row.rtt_ms, row.min_ms, row.family) == ("atlas-165", "atlas.ripe.net", 20.126, 19.938, 4)


def test_one_result_a_line_is_read() -> None:
    """As the streaming API gives them."""
    text = json.dumps(RESULT) + "\n" + json.dumps(OLD) + "\n"
    assert len(parse("atlas", text, source=None, now=NOW).rows) == 2


def test_no_reply_is_a_loss() -> None:
    """-1 in avg, min and max."""
    silent = {**RESULT, "rcvd": 0, "avg": -1, "min": -1, "max": -1, "result": [{"x": "*"}] * 4}
    (row,) = _parse(silent).rows
    assert (row.rtt_ms, row.loss, row.count) == (None, 1.0, 4)


def test_the_ends_may_be_named_otherwise() -> None:
    """The probe's own address, the target's address."""
    (row,) = _parse(RESULT, columns={"src": "from", "dst": "dst_addr"}).rows
    assert (row.src, row.dst) == ("198.51.100.9", "192.0.2.1")


def test_unsure_clocks_are_noted() -> None:
    """-1: the probe does not know; a round trip needs no clock in step."""
    parsed = _parse({**RESULT, "lts": -1}, {**RESULT, "prb_id": 7, "lts": 4000}, {**RESULT, "prb_id": 8})
    assert parsed.notes == ("2 results of probes that are not sure of their clock",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"type": "traceroute"}, "a result of a traceroute", id="another-type"),
        pytest.param(
            {"rcvd": 0, "result": [{"error": "Network is unreachable"}]}, "Network is unreachable", id="error"
        ),
        pytest.param({"sent": 0, "rcvd": 0}, "0 replies to 0 packets", id="nothing-sent"),
        pytest.param({"rcvd": 9}, "9 replies to 4 packets", id="more-than-sent"),
        pytest.param({"dnserr": "non-recoverable failure"}, "could not resolve", id="dns"),
        pytest.param({"result": [{"rtt": "12ms"}]}, "carries its unit", id="unit-in-value"),
        pytest.param({"result": [{"rtt": 0}]}, "not above 0", id="zero"),
        pytest.param({"result": [{"rtt": 3.59e6}]}, "is the unit right?", id="an-hour"),
        pytest.param({"timestamp": 1795400000}, "in the future", id="future"),
        pytest.param({"timestamp": None}, "neither ISO 8601", id="no-time"),
        pytest.param({"af": 5}, "neither 4 nor 6", id="family"),
        pytest.param({"prb_id": "x"}, "not a number", id="probe"),
    ],
)
def test_result_that_says_nothing_is_listed(change: dict[str, Any], reason: str) -> None:
    """By its place in the list; the others stand."""
    parsed = _parse(RESULT, {**RESULT, "prb_id": 7, **change})
    assert [row.src for row in parsed.rows] == ["atlas-6042"]
    (refused,) = parsed.quarantined
    assert refused.text.startswith("[1] ")
    assert reason in refused.reason
