"""A whole map that moved, or one location of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nearboot.latency.alarm import Action
from nearboot.latency.guard_shift import against_distance, nearer, shift
from nearboot.latency.place import Places
from nearboot.model import LatencyMap, LatencySample, Location, LocationKind, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RTTS = {"ab": 83.4, "ac": 110.0, "ad": 60.0, "bc": 33.3, "bd": 71.0, "cd": 150.0}


def _map(factor: float = 1.0, *, epoch: int = 4, **changed: float) -> LatencyMap:
    """Both directions of all pairs of a, b, c and d."""
    samples = [
        LatencySample(Slug(src), Slug(dst), rtt * factor * changed.get(pair, 1.0))
        for pair, rtt in RTTS.items()
        for src, dst in (pair, pair[::-1])
    ]
    return LatencyMap("wan", NOW, tuple(samples), epoch)


@pytest.mark.parametrize(
    ("factor", "action", "text"),
    [
        pytest.param(1e-3, Action.REFUSE, "0.001 times the round trip of the last map (epoch 4)", id="seconds as ms"),
        pytest.param(1e-6, Action.REFUSE, "seconds read as milliseconds", id="seconds as us"),
        pytest.param(1e3, Action.REFUSE, "microseconds read as milliseconds", id="us as ms"),
        pytest.param(0.5, Action.REFUSE, "half round trips", id="half"),
        pytest.param(2.0, Action.REFUSE, "round trips where the last had one way", id="double"),
        pytest.param(1.5, Action.HOLD, "networks do not do that at once", id="no unit"),
        pytest.param(30.0, Action.HOLD, "networks do not do that at once", id="far from any unit"),
    ],
)
def test_a_map_that_moved_as_a_whole_is_not_used(factor: float, action: Action, text: str) -> None:
    """A unit's factor cannot be true; another may be."""
    (alarm,) = shift(_map(factor), _map())
    assert (alarm.action, alarm.reason.data["pairs"], alarm.reason.data["last_epoch"]) == (action, 12, 4)
    assert alarm.reason.data["ratio"] == pytest.approx(factor)
    assert text in alarm.reason.text


@pytest.mark.parametrize("factor", [1.0, 0.75, 1.4])
def test_a_calm_map_passes(factor: float) -> None:
    """Networks have their days."""
    assert shift(_map(factor), _map()) == ()


def test_single_pairs_may_do_what_they_like() -> None:
    """The median of all pairs decides."""
    assert shift(_map(ab=0.001, cd=1000.0), _map()) == ()


def test_too_few_common_pairs_say_nothing() -> None:
    few = replace(_map(0.5), samples=_map(0.5).samples[:2])
    assert shift(few, _map()) == ()


def _sites(km_per_degree: float = 111.2) -> Places:
    """On the equator, so far apart that their round trips are twice what glass needs."""
    degrees = {"a": 0.0, "b": 10.0, "c": 20.0, "d": 30.0}
    return Places.of(Location(Slug(s), LocationKind.SITE, latitude=0.0, longitude=at) for s, at in degrees.items())


@pytest.mark.parametrize(
    ("per_100_km", "held"),
    [
        pytest.param(2.07, False, id="real"),
        pytest.param(1.3, False, id="straight lines"),
        pytest.param(1.03, True, id="half round trips"),
        pytest.param(2070.0, True, id="microseconds"),
        pytest.param(9.0, True, id="too slow for any network"),
    ],
)
def test_the_first_map_is_compared_with_distances(per_100_km: float, held: bool) -> None:
    """Held, for a fleet on its own straight fibre may be right."""
    places = _sites()
    pairs = [(a, b) for a in "abcd" for b in "abcd" if a < b]
    samples = tuple(
        LatencySample(Slug(a), Slug(b), per_100_km * (places.distance_km(Slug(a), Slug(b)) or 0) / 100)
        for a, b in pairs
    )
    found = against_distance(LatencyMap("wan", NOW, samples), places)
    assert [alarm.action for alarm in found] == [Action.HOLD] * held
    if per_100_km == 1.03:
        assert "6 pairs have 1.03 ms for each 100 km in the median" in found[0].reason.text
        assert "half round trips" in found[0].reason.text


def test_places_without_coordinates_are_not_judged() -> None:
    assert against_distance(_map(0.5), Places.of([])) == ()


def test_a_location_that_alone_got_nearer_is_held() -> None:
    """All say so: a new line, or a boot server that draws the clients of others."""
    (alarm,) = nearer(_map(ab=0.3, ac=0.3, ad=0.3), _map())
    assert (alarm.action, alarm.reason.code) == (Action.HOLD, "location-nearer")
    assert alarm.reason.data == {"location": "a", "times": 0.3, "pairs": 6, "last_epoch": 4}


def test_a_location_that_alone_got_farther_is_used_and_said() -> None:
    """A fibre is cut: routes must know at once."""
    (alarm,) = nearer(_map(ab=3, ac=3, ad=3), _map())
    assert (alarm.action, alarm.reason.code) == (Action.NOTE, "location-farther")


@pytest.mark.parametrize(
    "changed", [{}, {"ab": 0.3}, {"ab": 0.8, "ac": 0.8, "ad": 0.8}], ids=["same", "one pair", "a little"]
)
def test_locations_that_stayed_are_not_named(changed: dict[str, float]) -> None:
    assert nearer(_map(1.0, **changed), _map()) == ()


def test_a_whole_map_that_moved_is_no_matter_of_locations() -> None:
    """That is told once, by the unit."""
    assert nearer(_map(0.5), _map()) == ()
