"""Coordinates of names that latency maps use: a table of places, or what RIPE Atlas says of its probes.

    city,Lat,Long                       {"results": [{"id": 6042, "geometry": {"coordinates": [4.9, 52.4]}}]}
    Ashburn,39.0437,-77.4875

The inventory is not one: it says what its own locations are called. Here are others' names.

    places = read_places("cities.csv", text)    # {"Ashburn": (39.0437, -77.4875)}
"""

from __future__ import annotations

from typing import Any

from nearboot.errors import Fault, InputError
from nearboot.latency import ndjson
from nearboot.latency.document import Document, Item
from nearboot.latency.edgelist import split_label
from nearboot.latency.naming import Coordinates
from nearboot.latency.rows import Record, Table, read_name, read_number

NAMES = {
    "name": ("name", "city", "place", "location", "slug", "code", "iata", "id"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "long", "lon", "lng"),
}
LIMITS = {"latitude": 90.0, "longitude": 180.0}


def read_places(file: str, text: str) -> dict[str, Coordinates]:
    """The places with coordinates; those without are left out. ``InputError`` lists every fault."""
    document = Document(file, text)
    if document.is_json and (probes := _probes(document)) is not None:
        return _collected(file, [(item.line, *_probe(item)) for item in probes])
    table = ndjson.table(document) if document.is_json else document.table
    columns = _columns(table)
    return _collected(file, [(record.line, *_cells(record, columns)) for record in table.records])


def _collected(file: str, rows: list[tuple[int, str, str, str]]) -> dict[str, Coordinates]:
    places: dict[str, Coordinates] = {}
    faults: list[Fault] = []
    for line, name, latitude, longitude in rows:
        if not latitude and not longitude:
            continue
        try:
            where = _degrees(latitude, "latitude"), _degrees(longitude, "longitude")
            if places.setdefault(read_name(name), where) != where:
                raise ValueError(f"{name!r} a second time, elsewhere")
        except ValueError as error:
            faults.append(Fault(file, line, "", str(error), "a name with its latitude and longitude in degrees"))
    if faults:
        raise InputError(faults)
    if not places:
        raise InputError([Fault(file, 0, "", "no place with coordinates", "at least one")])
    return places


def _degrees(text: str, what: str) -> float:
    value = read_number(text, what)
    if abs(value) > LIMITS[what]:
        raise ValueError(f"{what} {value:g} is beyond {LIMITS[what]:g} degrees")
    return value


def _columns(table: Table) -> dict[str, int]:
    labels = [split_label(label)[0] for label in table.header.cells]
    found: dict[str, int] = {}
    faults: list[Fault] = []
    for field, names in NAMES.items():
        index = next((labels.index(name) for name in names if name in labels), None)
        if index is None:
            has = f"only the columns {', '.join(table.header.cells)}"
            faults.append(Fault(table.file, table.header.line, field, has, f"one of {', '.join(names)}"))
        else:
            found[field] = index
    if faults:
        raise InputError(faults)
    return found


def _cells(record: Record, columns: dict[str, int]) -> tuple[str, str, str]:
    cells = record.cells
    name, latitude, longitude = (cells[at].strip() if at < len(cells) else "" for at in columns.values())
    return name, latitude, longitude


def _probes(document: Document) -> list[Item] | None:
    """The probes of an answer of the API, if it is one."""
    value = document.items[0].value
    results = value.get("results", value.get("objects")) if isinstance(value, dict) else None
    if len(document.items) != 1 or not isinstance(results, list):
        return None
    return [Item(document.items[0].line, f"results[{index}]", each) for index, each in enumerate(results)]


def _probe(item: Item) -> tuple[str, str, str]:
    """A probe as atlas names it, and where it says that it is: GeoJSON has the longitude first (RFC 7946)."""
    probe: Any = item.value if isinstance(item.value, dict) else {}
    geometry = probe.get("geometry")
    point = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if isinstance(point, list) and len(point) >= 2:
        return f"atlas-{probe.get('id')}", str(point[1]), str(point[0])
    latitude, longitude = (probe.get(key) for key in ("latitude", "longitude"))
    if latitude is None or longitude is None:
        return f"atlas-{probe.get('id')}", "", ""
    return f"atlas-{probe.get('id')}", str(latitude), str(longitude)
