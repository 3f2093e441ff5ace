"""The options that say how to read a map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nearboot.cli.latency_options import reading_of, sources_of
from nearboot.errors import InputError

NOTHING: dict[str, Any] = {
    "format": None, "unit": None, "columns": (), "src": None, "places": None, "within": 50.0, "any_age": False,
}  # fmt: skip


def test_options_become_a_reading(tmp_path: Path) -> None:
    """Columns by field, places by name."""
    places = tmp_path / "places.csv"
    places.write_text("city,lat,lon\nA,1,2\n")
    how = reading_of({**NOTHING, "columns": ("rtt=avg", "src=a=b"), "src": "ams", "places": str(places)})
    assert (how.columns, how.src, how.places) == ({"rtt": "avg", "src": "a=b"}, "ams", {"A": (1.0, 2.0)})


@pytest.mark.parametrize("column", ["rtt", "=avg", "rtt="])
def test_column_needs_both_names(column: str) -> None:
    """FIELD=NAME."""
    with pytest.raises(InputError, match="FIELD=NAME"):
        reading_of({**NOTHING, "columns": (column,)})


def test_all_sources_that_are_none_are_told_at_once() -> None:
    """And the good ones are kept in their order."""
    assert [source.name for source in sources_of(("a=/x", "/y"))] == ["a", ""]
    with pytest.raises(InputError) as caught:
        sources_of(("ftp://a", "b", "gopher://c"))
    assert len(caught.value.faults) == 2
