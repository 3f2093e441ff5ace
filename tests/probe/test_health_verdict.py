"""Falls and rises by counts, majorities of vantages, vantages that distrust themselves, results that are too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from nearboot.model import Health, HealthSample, Slug
from nearboot.probe.health_verdict import Counts, Judged, Terms, judge, settled

NOW = datetime(2026, 1, 2, tzinfo=UTC)
FLEET = tuple(Slug(name) for name in ("a", "b", "c", "d"))
BAD = "no whole file within 2 s"


@pytest.mark.parametrize(
    ("reads", "seen"),
    [
        pytest.param("+", "+", id="first-good"),
        pytest.param("-", "-", id="the-first-decides"),
        pytest.param("+--", "+++", id="two-bad-are-no-fall"),
        pytest.param("+---", "+++-", id="three-are"),
        pytest.param("+--+--", "++++++", id="a-good-one-begins-anew"),
        pytest.param("---+", "----", id="one-good-is-no-rise"),
        pytest.param("---++", "----+", id="two-are"),
        pytest.param("---+-++", "------+", id="a-bad-one-begins-anew"),
        pytest.param("-++--+---", "--++++++-", id="there-and-back"),
    ],
)
def test_reads_in_a_row_turn_it(reads: str, seen: str) -> None:
    """Three bad ones are a fall, two good ones a rise; in between it stays what it was."""
    up: bool | None = None
    streak, last, found = 0, "", ""
    for read in reads:
        streak, last = streak + 1 if read == last else 1, read
        up = settled(up, healthy=read == "+", streak=streak, counts=Counts())
        found += "+" if up else "-"
    assert found == seen


def test_the_counts_are_settings() -> None:
    """With one and one each read decides."""
    once = Counts(fall=1, rise=1)
    assert not settled(True, healthy=False, streak=1, counts=once)
    assert settled(False, healthy=True, streak=1, counts=once)


def _sample(name: str, vantage: str, up: bool, *, age_s: float = 3.0, healthy: bool | None = None) -> HealthSample:
    good = up if healthy is None else healthy
    at = NOW - timedelta(seconds=age_s)
    return HealthSample(Health(Slug(name), at, good, "read 25 bytes" if good else BAD, 1.0, vantage), 1, up)


def _judge(*samples: HealthSample) -> Judged:
    return judge(samples, counted=FLEET, terms=Terms(), now=NOW)


@pytest.mark.parametrize(
    ("ups", "healthy", "codes"),
    [
        pytest.param("+", True, [], id="one-up"),
        pytest.param("-", False, ["unhealthy"], id="one-down"),
        pytest.param("+-", True, ["health-disputed"], id="a-tie-is-up"),
        pytest.param("+--", False, ["unhealthy"], id="two-of-three"),
        pytest.param("++-", True, ["health-disputed"], id="one-of-three"),
        pytest.param("+++", True, [], id="none-of-three"),
        pytest.param("++---", False, ["unhealthy"], id="three-of-five"),
    ],
)
def test_the_majority_of_the_vantages_decides(ups: str, healthy: bool, codes: list[str]) -> None:
    """In whatever order they come."""
    samples = [_sample("a", f"v{number}", up == "+") for number, up in enumerate(ups)]
    for order in permutations(samples):
        found = _judge(*order).health[Slug("a")]
        assert (found.healthy, found.known, [reason.code for reason in found.reasons]) == (healthy, True, codes)


def test_who_sees_it_down_is_named_with_the_last_fault() -> None:
    """As a sentence and as data."""
    found = _judge(_sample("a", "ams", False), _sample("a", "fra", False), _sample("a", "par", True)).health[Slug("a")]
    (reason,) = found.reasons
    assert reason.text == f"a failed its last read, 3 s ago: seen by 2 of 3 vantages (ams, fra); {BAD}"
    assert (reason.data["down"], reason.data["vantages"], reason.data["age_s"]) == (2, 3, 3.0)


def test_one_that_comes_back_says_so() -> None:
    """Its last read was good, and it is down yet."""
    found = _judge(_sample("a", "ams", False, healthy=True)).health[Slug("a")]
    assert not found.healthy
    assert found.reasons[0].text.startswith("a had failed reads before its last one, 3 s ago: down until more good")


def test_a_vantage_that_sees_most_down_does_not_count() -> None:
    """Three of four: it is more likely cut off. The others decide, and what it said is told of."""
    cut = [_sample(name, "cut", name == "d") for name in FLEET]
    fine = [_sample(name, "fine", name != "b") for name in FLEET]
    found = _judge(*cut, *fine)
    assert {name: health.healthy for name, health in found.health.items()} == {
        "a": True,
        "b": False,
        "c": True,
        "d": True,
    }
    assert list(found.distrusted) == ["cut"]
    assert found.distrusted["cut"].text == (
        "vantage cut sees 3 of 4 active boot servers down: it does not count, it may be cut off"
    )
    assert found.health[Slug("b")].vantage == "fine"


def test_with_no_other_vantage_nothing_is_known() -> None:
    """All count as up, and each says why."""
    found = _judge(*(_sample(name, "cut", name == "d") for name in FLEET))
    for name, health in found.health.items():
        assert health.healthy and not health.known
        assert [reason.code for reason in health.reasons] == ["health-distrusted"]
        assert health.reasons[0].text.startswith(f"the health of {name} is unknown, it counts as up: vantage cut sees")


@pytest.mark.parametrize(
    ("down", "seen", "distrusted"),
    [
        pytest.param(2, 2, False, id="too-few-to-tell"),
        pytest.param(2, 4, False, id="half-is-not-most"),
        pytest.param(2, 3, True, id="most-of-three"),
        pytest.param(4, 4, True, id="all"),
    ],
)
def test_most_of_the_world_is_more_than_half_of_three_or_more(down: int, seen: int, distrusted: bool) -> None:
    """Both are settings."""
    samples = [_sample(name, "v", number >= down) for number, name in enumerate(FLEET[:seen])]
    assert bool(_judge(*samples).distrusted) is distrusted


def test_boot_servers_that_may_be_off_make_no_vantage_doubt_itself() -> None:
    """Those drained or disabled are read, and are not of the world that should be up."""
    samples = [_sample(name, "v", name == "d") for name in FLEET]
    found = judge(samples, counted=[Slug("c"), Slug("d")], terms=Terms(), now=NOW)
    assert not found.distrusted and not found.health[Slug("a")].healthy


@pytest.mark.parametrize("up", [True, False])
def test_results_that_are_too_old_say_nothing(up: bool) -> None:
    """Neither good nor bad ones."""
    assert _judge(_sample("a", "v", up, age_s=300.0)).health[Slug("a")].known
    found = _judge(_sample("a", "v", up, age_s=301.0)).health[Slug("a")]
    assert found.healthy and not found.known
    assert [reason.text for reason in found.reasons] == [
        "the last read from a was 301 s ago: its health is unknown, it counts as up"
    ]


def test_an_old_result_is_no_vote() -> None:
    """Two stopped probers do not outvote one that runs."""
    old = [_sample("a", vantage, True, age_s=9999.0) for vantage in ("x", "y")]
    assert not _judge(*old, _sample("a", "z", False)).health[Slug("a")].healthy
