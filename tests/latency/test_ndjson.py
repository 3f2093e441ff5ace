"""Edge lists of JSON objects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nearboot.errors import InputError
from nearboot.latency.formats import ParsedMap, parse
from nearboot.latency.rows import RawRow

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _parse(text: str, **options: str) -> ParsedMap:
    return parse("edges.ndjson", text, source=None, now=NOW, **options)  # type: ignore[arg-type]  # keywords


def test_each_object_is_a_pair() -> None:
    """The keys are the columns of an edge list; the unit may stand in each line."""
    text = (
        '{"src": "ams", "dst": "fra", "rtt": 8.24, "unit": "ms", "jitter": 0.1, "loss": 0, "n": 20, '
        '"ts": "2026-11-22T11:00:00Z", "af": 4}\n'
        '{"dst": "ams", "src": "fra", "rtt": 8270, "unit": "us"}\n'
    )
    parsed = _parse(text)
    at = NOW - timedelta(hours=1)
    assert (parsed.format, parsed.quarantined) == ("edges-json", ())
    assert parsed.rows == (
        RawRow("ams", "fra", 8.24, None, 0.0, 20, at, 1, 0.1, 4),
        RawRow("fra", "ams", 8.27, line=2),
    )


def test_array_is_read_as_well() -> None:
    """A list of objects is the same document."""
    assert _parse('[{"src": "a", "dst": "b", "rtt_ms": 1}]').rows[0].rtt_ms == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('{"src": "a", "dst": "b", "rtt": 1}', "say it with --unit ms (s, us)", id="no-unit"),
        pytest.param('[{"src": "a", "dst": "b", "rtt_ms": 1}, 7]', "[1]: found a number; expected an object", id="7"),
        pytest.param('{"src": "a", "dst": "b", "owd_ms": 1}', "which is not a round trip", id="one-way"),
    ],
)
def test_document_without_unit_or_objects_is_refused(text: str, message: str) -> None:
    """As with a table."""
    with pytest.raises(InputError) as caught:
        _parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("NaN", "not finite"),
        ("-1", "-1 marks no reply"),
        ('"12ms"', "carries its unit in the cell"),
        ("null", "rtt is empty"),
        ("[8]", "not a number"),
        ("true", "not a number"),
        ("1e309", "not finite"),
    ],
)
def test_value_that_is_no_round_trip_is_listed(value: str, reason: str) -> None:
    """The other lines stand."""
    good = '{"src": "a", "dst": "b", "rtt_ms": 1}'
    parsed = _parse(good + "\n" + good.replace("1}", value + "}").replace('"b"', '"c"'))
    assert [row.dst for row in parsed.rows] == ["b"]
    (refused,) = parsed.quarantined
    assert refused.line == 2
    assert reason in refused.reason
