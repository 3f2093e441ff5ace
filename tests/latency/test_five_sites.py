"""Five real sites and the measured city pairs: each site boots from what a person with the table would pick."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from nearboot.latency.estimate import Ladder
from nearboot.latency.formats import parse
from nearboot.latency.guard import check
from nearboot.latency.map import resolve
from nearboot.model import AdminState, BootServer, Estimate, Location, LocationKind, Slug
from nearboot.routing.policy import Policy
from nearboot.routing.select import select

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PAIRS = "wondernetwork_2018-11_pairs.csv"
CITIES = {
    "eqiad": "Washington",
    "codfw": "Dallas",
    "esams": "Amsterdam",
    "ulsfo": "San Francisco",
    "eqsin": "Singapore",
}
SECOND = {"eqiad": "codfw", "codfw": "eqiad", "esams": "eqiad", "ulsfo": "codfw", "eqsin": "esams"}
"""Read off the table: 33.32, 32.62, 84.19, 40.45 and 171.52 ms."""
POISON = """\
Amsterdam,Singapore,0,-1,0,0,0,2018-11-10 12:00:00
San Francisco,Singapore,0,0.17314,0,0,0,2018-11-10 12:00:00
Washington,Atlantis,0,0.1,0.1,0.1,0,2018-11-10 12:00:00
Dallas,Amsterdam,0,112 ms,0,0,0,2018-11-10 12:00:00
Singapore,Singapore,0,0.1,0.1,0.1,0,2018-11-10 12:00:00
Amsterdam,Dallas,0,NaN,1,1,1,2018-11-10 12:00:00
Singapore,Washington,0,99999,1,1,1,2018-11-10 12:00:00
"""

Routed = Callable[[str | None], dict[str, str | None]]


def _sites(data: Path) -> list[Location]:
    with (data / "cities_2018.csv").open(newline="") as file:
        at = {row["city"]: (float(row["Lat"]), float(row["Long"])) for row in csv.DictReader(file)}
    return [
        Location(Slug(slug), LocationKind.SITE, latitude=at[city][0], longitude=at[city][1], aliases=(city,))
        for slug, city in CITIES.items()
    ]


def _boot_servers(drained: str | None) -> list[BootServer]:
    return [
        BootServer(
            Slug(f"boot-{site}"),
            Slug(site),
            IPv4Address(f"10.{index}.0.5"),
            IPv6Address(f"2001:db8:{index}::5"),
            state=AdminState.DRAINING if site == drained else AdminState.ACTIVE,
        )
        for index, site in enumerate(CITIES)
    ]


def _choices(text: str, sites: list[Location], drained: str | None, family: int = 4) -> dict[str, str | None]:
    """Site → site of the boot server chosen, through the whole way from the file's text."""
    latency_map, _, _ = resolve(parse(PAIRS, text, source=None, now=NOW), sites)
    guarded = check(latency_map, sites, now=NOW)
    ladder = Ladder.of([guarded.map], sites, now=NOW, distrusted=guarded.distrusted)

    def estimate(location: Slug, server: BootServer) -> Estimate:
        return ladder.estimate(location, server.location, family=family)

    routes = select(sites, _boot_servers(drained), estimate, {}, family=family, policy=Policy(), now=NOW)
    return {route.location: route.chosen and route.chosen.removeprefix("boot-") for route in routes}


@pytest.fixture(scope="module")
def five(latency_data: Path) -> str:
    """The lines of the file between the five cities, and its header; the whole file is parsed by the formats' test."""
    wanted = set(CITIES.values())
    lines = (latency_data / PAIRS).read_text().splitlines(keepends=True)
    return "".join([lines[0], *(line for line in lines if set(line.split(",")[:2]) <= wanted)])


@pytest.fixture(scope="module")
def sites(latency_data: Path) -> list[Location]:
    """The five sites with their cities' coordinates."""
    return _sites(latency_data)


def _nearest_in_the_table(data: Path, site: str) -> str:
    """The other site with the lowest average from this one, by nothing but the csv module."""
    with (data / PAIRS).open(newline="") as file:
        averages = {row["dst"]: float(row["avg_ms"]) for row in csv.DictReader(file) if row["src"] == CITIES[site]}
    return min((other for other in CITIES if other != site), key=lambda other: averages[CITIES[other]])


@pytest.mark.parametrize("family", [4, 6])
def test_each_site_boots_from_its_own_boot_server(five: str, sites: list[Location], family: int) -> None:
    """The boot server at home is the nearest, in both families."""
    assert _choices(five, sites, None, family) == {site: site for site in CITIES}


@pytest.mark.parametrize("drained", list(CITIES))
def test_drained_site_boots_from_the_next_of_the_table(
    five: str, sites: list[Location], latency_data: Path, drained: str
) -> None:
    """Its own boot server drained, a site goes where the table's lowest number points, and no other site moves."""
    assert SECOND[drained] == _nearest_in_the_table(latency_data, drained)
    assert _choices(five, sites, drained) == {**{site: site for site in CITIES}, drained: SECOND[drained]}


@pytest.mark.parametrize("drained", [None, *CITIES])
def test_poisoned_rows_change_nothing(five: str, sites: list[Location], drained: str | None) -> None:
    """Sentinels, seconds for milliseconds, units in cells, NaN, unknown places: refused, and the choices stand."""
    poisoned = [line for line in POISON.splitlines(keepends=True) if not line.startswith("San Francisco")]
    assert _choices(five + "".join(poisoned), sites, drained) == _choices(five, sites, drained)


def test_pair_in_seconds_is_faster_than_light_and_does_not_pull_clients(five: str, sites: list[Location]) -> None:
    """A false 0.17 ms from San Francisco to Singapore would move a drained San Francisco there; physics refuses it."""
    without = "".join(line for line in five.splitlines(keepends=True) if not line.startswith("San Francisco,Singapore"))
    assert _choices(without + POISON, sites, "ulsfo")["ulsfo"] == "codfw"


def test_sites_without_a_map_use_their_coordinates(five: str, sites: list[Location]) -> None:
    """Every pair but one missing: the rest is estimated by distance; San Francisco's next is Dallas either way."""
    text = five.splitlines()[0] + "\nWashington,Dallas,0,33.32,33.14,34,1,2018-11-10 12:00:00\n"
    assert _choices(text, sites, "ulsfo")["ulsfo"] == "codfw"


def test_site_without_coordinates_still_ranks_by_the_table(five: str, sites: list[Location]) -> None:
    """Measurements need no coordinates."""
    bare = [replace(site, latitude=None, longitude=None) for site in sites]
    assert _choices(five, bare, "eqsin")["eqsin"] == "esams"
