"""Matrices: labels on both axes, missing cells, one unit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nearboot.errors import InputError
from nearboot.latency.formats import parse

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MATRIX = ",esams,eqiad,eqsin\nesams,0,83.4,179\nulsfo,153,71,\n"


def test_cells_are_read_source_down_destination_across() -> None:
    """The axes may differ; 0 and blank are not measurements, and are counted."""
    parsed = parse("m.csv", MATRIX, unit="ms", source="table", now=NOW)
    assert parsed.format == "matrix"
    assert {(row.src, row.dst): row.rtt_ms for row in parsed.rows} == {
        ("esams", "eqiad"): 83.4, ("esams", "eqsin"): 179.0, ("ulsfo", "esams"): 153.0, ("ulsfo", "eqiad"): 71.0,
    }  # fmt: skip
    assert parsed.notes == ("1 cell without a measurement",), "that of a place to itself is not missing"


@pytest.mark.parametrize("cell", ["", "0", "0.0", "-1", "NaN", " nan "])
def test_every_spelling_of_missing_is_missing(cell: str) -> None:
    """Publishers mark what was not measured in four ways."""
    parsed = parse("m.tsv", f"x\ta\tb\nc\t5\t{cell}\n", unit="ms", source=None, now=NOW)
    assert [row.dst for row in parsed.rows] == ["a"]
    assert not parsed.quarantined


def test_unit_must_be_stated() -> None:
    """A matrix has no column names to tell the unit."""
    with pytest.raises(InputError, match="unit: found none; expected the unit of the cells: say it with --unit ms"):
        parse("m.csv", MATRIX, source=None, now=NOW)


def test_bad_cell_costs_itself_alone() -> None:
    """A cell is quarantined under its pair, a line of another width as a whole."""
    parsed = parse("m.csv", ",a,b\nc,5,12 ms\nd,6\ne,-3,7\n", unit="ms", source=None, now=NOW)
    assert [(row.src, row.dst) for row in parsed.rows] == [("c", "a"), ("e", "b")]
    assert [(q.line, q.text) for q in parsed.quarantined] == [(2, "c → b: 12 ms"), (3, "d,6"), (4, "e → a: -3")]


def test_unnamed_column_is_refused_with_its_number() -> None:
    """Without a label the cells below belong to nobody."""
    with pytest.raises(InputError, match="column 3: found a location's name is empty"):
        parse("m.csv", "x,a,,b\nc,5,6,7\n", unit="ms", source=None, now=NOW)


def test_label_twice_gives_the_median() -> None:
    """Two columns of one name are two measurements of it."""
    parsed = parse("m.csv", ",a,a\nc,5,9\n", unit="ms", source=None, now=NOW)
    assert [row.rtt_ms for row in parsed.rows] == [7.0]
    assert "1 row repeats a pair" in parsed.notes[0]
