"""Edge lists: columns by name, units stated."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nearboot.errors import InputError
from nearboot.latency.formats import parse
from nearboot.latency.rows import RawRow

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "unit", "value"),
    [
        pytest.param("src,dst,rtt_ms", None, "83.4", id="suffix-ms"),
        pytest.param("from,to,latency_us", None, "83400", id="suffix-us"),
        pytest.param("source\tdestination\tavg_s", None, "0.0834", id="tsv-suffix-s"),
        pytest.param("Source;Destination;Avg RTT (µs)", None, "83400", id="semicolon-unit-in-brackets"),
        pytest.param("src,dst,rtt", "s", "0.0834", id="unit-by-argument"),
        pytest.param("src,dst,rtt_ms", "ms", "83.4", id="both-agree"),
    ],
)
def test_columns_and_units_are_recognised(header: str, unit: str | None, value: str) -> None:
    """Known names in any spelling, any delimiter, the unit from either place."""
    delimiter = next(mark for mark in ",\t;" if mark in header)
    text = f"{header}\n" + delimiter.join(("esams", "eqiad", value)) + "\n"
    (row,) = parse("f.csv", text, unit=unit, source=None, now=NOW).rows
    assert (row.src, row.dst, row.line) == ("esams", "eqiad", 2)
    assert row.rtt_ms == pytest.approx(83.4)


def test_all_fields_are_read() -> None:
    """Minimum, loss, count and time come along; other columns are named as not used."""
    text = "src,dst,avg_ms,min_ms,loss,n,last_checked,colour\na,b,10,9.5,0.1,30,2026-11-22 11:00:00,red\n"
    parsed = parse("x/f.csv", text, source=None, now=NOW)
    assert parsed.rows == (RawRow("a", "b", 10.0, 9.5, 0.1, 30, datetime(2026, 11, 22, 11, tzinfo=UTC), 2),)
    assert parsed.notes == ("columns not used: colour",)
    assert (parsed.source, parsed.format, parsed.read_at) == ("f", "edges", NOW)


def test_columns_named_by_the_user_win() -> None:
    """The user's names are used even where known names are present; the unit comes from the named column."""
    text = "here,there,rtt_ms,p99_us\na,b,10,25000\n"
    columns = {"src": "here", "dst": "there", "rtt": "p99_us"}
    (row,) = parse("f.csv", text, columns=columns, source=None, now=NOW).rows
    assert row.rtt_ms == pytest.approx(25.0)


@pytest.mark.parametrize(
    ("header", "options", "expected"),
    [
        pytest.param("src,dst,rtt", {}, "the unit: say it with --unit ms (s, us), in", id="no-unit"),
        pytest.param("src,dst,rtt_ms", {"unit": "s"}, "one unit", id="two-units"),
        pytest.param("src,dst,rtt_ms", {"unit": "furlong"}, "ms, s or us", id="unknown-unit"),
        pytest.param("src,dst,rtt_ms,rtt_us", {}, "column rtt=rtt_ms", id="two-columns"),
        pytest.param("src,dst,colour", {}, "a column for rtt", id="no-value"),
        pytest.param("src,dst,rtt_ms", {"columns": {"rtt": "p50"}}, "one of src, dst, rtt_ms", id="absent-column"),
        pytest.param("src,dst,rtt_ms", {"columns": {"rt": "rtt_ms"}}, "one of the fields", id="unknown-field"),
    ],
)
def test_refused_header_says_what_to_pass(header: str, options: dict[str, object], expected: str) -> None:
    """What is missing from the header is asked for, with the place."""
    width = header.count(",")
    with pytest.raises(InputError) as caught:
        parse("f.csv", f"{header}\na,b" + ",1" * (width - 1) + "\n", source=None, now=NOW, **options)  # type: ignore[arg-type]  # a table of keywords
    assert expected in str(caught.value)
    assert caught.value.faults[0].file == "f.csv"


def test_all_faults_of_a_header_come_together() -> None:
    """Every column that is missing or doubtful is reported at once."""
    with pytest.raises(InputError) as caught:
        parse("f.csv", "a,b\n1,2\n", format="edges", columns={"x": "a"}, source=None, now=NOW)
    assert [fault.field for fault in caught.value.faults] == ["column", "src", "dst", "rtt"]


def test_min_without_a_unit_is_left_out_and_said() -> None:
    """The unit of one column says nothing of another's."""
    parsed = parse("f.csv", "src,dst,rtt_ms,min\na,b,10,9\n", source=None, now=NOW)
    assert parsed.rows[0].min_ms is None
    assert "'min' was not used: its unit is not stated" in parsed.notes[0]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        pytest.param("a,b,x,0,1,", "not a number", id="word"),
        pytest.param("a,b,12 ms,0,1,", "carries its unit", id="unit"),
        pytest.param("a,b,-5,0,1,", "not above 0", id="negative"),
        pytest.param("a,b,-1,0,1,", "no reply", id="sentinel"),
        pytest.param("a,b,NaN,0,1,", "not finite", id="nan"),
        pytest.param("a,b,20000,0,1,", "above 10 s", id="too-long"),
        pytest.param("a,b,5,2,1,", "percentage", id="loss-percent"),
        pytest.param("a,b,5,2%,1,", "percentage", id="loss-percent-sign"),
        pytest.param("a,b,5,0,0,", "count", id="no-probes"),
        pytest.param("a,b,5,0,1,2030-01-01", "future", id="future"),
        pytest.param(",b,5,0,1,", "name is empty", id="no-name"),
        pytest.param("a,b,5", "3 cells; the header has 6", id="short-line"),
    ],
)
def test_bad_row_is_quarantined_and_the_rest_stands(cells: str, reason: str) -> None:
    """One bad row costs itself alone, and is reported with its file, line, text and reason."""
    text = f"src,dst,rtt_ms,loss,n,ts\n{cells}\na,c,7,0,1,\n"
    parsed = parse("f.csv", text, source=None, now=NOW)
    assert [row.dst for row in parsed.rows] == ["c"]
    (refused,) = parsed.quarantined
    assert (refused.file, refused.line, refused.text) == ("f.csv", 2, cells)
    assert reason in refused.reason


def test_minimum_above_the_mean_is_refused() -> None:
    """Columns that were swapped show."""
    with pytest.raises(InputError, match="min 12 ms is above"):
        parse("f.csv", "src,dst,rtt_ms,min_ms\na,b,10,12\n", source=None, now=NOW)


@pytest.mark.parametrize("cell", ["", "-1", "NaN"])
def test_total_loss_is_a_measurement(cell: str) -> None:
    """No reply to any probe: there is no round trip, but the loss is known."""
    (row,) = parse("f.csv", f"src,dst,rtt_ms,loss\na,b,{cell},1.0\n", source=None, now=NOW).rows
    assert (row.rtt_ms, row.loss) == (None, 1.0)
