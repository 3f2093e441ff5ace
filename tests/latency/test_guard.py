"""Impossible values and impossible speeds."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nearboot.latency.formats import parse
from nearboot.latency.guard import check, value_problem
from nearboot.latency.map import resolve
from nearboot.model import LatencyMap, LatencySample, Location, LocationKind, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
COORDINATES = {
    "esams": (52.374, 4.890),
    "eqiad": (38.895, -77.036),
    "codfw": (32.783, -96.807),
    "ulsfo": (37.775, -122.419),
    "eqsin": (1.290, 103.850),
}
SITES = [Location(Slug(s), LocationKind.SITE, latitude=at[0], longitude=at[1]) for s, at in COORDINATES.items()]
GOOD = LatencySample(Slug("esams"), Slug("eqiad"), 83.4, 83.0, count=30, measured_at=NOW)


def _map(*samples: LatencySample) -> LatencyMap:
    return LatencyMap("test", NOW, samples)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"rtt_ms": 0.0}, "not above 0", id="zero"),
        pytest.param({"rtt_ms": float("nan")}, "not above 0", id="nan"),
        pytest.param({"rtt_ms": 10_001.0}, "above 10 s", id="too-long"),
        pytest.param({"min_ms": -1.0}, "min -1 ms", id="minimum"),
        pytest.param({"loss": 5.0}, "a percentage", id="percent"),
        pytest.param({"rtt_ms": None}, "no round trip, but a loss of 0", id="no-value"),
        pytest.param({"count": -1}, "count -1", id="count"),
        pytest.param({"measured_at": NOW + timedelta(hours=1)}, "in the future", id="future"),
    ],
)
def test_sample_out_of_reason_is_refused_whoever_sent_it(change: dict[str, object], reason: str) -> None:
    """The map's own values are checked, for not all maps come from files."""
    bad = replace(GOOD, **change)  # type: ignore[arg-type]  # a table of fields
    assert reason in value_problem(bad, NOW)
    guarded = check(_map(GOOD, bad), SITES, now=NOW)
    assert guarded.map.samples == (GOOD,)
    assert [(q.file, q.text) for q in guarded.quarantined] == [("test", "esams → eqiad")]


def test_good_map_passes_unchanged() -> None:
    """Nothing is refused, nothing is said."""
    guarded = check(_map(GOOD), SITES, now=NOW)
    assert (guarded.map, guarded.quarantined, guarded.findings, guarded.distrusted) == (_map(GOOD), (), (), frozenset())


def test_faster_than_light_is_refused_with_the_numbers() -> None:
    """6,190 km and back takes light 41 ms; the fastest reply decides, not the mean."""
    guarded = check(_map(GOOD, replace(GOOD, src=Slug("eqiad"), dst=Slug("esams"), min_ms=40.0)), SITES, now=NOW)
    assert guarded.map.samples == (GOOD,)
    assert "40 ms over 6190 km is faster than light, which needs 41.29 ms" in guarded.quarantined[0].reason
    assert guarded.distrusted == frozenset()


def test_what_is_refused_is_named_by_its_row() -> None:
    """File and line of the pair; without them the map's source."""
    fast = replace(GOOD, rtt_ms=4.0, min_ms=None)
    rows = {(GOOD.src, GOOD.dst): ("maps/f.csv", 3)}
    (found,) = check(_map(fast), SITES, now=NOW, rows=rows).quarantined
    assert (found.file, found.line, found.text) == ("maps/f.csv", 3, "esams → eqiad")
    assert check(_map(fast), SITES, now=NOW).quarantined[0].file == "test"


def test_faster_than_fibre_is_kept_and_said() -> None:
    """Between light in vacuum and light in glass a value is doubtful, not impossible."""
    guarded = check(_map(replace(GOOD, min_ms=50.0)), SITES, now=NOW)
    assert len(guarded.map.samples) == 1
    assert [finding.code for finding in guarded.findings] == ["faster-than-fibre"]


def test_pair_without_coordinates_is_not_judged() -> None:
    """Physics needs two places on the map."""
    places = [*SITES, Location(Slug("lab"), LocationKind.SITE)]
    sample = LatencySample(Slug("lab"), Slug("eqsin"), 0.1)
    assert check(_map(sample), places, now=NOW).map.samples == (sample,)


