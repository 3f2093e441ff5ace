"""Pictures of what the database holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from nearboot.app import drawing
from nearboot.app.database import reading, writing
from nearboot.config import Config
from nearboot.errors import InputError, NotFoundError
from nearboot.inventory import route_store, store
from nearboot.model import Health, Slug


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


@pytest.fixture
def placed(fleet: Config) -> Config:
    """The fleet with coordinates."""
    with writing(fleet) as session:
        known = store.read_inventory(session)
        at = {"here": (52.4, 4.9), "there": (50.1, 8.7)}
        places = tuple(replace(p, latitude=at[p.slug][0], longitude=at[p.slug][1]) for p in known.locations)
        store.apply(session, replace(known, locations=places), prune=False)
    return fleet


def test_the_heatmap_is_of_all_measured_places(fleet: Config, tmp_path: Path, now: datetime) -> None:
    """Text stays text, so that it can be searched."""
    drawn = drawing.heatmap(fleet, str(tmp_path / "heat.svg"), (), now)
    assert drawn.line == f"{tmp_path}/heat.svg: 2 places, 2 pairs measured"
    text = (tmp_path / "heat.svg").read_text()
    assert all(f">{word}<" in text for word in ("here", "there", "Round trips between 2 places"))


def test_places_can_be_chosen(fleet: Config, tmp_path: Path, now: datetime) -> None:
    """One that is unknown is told."""
    drawn = drawing.heatmap(fleet, str(tmp_path / "heat.png"), ["here"], now)
    assert drawn.line.endswith("1 place, 0 pairs measured")
    with pytest.raises(NotFoundError, match="did you mean here"):
        drawing.heatmap(fleet, str(tmp_path / "heat.png"), ["heer"], now)


def test_the_map_joins_places_to_boot_servers(placed: Config, tmp_path: Path, now: datetime) -> None:
    """Each mark by its state."""
    with writing(placed) as session:
        route_store.set_health(session, Health(Slug("here-boot"), now, False))
    drawn = drawing.route_picture(placed, str(tmp_path / "map.svg"), family=4, now=now)
    assert drawn == drawing.Drawing(f"{tmp_path}/map.svg: 2 places, 2 boot servers")
    text = (tmp_path / "map.svg").read_text()
    assert all(f">{word}<" in text for word in ("boot server, failing its reads", "there-boot (2)", "1 server"))


def test_places_without_coordinates_are_told(fleet: Config, tmp_path: Path, now: datetime) -> None:
    """None has any: there is nothing to draw."""
    with pytest.raises(InputError, match="latitude and longitude"):
        drawing.route_picture(fleet, str(tmp_path / "map.svg"), family=4, now=now)
    with reading(fleet) as session:
        known = store.read_inventory(session)
    half = tuple(replace(p, latitude=1.0, longitude=2.0) if p.slug == "here" else p for p in known.locations)
    with writing(fleet) as session:
        store.apply(session, replace(known, locations=half), prune=False)
    drawn = drawing.route_picture(fleet, str(tmp_path / "map.svg"), family=4, now=now)
    assert drawn.notes == ("not on the map, as neither they nor their site have coordinates: there",)


def test_without_a_map_there_is_nothing_to_draw(config: Config, tmp_path: Path, now: datetime) -> None:
    """The next command is named."""
    with pytest.raises(InputError, match="nearboot latency load FILE"):
        drawing.heatmap(config, str(tmp_path / "heat.svg"), (), now)
