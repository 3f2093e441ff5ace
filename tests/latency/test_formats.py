"""Detection, caps, and documents that are refused as a whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nearboot.errors import InputError
from nearboot.latency import document
from nearboot.latency.formats import NAMES, parse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("src,dst,rtt_ms\na,b,1\n", "edges", id="edges"),
        pytest.param("\ufeffsrc,dst,rtt_ms\r\na,b,1\r\n", "edges", id="edges-from-excel"),
        pytest.param("\n\nsrc\tdst\trtt_ms\n\na\tb\t1\n", "edges", id="edges-with-blank-lines"),
        pytest.param('"src","dst","rtt_ms"\n"a, b","c","1"\n', "edges", id="edges-quoted"),
        pytest.param("city,a,b\na,0,1\nb,1,0\n", "matrix", id="matrix-with-corner"),
        pytest.param("\ta\tb\nc\t1\t2\n", "matrix", id="matrix-tsv"),
    ],
)
def test_format_is_detected(text: str, expected: str) -> None:
    """A header with a source and a destination is an edge list, labels around numbers are a matrix."""
    assert parse("f", text, unit="ms", source=None, now=NOW).format == expected


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        pytest.param("", {}, "an empty document", id="empty"),
        pytest.param("\n \n", {}, "an empty document", id="blank"),
        pytest.param("src,dst,rtt_ms\n", {}, "a single line", id="header-only"),
        pytest.param('{"a": 1}\n{"b": 2}\n', {}, "edges: one pair a line", id="json"),
        pytest.param("<html>\n<p>502\n", {}, "the line '<html>'", id="html"),
        pytest.param("name,city,zip\nx,y,z\n", {}, "sources down", id="another-table"),
        pytest.param(
            "src,dst,rtt_ms\na,b,1\n", {"format": "xml"}, "netnorad, udppinger, edges, matrix", id="unknown-format"
        ),
    ],
)
def test_document_of_no_known_format_is_refused(text: str, options: dict[str, str], expected: str) -> None:
    """The message says what was found, and what would do."""
    with pytest.raises(InputError) as caught:
        parse("f.csv", text, source=None, now=NOW, **options)  # type: ignore[arg-type]  # a table of keywords
    assert expected in str(caught.value)


def test_file_without_a_good_row_lists_every_row() -> None:
    """Nothing usable: each row's fault with its line."""
    with pytest.raises(InputError) as caught:
        parse("f.csv", "src,dst,rtt_ms\na,b,x\na,c,-1\n", source=None, now=NOW)
    assert [fault.line for fault in caught.value.faults] == [0, 2, 3]


def test_long_list_of_faults_is_counted() -> None:
    """Past a hundred, the rest is a number."""
    with pytest.raises(InputError) as caught:
        parse("f.csv", "src,dst,rtt_ms\n" + "a,b,x\n" * 250, source=None, now=NOW)
    assert len(caught.value.faults) == 102
    assert "150 more such rows" in str(caught.value.faults[-1])


def test_document_over_the_caps_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Size and lines are bounded before the rows are read."""
    monkeypatch.setattr(document, "MAX_LINES", 3)
    with pytest.raises(InputError, match="at most 3 lines"):
        parse("f.csv", "src,dst,rtt_ms\n" + "a,b,1\n" * 5, source=None, now=NOW)
    monkeypatch.setattr(document, "MAX_CHARS", 3)
    with pytest.raises(InputError, match="at most 3"):
        parse("f.csv", "src,dst,rtt_ms\na,b,1\n", source=None, now=NOW)


def test_broken_quoting_is_an_input_error() -> None:
    """What the csv module refuses is the document's fault."""
    with pytest.raises(InputError):
        parse("f.csv", 'src,dst,rtt_ms\n"' + "a" * 200_000 + "\n", source=None, now=NOW)


def test_repeated_pairs_are_noted() -> None:
    """A pair that stands twice is one row, and the notes say so."""
    parsed = parse("f.csv", "src,dst,rtt_ms\na,b,1\na,b,3\n", source=None, now=NOW)
    assert [row.rtt_ms for row in parsed.rows] == [2.0]
    assert "1 row repeats a pair" in parsed.notes[0]


def test_real_city_pairs_parse_without_options(latency_data: Path) -> None:
    """57,807 measured pairs, columns and unit recognised, nothing refused."""
    name = "wondernetwork_2018-11_pairs.csv"
    parsed = parse(name, (latency_data / name).read_text(), source=None, now=NOW)
    assert (parsed.format, len(parsed.rows), parsed.quarantined) == ("edges", 57_807, ())
    row = next(row for row in parsed.rows if (row.src, row.dst) == ("Washington", "Dallas"))
    assert (row.rtt_ms, row.min_ms) == (33.32, 33.14)
    assert parsed.notes == ("columns not used: distance_km, max_ms",)


