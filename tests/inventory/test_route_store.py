"""Latency maps, health and routes, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from nearboot.errors import NotFoundError
from nearboot.inventory import route_store
from nearboot.inventory.apply_store import apply
from nearboot.model import Candidate, Health, Inventory, LatencyMap, LatencySample, Reason, Route, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AMS, FRA = Slug("ams"), Slug("fra")
SAMPLES = (
    LatencySample(AMS, FRA, 7.25, min_ms=7.0, loss=0.01, count=100, measured_at=NOW, family=4),
    LatencySample(FRA, AMS, None, loss=1.0),
)


@pytest.fixture
def loaded(session: Session, sample: Inventory) -> Session:
    apply(session, sample)
    return session


def test_a_map_comes_back_as_it_went_in_with_its_epoch(loaded: Session) -> None:
    sent = LatencyMap("probe", NOW, SAMPLES)
    assert route_store.add_latency_map(loaded, sent, NOW) == 1
    assert route_store.current_latency_map(loaded, "probe") == replace(sent, epoch=1)
    assert route_store.current_latency_map(loaded, "other") is None


def test_the_newest_epoch_of_each_source_is_current(loaded: Session) -> None:
    """Epochs count by source, in the order of loading, whatever the maps' own dates."""
    for source, rtt_ms in (("b", 1.0), ("a", 2.0), ("b", 3.0)):
        sample = replace(SAMPLES[0], rtt_ms=rtt_ms)
        route_store.add_latency_map(loaded, LatencyMap(source, NOW, (sample,)), NOW)
    found = route_store.current_latency_maps(loaded)
    assert [(each.source, each.epoch, each.samples[0].rtt_ms) for each in found] == [("a", 1, 2.0), ("b", 2, 3.0)]


def test_a_map_of_unknown_places_is_refused(loaded: Session) -> None:
    with pytest.raises(NotFoundError, match="no location named 'mars'"):
        route_store.add_latency_map(loaded, LatencyMap("s", NOW, (LatencySample(AMS, Slug("mars"), 1.0),)), NOW)
    assert route_store.current_latency_maps(loaded) == ()


def test_a_source_is_removed_with_all_its_epochs(loaded: Session) -> None:
    """The other sources stay; a wrong name is offered the near ones."""
    for source in ("a", "b", "a"):
        route_store.add_latency_map(loaded, LatencyMap(source, NOW, SAMPLES), NOW)
    assert route_store.remove_latency_maps(loaded, "a") == 2
    assert [each.source for each in route_store.current_latency_maps(loaded)] == ["b"]
    with pytest.raises(NotFoundError, match="no latency map named 'a'"):
        route_store.remove_latency_maps(loaded, "a")


def test_health_keeps_the_last_check_and_counts_equal_ones(loaded: Session) -> None:
    """Three failures in a row are a decision, one is noise: the streak tells."""
    boot = Slug("ams-boot")
    outcomes = [True, False, False, True, False, False, False]
    checks = [Health(boot, NOW + timedelta(seconds=n), ok, "d", 1.5, "fra") for n, ok in enumerate(outcomes)]
    assert [route_store.set_health(loaded, check) for check in checks] == [1, 1, 2, 1, 1, 2, 3]
    assert route_store.health(loaded) == (checks[-1],)
    assert route_store.health_streaks(loaded) == ((checks[-1], 3),)


def test_what_the_checks_in_a_row_make_of_it_is_the_callers(loaded: Session) -> None:
    """It gets whether it was up, the outcome and the streak, and its word is kept."""
    asked: list[tuple[bool | None, bool, int]] = []

    def settle(before: bool | None, healthy: bool, streak: int) -> bool:
        asked.append((before, healthy, streak))
        return streak < 2

    boot = Slug("ams-boot")
    for _ in range(3):
        route_store.add_checks(loaded, [Health(boot, NOW, False, vantage="fra")], settle)
    assert asked == [(None, False, 1), (True, False, 2), (False, False, 3)]
    assert [(each.up, each.streak) for each in route_store.health_samples(loaded)] == [(False, 3)]
    gone = Health(Slug("gone"), NOW, True, vantage="fra")
    assert route_store.add_checks(loaded, [gone]) == []


