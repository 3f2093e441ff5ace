"""Places with coordinates."""

from __future__ import annotations

from pathlib import Path

import pytest

from nearboot.errors import InputError
from nearboot.latency.gazetteer import read_places

PROBES = '{"count": 2, "results": [{"id": 6042, "geometry": {"type": "Point", "coordinates": [4.9, 52.4]}}, {"id": 7}]}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "city,Lat,Long,Population\nAshburn,39.04,-77.49,1\nX,,,2\n", {"Ashburn": (39.04, -77.49)}, id="csv"
        ),
        pytest.param("iata\tlatitude\tlongitude\nIAD\t38.9\t-77.4\n", {"IAD": (38.9, -77.4)}, id="tsv"),
        pytest.param('[{"name": "A", "lat": 1, "lon": 2}]', {"A": (1.0, 2.0)}, id="json"),
        pytest.param(PROBES, {"atlas-6042": (52.4, 4.9)}, id="atlas-probes"),
        pytest.param(
            '{"objects": [{"id": 1, "latitude": 3, "longitude": 4}]}', {"atlas-1": (3.0, 4.0)}, id="atlas-dump"
        ),
    ],
)
def test_places_are_read(text: str, expected: dict[str, tuple[float, float]]) -> None:
    """A table or JSON; what has no coordinates is left out."""
    assert read_places("places", text) == expected


def test_faults_come_together() -> None:
    """With their lines."""
    with pytest.raises(InputError) as caught:
        read_places("p.csv", "city,lat,lon\nA,91,0\nB,x,0\nC,1,181\nD,1,1\nD,2,2\nE,1,\n")
    assert [fault.line for fault in caught.value.faults] == [2, 3, 4, 6, 7]
    assert "latitude 91 is beyond 90 degrees" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a,b\n1,2\n", "latitude: found only the columns a, b"), ("city,lat,lon\nA,,\n", "no place with coordinates")],
)
def test_table_without_places_is_refused(text: str, message: str) -> None:
    """It is another file."""
    with pytest.raises(InputError, match=message):
        read_places("p.csv", text)


def test_real_cities_are_read(latency_data: Path) -> None:
    """All 241."""
    assert len(read_places("cities.csv", (latency_data / "cities_2018.csv").read_text())) == 241
