"""The ladder from a measurement to nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.latency.estimate import Ladder
from nearboot.model import Estimate, LatencyMap, LatencySample, Location, LocationKind, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _site(slug: str, parent: str | None = None, at: tuple[float, float] | None = None) -> Location:
    latitude, longitude = at or (None, None)
    return Location(
        Slug(slug), LocationKind.SITE, parent=parent and Slug(parent), latitude=latitude, longitude=longitude
    )


PLACES = [
    Location(Slug("us"), LocationKind.REGION),
    Location(Slug("eu"), LocationKind.REGION),
    _site("eqiad", "us", (38.895, -77.036)),
    _site("codfw", "us", (32.783, -96.807)),
    _site("esams", "eu", (52.374, 4.890)),
    _site("lab"),
    Location(Slug("row-a"), LocationKind.ROOM, parent=Slug("eqiad")),
    Location(Slug("a1"), LocationKind.RACK, parent=Slug("row-a")),
    Location(Slug("b1"), LocationKind.RACK, parent=Slug("eqiad")),
]


def _sample(src: str, dst: str, rtt_ms: float | None, **more: object) -> LatencySample:
    return LatencySample(Slug(src), Slug(dst), rtt_ms, **more)  # type: ignore[arg-type]  # a table of fields


def _estimate(src: str, dst: str, *samples: LatencySample, family: int = 4) -> Estimate:
    ladder = Ladder.of([LatencyMap("test", NOW - HOUR, samples)], PLACES, now=NOW)
    return ladder.estimate(Slug(src), Slug(dst), family=family)


def test_an_estimate_names_the_publisher_of_its_sample() -> None:
    """Also over another pair; what was not measured has none."""
    samples = (_sample("esams", "eqiad", 84.0),)
    assert [_estimate(a, b, *samples).source for a, b in (("esams", "eqiad"), ("a1", "esams"))] == ["test", "test"]
    assert _estimate("esams", "codfw", *samples).source == ""


@pytest.mark.parametrize(
    ("src", "dst", "samples", "expected"),
    [
        pytest.param("esams", "eqiad", [("esams", "eqiad", 84.0)], (84.0, "measured", 0.0), id="measured"),
        pytest.param("esams", "eqiad", [("eqiad", "esams", 83.0)], (83.0, "reverse", 0.05), id="reverse"),
        pytest.param(
            "esams",
            "eqiad",
            [("eqiad", "esams", 83.0), ("esams", "eqiad", 90.0)],
            (90.0, "measured", 0.0),
            id="own-first",
        ),
        pytest.param("a1", "codfw", [("eqiad", "codfw", 33.0)], (33.0, "parent", 0.0), id="rack-inherits-its-site"),
        pytest.param("a1", "codfw", [("codfw", "eqiad", 32.0)], (32.0, "parent", 0.05), id="rack-inherits-reverse"),
        pytest.param(
            "a1",
            "codfw",
            [("eqiad", "codfw", 33.0), ("row-a", "codfw", 34.0)],
            (34.0, "parent", 0.0),
            id="nearest-parent",
        ),
        pytest.param("codfw", "a1", [("codfw", "eqiad", 33.0)], (33.0, "parent", 0.0), id="target-inherits-too"),
        pytest.param("esams", "codfw", [("eu", "us", 99.0)], (99.0, "parent", 0.0), id="region-to-region"),
        pytest.param(
            "codfw", "eqiad", [("us", "eqiad", 1.0)], (40.0, "geo", 0.6), id="what-contains-both-says-nothing"
        ),
        pytest.param("eqiad", "eqiad", [], (0.3, "local", 0.0), id="same-location"),
        pytest.param("a1", "b1", [], (0.3, "local", 0.0), id="same-site"),
        pytest.param("a1", "b1", [("a1", "b1", 0.7)], (0.7, "measured", 0.0), id="same-site-measured"),
        pytest.param("eqiad", "codfw", [], (40.0, "geo", 0.6), id="geo"),
        pytest.param("eqiad", "lab", [], (None, "default", 0.0), id="nothing-known"),
    ],
)
def test_first_rung_that_knows_answers(
    src: str, dst: str, samples: list[tuple[str, str, float]], expected: tuple[float | None, str, float]
) -> None:
    """The value, the rung and its penalty."""
    found = _estimate(src, dst, *(_sample(*sample) for sample in samples))
    assert (found.rtt_ms and round(found.rtt_ms, 1), found.rung, found.penalty) == expected


def test_age_count_and_pair_come_along() -> None:
    """What the operator asks next: how old, how many probes, whose sample."""
    found = _estimate("a1", "codfw", _sample("eqiad", "codfw", 33.0, count=30, measured_at=NOW - 2 * HOUR))
    assert (found.age_s, found.count, found.via) == (7200.0, 30, ("eqiad", "codfw"))
    assert _estimate("eqiad", "codfw", _sample("eqiad", "codfw", 33.0)).age_s == 3600.0
    assert _estimate("eqiad", "codfw", _sample("codfw", "eqiad", 33.0)).via == ("codfw", "eqiad")


def test_family_asked_for_comes_before_the_other() -> None:
    """A v6 route uses v6 measurements, then those of no family, then v4 with a penalty."""
    four, six = _sample("eqiad", "codfw", 33.0, family=4), _sample("eqiad", "codfw", 60.0, family=6)
    assert _estimate("eqiad", "codfw", four, six, family=6).rtt_ms == 60.0
    assert _estimate("eqiad", "codfw", four, six, family=4).rtt_ms == 33.0
    found = _estimate("eqiad", "codfw", four, family=6)
    assert (found.rtt_ms, found.rung, found.penalty) == (33.0, "other-family", 0.05)


def test_dead_path_keeps_its_loss_whichever_rung_gives_the_time() -> None:
    """All probes lost: the time comes from the next rung, the loss stays."""
    found = _estimate("eqiad", "codfw", _sample("eqiad", "codfw", None, loss=1.0), _sample("codfw", "eqiad", 33.0))
    assert (found.rtt_ms, found.rung, found.loss) == (33.0, "reverse", 1.0)


def test_distrusted_coordinate_gives_no_estimate() -> None:
    """A location that the guard says is elsewhere is not near anything."""
    ladder = Ladder.of([], PLACES, now=NOW, distrusted=frozenset({Slug("eqiad")}))
    assert ladder.estimate(Slug("a1"), Slug("codfw"), family=4).rung == "default"
    assert ladder.estimate(Slug("esams"), Slug("codfw"), family=4).rung == "geo"


@settings(deadline=None)
@given(st.permutations([(33.0, 1), (35.0, 3), (34.0, 2), (36.0, 3)]))
def test_newest_measurement_counts_in_any_order_of_maps(order: list[tuple[float, int]]) -> None:
    """Two maps with the same pair: the newer sample; of the same moment, the lower round trip."""
    maps = [
        LatencyMap(f"m{rtt}", NOW, (_sample("eqiad", "codfw", rtt, measured_at=NOW - HOUR / when),))
        for rtt, when in order
    ]
    assert Ladder.of(maps, PLACES, now=NOW).estimate(Slug("eqiad"), Slug("codfw"), family=4).rtt_ms == 35.0