def test_misplaced_location_is_named() -> None:
    """A site whose pairs are all impossible has a wrong coordinate; the pairs among the others stand."""
    there = [replace(site, latitude=-33.9, longitude=151.2) if site.slug == "esams" else site for site in SITES]
    samples = [
        LatencySample(Slug("esams"), Slug(other), rtt)
        for other, rtt in (("eqiad", 83.4), ("codfw", 80.0), ("ulsfo", 60.0))
    ] + [LatencySample(Slug("eqiad"), Slug("codfw"), 33.3)]
    guarded = check(_map(*samples), there, now=NOW)
    assert [sample.src for sample in guarded.map.samples] == ["eqiad"]
    assert guarded.distrusted == {"esams"}
    (finding,) = guarded.findings
    assert finding.code == "coordinate-looks-wrong"
    assert "the coordinate of esams (-33.9000, 151.2000) looks wrong: 3 of its pairs" in finding.text


def test_one_impossible_pair_blames_nobody() -> None:
    """Both ends explain it as well; both directions are one pair."""
    samples = [replace(GOOD, min_ms=1.0), replace(GOOD, src=Slug("eqiad"), dst=Slug("esams"), min_ms=1.0)]
    guarded = check(_map(*samples), SITES, now=NOW)
    assert (len(guarded.quarantined), guarded.distrusted) == (2, frozenset())


def test_seconds_read_as_milliseconds_refuse_the_map() -> None:
    """Nearly all pairs impossible: the unit is wrong, no coordinate is blamed, and no short pair slips through."""
    pairs = (
        ("esams", "eqiad", 0.0834),
        ("esams", "codfw", 0.11),
        ("ulsfo", "eqiad", 0.0712),
        ("codfw", "eqsin", 0.236),
    )
    near = Location(Slug("near"), LocationKind.SITE, latitude=38.9, longitude=-77.0)
    samples = [LatencySample(Slug(src), Slug(dst), rtt) for src, dst, rtt in pairs * 3]
    guarded = check(_map(*samples, LatencySample(Slug("near"), Slug("eqiad"), 0.9)), [*SITES, near], now=NOW)
    assert (guarded.map.samples, guarded.distrusted) == ((), frozenset())
    assert [finding.code for finding in guarded.findings] == ["unit-looks-wrong"]
    assert guarded.refused.startswith("12 of 13 samples between places with coordinates are faster than light")
    assert "is the unit right?" in guarded.refused


def test_one_wrong_coordinate_of_three_sites_does_not_refuse_the_map() -> None:
    """Two of three pairs impossible is what a single misplaced site does."""
    there = [replace(site, latitude=-33.9, longitude=151.2) if site.slug == "esams" else site for site in SITES]
    pairs = (("esams", "eqiad", 83.4), ("eqiad", "esams", 83.4), ("esams", "codfw", 80.0), ("eqiad", "codfw", 33.3))
    guarded = check(_map(*(LatencySample(Slug(a), Slug(b), rtt) for a, b, rtt in pairs)), there, now=NOW)
    assert (guarded.refused, len(guarded.map.samples), len(guarded.quarantined)) == ("", 1, 3)


def test_misplaced_cities_of_the_real_data_are_found(latency_data: Path) -> None:
    """The coordinates were looked up by name: these eleven are the other town of that name.

    Cromwell in New Zealand for Connecticut, St Louis in Senegal for Missouri, and so on; La Ceiba's measurements are
    impossible by the data's own distances too.
    """
    name = "wondernetwork_2018-11_pairs.csv"
    with (latency_data / "cities_2018.csv").open(newline="") as file:
        cities = list(csv.DictReader(file))
    locations = [
        Location(
            Slug(city["city"].lower().replace(" ", "-")),
            LocationKind.SITE,
            city["city"],
            latitude=float(city["Lat"]),
            longitude=float(city["Long"]),
        )
        for city in cities
    ]
    latency_map, _, _ = resolve(parse(name, (latency_data / name).read_text(), source=None, now=NOW), locations)
    guarded = check(latency_map, locations, now=NOW)
    assert guarded.distrusted == {
        "charlotte", "cromwell", "halifax", "la-ceiba", "maidstone", "monticello", "portland", "salem", "san-jose",
        "st-louis", "toledo",
    }  # fmt: skip
    assert len(guarded.quarantined) + len(guarded.map.samples) == len(latency_map.samples) == 57_327
    codes = {"coordinate-looks-wrong", "faster-than-fibre", "doubtful-reporter", "asymmetry"}
    assert {finding.code for finding in guarded.findings} == codes
    said = {finding.code: finding for finding in guarded.findings}
    assert said["asymmetry"].data["worst"] == 26.62, "Kampala and Nairobi; Ktis and Prague are faster than light"
    doubtful = [finding.data["reporter"] for finding in guarded.findings if finding.code == "doubtful-reporter"]
    assert doubtful == ["albany", "palermo"]
