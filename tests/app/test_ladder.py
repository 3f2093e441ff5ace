"""What is believed of paths: the maps in use, smoothed with their rounds before, past the guards."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from nearboot.app.database import writing
from nearboot.app.ladder import Believed, read_ladder
from nearboot.config import Config
from nearboot.inventory import route_store, store
from nearboot.model import LatencyMap, LatencySample, Slug

HERE, THERE = Slug("here"), Slug("there")


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def _rounds(config: Config, now: datetime, values: list[float]) -> Believed:
    with writing(config) as session:
        for n, rtt_ms in enumerate(values):
            at = now + timedelta(minutes=n)
            sample = LatencySample(HERE, THERE, rtt_ms, count=20, measured_at=at)
            route_store.add_latency_map(session, LatencyMap("pinger", at, (sample,)), at)
        return read_ladder(session, store.locations(session), now + timedelta(minutes=len(values)))


def test_rounds_are_smoothed_and_tell_their_noise(fleet: Config, now: datetime) -> None:
    """Of a pinger's maps, the last is not all that counts; what is in use is the last alone."""
    believed = _rounds(fleet, now, [20.0, 22.0, 20.0, 22.0])
    found = believed.ladder.estimate(HERE, THERE, family=4)
    assert found.noise_ms == 2.0
    assert 20.5 < (found.rtt_ms or 0) < 22.0
    assert {(each.source, each.epoch) for each in believed.maps} == {("pairs", 1), ("pinger", 4)}


def test_a_round_that_the_guards_refuse_smooths_nothing(fleet: Config, now: datetime) -> None:
    """A round trip faster than light in a round before is not mixed in, whatever the loader let through then."""
    refused = _rounds(fleet, now, [1e9, 20.0]).ladder.estimate(HERE, THERE, family=4)
    assert refused.rtt_ms == 20.0