def test_short_file_without_a_last_end_of_line_is_read_and_asked_about() -> None:
    """A person wrote it; but it may be cut off too."""
    parsed = parse("f.csv", "src,dst,rtt_ms\na,b,1\na,c,3", source=None, now=NOW)
    assert [row.dst for row in parsed.rows] == ["b", "c"]
    assert parsed.notes == ("the last line (3) has no end of line: is the file whole?",)


def test_head_of_a_file_counts_as_if_the_user_said_it() -> None:
    """Unit, source and format; what both say must agree."""
    text = "# unit: s\n# source: wan\n# format: edges\nsrc,dst,rtt\na,b,0.008\n"
    parsed = parse("f.csv", text, source=None, now=NOW)
    assert (parsed.source, parsed.rows[0].rtt_ms) == ("wan", 8.0)
    with pytest.raises(InputError, match="found 's' in the file, but --unit ms"):
        parse("f.csv", text, unit="ms", source=None, now=NOW)


def test_what_has_no_time_is_as_old_as_its_file() -> None:
    """Where that is known; a time in the file goes before."""
    text = "src,dst,rtt_ms,ts\na,b,1,\na,c,1,2026-11-22T11:00:00Z\n"
    as_of = datetime(2026, 11, 22, 10, tzinfo=UTC)
    parsed = parse("f.csv", text, source=None, as_of=as_of, now=NOW)
    assert [row.measured_at for row in parsed.rows] == [as_of, datetime(2026, 11, 22, 11, tzinfo=UTC)]
    assert parse("f.csv", text, source=None, now=NOW).rows[0].measured_at is None


KEYS = (
    "src", "dst", "rtt_ms", "rtt", "unit", "loss", "n", "ts", "af", "type", "prb_id", "msm_id", "sent", "rcvd",
    "result", "warnings",
    "timestamp", "avg", "min", "x", "error", "dst_name", "status", "data", "resultType", "metric", "value", "values",
    "__name__", "instance", "vantage", "phase", "vSum", "summary", "intSum", "host", "xmt", "rttMin", "rttAvg", "time",
)  # fmt: skip
TEXTS = (
    "ping", "success", "error", "vector", "matrix", "probe_success", "probe_icmp_duration_seconds", "rtt", "a", "-1",
    "NaN", "0.008", "1e999", "cloudprober_latency", "success", "total", "", "*", "ms", "http://[::1", "[", "1795345200",
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(VALUES, min_size=1, max_size=3), st.sampled_from((None, *NAMES)), st.booleans())
def test_any_json_gives_rows_or_faults(values: list[object], name: str | None, is_list: bool) -> None:
    """Detected or not, in any format's hands: nothing else gets out."""
    text = json.dumps(values) if is_list else "\n".join(json.dumps(value) for value in values)
    _rows_or_faults(text, name)


WORDS = (*"ab1.0,-:;/% \t\n=[]{}\"'#\\", "uping,", " : ", "10.0.0.1", "src,dst,rtt_ms\n", "# unit: s\n")


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(WORDS), max_size=40).map("".join), st.sampled_from((None, *NAMES)))
def test_any_text_gives_rows_or_faults(text: str, name: str | None) -> None:
    """The same for what is no JSON."""
    _rows_or_faults(text, name)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.fixed_dictionaries({"metric": VALUES, "value": VALUES, "values": VALUES}), max_size=4), st.booleans()
)
def test_any_series_gives_rows_or_faults(series: list[object], is_range: bool) -> None:
    """An answer of Prometheus with anything in it."""
    data = {"resultType": "matrix" if is_range else "vector", "result": series}
    _rows_or_faults(json.dumps({"status": "success", "data": data}), None)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=12))
def test_any_result_of_a_probe_gives_rows_or_faults(result: dict[str, object]) -> None:
    """RIPE Atlas with anything in it."""
    good = {"type": "ping", "sent": 1, "rcvd": 1, "dst_name": "a", "prb_id": 1, "msm_id": 1, "timestamp": 1795345200}
    _rows_or_faults(json.dumps([good | result]), None)


def _rows_or_faults(text: str, name: str | None) -> None:
    try:
        parsed = parse("f", text, format=name, unit="ms", src="here", source=None, now=NOW)
    except InputError as error:
        assert error.faults
    else:
        assert parsed.rows
        assert all(row.rtt_ms is None or 0 < row.rtt_ms <= 10_000 for row in parsed.rows)
        assert all(0 <= row.loss <= 1 for row in parsed.rows)
