"""Answers of Prometheus: which series make a pair, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from nearboot.errors import InputError
from nearboot.latency.formats import ParsedMap, parse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT = 1795345200.781
ICMP = {"__name__": "probe_icmp_duration_seconds", "phase": "rtt", "instance": "fra", "job": "ping", "vantage": "ams"}
SUCCESS = {"__name__": "probe_success", "instance": "fra", "job": "ping", "vantage": "ams"}


def vector(*series: tuple[dict[str, str], str]) -> dict[str, Any]:
    """An answer of /api/v1/query."""
    result = [{"metric": labels, "value": [AT, value]} for labels, value in series]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def ranges(*series: tuple[dict[str, str], list[str]]) -> dict[str, Any]:
    """An answer of /api/v1/query_range, a step of 15 s."""
    result = [
        {"metric": labels, "values": [[AT + 15 * index, value] for index, value in enumerate(values)]}
        for labels, values in series
    ]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def read(answer: dict[str, Any], **options: object) -> ParsedMap:
    """As the file of an answer."""
    return parse("prom.json", json.dumps(answer), source=None, now=NOW, **options)  # type: ignore[arg-type]  # keywords


def test_blackbox_pair_is_read() -> None:
    """The phase that is a round trip, in seconds, of a probe that succeeded."""
    answer = vector((ICMP, "0.00824"), ({**ICMP, "phase": "setup"}, "0.0001"), (SUCCESS, "1"))
    parsed = read(answer)
    assert (parsed.format, parsed.quarantined) == ("prometheus", ())
    (row,) = parsed.rows
    assert (row.src, row.dst, row.rtt_ms, row.loss, row.count) == ("ams", "fra", 8.24, 0.0, 1)
    assert row.measured_at == datetime.fromtimestamp(AT, UTC)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("https://boot.fra.example.net:8443/health", "boot.fra.example.net"),
        ("10.0.0.1:22", "10.0.0.1"),
        ("[2001:db8::1]:22", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("http://[2001:db8::1]/", "2001:db8::1"),
        ("fra", "fra"),
    ],
)
def test_target_is_its_host(target: str, expected: str) -> None:
    """A blackbox target may be a URL, or have a port."""
    answer = vector(({**ICMP, "instance": target}, "0.008"), ({**SUCCESS, "instance": target}, "1"))
    assert read(answer).rows[0].dst == expected


def test_ends_come_from_labels_or_from_the_user() -> None:
    """--column names a label; --from says what no label does."""
    labels = {"__name__": "my_rtt_ms", "site": "ams", "peer": "fra"}
    row = read(vector((labels, "8")), columns={"src": "site", "dst": "peer"}).rows[0]
    assert (row.src, row.dst, row.rtt_ms) == ("ams", "fra", 8.0)
    row = read(vector(({"__name__": "my_rtt_ms", "dst": "fra"}, "8")), src="ams").rows[0]
    assert (row.src, row.dst) == ("ams", "fra")


def test_cloudprober_is_at_its_instance() -> None:
    """Without another label, its own address as it is scraped, without the port."""
    labels = {"ptype": "ping", "probe": "wan", "dst": "fra", "instance": "ams.example.net:9313"}
    sums = [({"__name__": f"cloudprober_{name}", **labels}, ["0", top]) for name, top in
            (("latency", "82400"), ("success", "10"), ("total", "10"))]  # fmt: skip
    parsed = read(ranges(*sums))
    assert (parsed.rows[0].src, parsed.rows[0].rtt_ms) == ("ams.example.net", 8.24)
    assert "taken as µs" in parsed.notes[0]


@pytest.mark.parametrize(
    ("series", "reason"),
    [
        pytest.param(({**ICMP, "instance": "ber"}, "0.008"), "without probe_success", id="no-success"),
        pytest.param(({"__name__": "x_ms", "dst": "ber"}, "8"), "--column src=LABEL, or say --from", id="no-source"),
        pytest.param(({"__name__": "x_ms", "src": "ber"}, "8"), "--column dst=LABEL", id="no-target"),
        pytest.param(({"__name__": "x_ms", "src": "a", "dst": "b"}, "NaN"), "not finite", id="nan"),
        pytest.param(({"__name__": "x_ms", "src": "a", "dst": "b"}, "12ms"), "carries its unit", id="unit"),
        pytest.param(({"__name__": "x_ms", "src": "a", "dst": "b"}, "-1"), "not above 0", id="minus-one"),
        pytest.param(({"__name__": "x", "src": "a", "dst": "b"}, "8"), "does not tell its unit", id="no-unit"),
        pytest.param(({"src": "a", "dst": "b"}, "8"), "an expression, without a name", id="expression"),
        pytest.param(({**SUCCESS, "instance": "ber"}, "1"), "probe_success alone", id="success-alone"),
        pytest.param((SUCCESS, "1"), "a second series with the same labels", id="twice"),
    ],
)
def test_series_that_says_nothing_is_listed(series: tuple[dict[str, str], str], reason: str) -> None:
    """The other pairs stand."""
    parsed = read(vector((ICMP, "0.008"), (SUCCESS, "1"), series))
    assert len(parsed.rows) == 1
    (refused,) = parsed.quarantined
    assert reason in refused.reason


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(
            {"status": "error", "errorType": "bad_data", "error": "parse error"}, "bad_data: parse", id="error"
        ),
        pytest.param(
            {"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}, "'scalar'", id="kind"
        ),
        pytest.param({"status": "success", "data": None}, "resultType None", id="no-data"),
        pytest.param(vector(), "no series", id="empty"),
    ],
)
def test_answer_without_series_is_refused(answer: dict[str, Any], message: str) -> None:
    """With what Prometheus says."""
    with pytest.raises(InputError, match=message):
        read(answer)


def test_odd_series_do_no_harm() -> None:
    """Whatever stands in the list."""
    answer = vector((ICMP, "0.008"), (SUCCESS, "1"))
    answer["data"]["result"] += [7, {}, {"metric": {}}, {"metric": {}, "value": [1]}, {"metric": {}, "histogram": []}]
    answer["warnings"] = ["too many samples"]
    parsed = read(answer)
    assert (len(parsed.rows), len(parsed.quarantined)) == (1, 5)
    assert parsed.notes == ("Prometheus warns: too many samples",)