def test_each_vantage_has_its_own_health(loaded: Session) -> None:
    for vantage in ("fra", "ams"):
        route_store.set_health(loaded, Health(Slug("ams-boot"), NOW, vantage == "ams", vantage=vantage))
    assert [(each.vantage, each.healthy) for each in route_store.health(loaded)] == [("ams", True), ("fra", False)]
    with pytest.raises(NotFoundError, match="no boot server named 'none'"):
        route_store.set_health(loaded, Health(Slug("none"), NOW, True))


def test_routes_come_back_with_all_their_reasons(loaded: Session) -> None:
    reason = Reason("nearest", "The nearest healthy one.", {"rtt_ms": 7.25, "rank": 0, "local": True, "via": None})
    near = Candidate(Slug("ams-boot"), 0, True, 14.5, 7.25, 0.0, "measured", (reason,))
    far = Candidate(Slug("fra-boot"), 1, False, None, None, None, "default")
    routes = (Route(AMS, 4, (near, far), Slug("ams-boot"), (reason,)), Route(AMS, 6, (), None))
    assert route_store.routes_decided_at(loaded) is None
    route_store.set_routes(loaded, routes[::-1], NOW)
    assert route_store.routes(loaded) == routes
    assert route_store.routes_decided_at(loaded) == NOW
    assert route_store.chosen(loaded, AMS) == {4: "ams-boot", 6: None}
    assert route_store.chosen(loaded, FRA) == {}


def test_routes_are_replaced_as_a_whole(loaded: Session) -> None:
    route_store.set_routes(loaded, [Route(AMS, 4, (), None), Route(FRA, 4, (), None)], NOW)
    route_store.set_routes(loaded, [Route(FRA, 4, (), Slug("fra-boot"))], NOW)
    assert route_store.routes(loaded) == (Route(FRA, 4, (), Slug("fra-boot")),)
    for wrong in (Route(Slug("mars"), 4, (), None), Route(FRA, 4, (), Slug("none"))):
        with pytest.raises(NotFoundError):
            route_store.set_routes(loaded, [wrong], NOW)
    assert len(route_store.routes(loaded)) == 1


def test_what_was_decided_comes_back_without_what_was_weighed(loaded: Session) -> None:
    """For the next decision: the choices with when they moved, and what could be used."""
    boot = Slug("ams-boot")
    candidates = (
        Candidate(boot, 0, True, 1.0, 1.0, 0.0, "measured"),
        Candidate(Slug("x"), 1, False, 2.0, 2.0, 0.0, "geo"),
    )
    decided = [Route(AMS, 4, candidates, boot, moved_at=NOW), Route(FRA, 4, candidates, boot), Route(AMS, 6, (), None)]
    route_store.set_routes(loaded, decided, NOW)
    found = {(route.location, route.family): (route.chosen, route.moved_at) for route in route_store.choices(loaded)}
    assert found == {(AMS, 4): (boot, NOW), (FRA, 4): (boot, None)}
    assert [route.location for route in route_store.choices(loaded, [FRA])] == [FRA]
    assert route_store.usable(loaded, 4) == {boot}
    assert route_store.usable(loaded, 6) == frozenset()


def test_who_came_back_is_known_with_the_time(loaded: Session) -> None:
    """One that was never down did not come back, and one that is down has not yet."""
    boot = Slug("ams-boot")

    def check(seconds: int, healthy: bool, name: Slug = boot) -> None:
        route_store.set_health(loaded, Health(name, NOW + timedelta(seconds=seconds), healthy))

    check(0, True)
    check(0, True, Slug("fra-boot"))
    assert route_store.came_back(loaded, NOW - timedelta(hours=1)) == {}
    check(5, False)
    assert route_store.came_back(loaded, NOW - timedelta(hours=1)) == {}
    check(10, True)
    check(15, True)
    assert route_store.came_back(loaded, NOW - timedelta(hours=1)) == {boot: NOW + timedelta(seconds=10)}
    assert route_store.came_back(loaded, NOW + timedelta(seconds=10)) == {}
