"""The rung of the neighbours: sites tell of those near them, racks count as their site."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.latency.estimate import Ladder
from nearboot.model import LatencyMap, LatencySample, Location, LocationKind, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SITES = [
    Location(Slug(f"s{n:02}"), LocationKind.SITE, latitude=40.0 + n % 4, longitude=10.0 * (n // 4)) for n in range(16)
]
PLACES = [
    *SITES,
    Location(Slug("rack"), LocationKind.RACK, parent=Slug("s00")),
    Location(Slug("world"), LocationKind.REGION, latitude=0.0, longitude=0.0),
    Location(Slug("nowhere"), LocationKind.SITE),
]


def _rtt(a: int, b: int) -> float:
    return 30.0 + abs(a // 4 - b // 4) * 12.0


def _samples(*left_out: tuple[int, int]) -> list[LatencySample]:
    return [
        LatencySample(SITES[a].slug, SITES[b].slug, _rtt(a, b))
        for a in range(16)
        for b in range(16)
        if a != b and not {(a, b), (b, a)} & {*left_out}
    ]


def _ladder(samples: Sequence[LatencySample], distrusted: frozenset[Slug] = frozenset()) -> Ladder:
    return Ladder.of([LatencyMap("test", NOW, tuple(samples))], PLACES, now=NOW, distrusted=distrusted)


def test_a_missing_pair_is_what_its_neighbours_measure() -> None:
    """Neither what distance says (20 ms less) nor nothing; the rung and its penalty are told, no pair is."""
    found = _ladder(_samples((0, 12))).estimate(Slug("s00"), Slug("s12"), family=4)
    assert (found.rung, found.penalty, found.via, found.age_s) == ("neighbours", 0.10, None, None)
    assert found.rtt_ms == pytest.approx(_rtt(0, 12), rel=0.1)


def test_racks_count_as_their_site() -> None:
    """A rack whose site was not measured to the boot server's."""
    ladder = _ladder(_samples((0, 12)))
    found = ladder.estimate(Slug("rack"), Slug("s12"), family=4)
    assert found == ladder.estimate(Slug("s00"), Slug("s12"), family=4)


def test_measured_comes_first_and_distance_after() -> None:
    """The order of the rungs."""
    ladder = _ladder(_samples((0, 12)))
    assert ladder.estimate(Slug("s00"), Slug("s11"), family=4).rung == "measured"
    assert ladder.estimate(Slug("s00"), Slug("nowhere"), family=4).rung == "default"
    few = _ladder(_samples()[:3])
    assert few.estimate(Slug("s00"), Slug("s12"), family=4).rung == "geo"
    reverse = [s for s in _samples() if (s.src, s.dst) != ("s00", "s12")]
    assert _ladder(reverse).estimate(Slug("s00"), Slug("s12"), family=4).rung == "reverse"


def test_regions_and_distrusted_places_have_no_neighbours() -> None:
    """A coordinate that the guards do not believe makes no estimate."""
    ladder = _ladder(_samples((0, 12)), frozenset({Slug("s12")}))
    assert ladder.estimate(Slug("s00"), Slug("s12"), family=4).rung == "default"
    assert ladder.neighbours is not None
    assert ladder.neighbours.rtt_ms(Slug("s00"), Slug("world"), 4) is None


def test_samples_of_the_family_go_before_those_of_the_other() -> None:
    """IPv6 paths that are twice as long make IPv6 estimates twice as long."""
    four = _samples((0, 12))
    six = [LatencySample(s.src, s.dst, 2 * (s.rtt_ms or 0), family=6) for s in four]
    ladder = _ladder([*(LatencySample(s.src, s.dst, s.rtt_ms, family=4) for s in four), *six])
    found = {family: ladder.estimate(Slug("s00"), Slug("s12"), family=family).rtt_ms or 0 for family in (4, 6)}
    assert found[6] == pytest.approx(2 * found[4], rel=0.1)


def test_few_rows_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large fleets are ranked location by location; what was thrown away comes back the same."""
    monkeypatch.setattr("nearboot.latency.estimate_neighbours.MOST_ROWS", 2)
    ladder = _ladder(_samples((0, 12)))
    before = ladder.estimate(Slug("s00"), Slug("s12"), family=4)
    assert ladder.neighbours is not None
    for site in SITES:
        ladder.neighbours.rtt_ms(site.slug, Slug("nowhere"), 4)
        ladder.neighbours.rtt_ms(site.slug, Slug("s07"), 4)
    assert len(ladder.neighbours.rows) <= 2
    assert ladder.estimate(Slug("s00"), Slug("s12"), family=4) == before


@settings(deadline=None, max_examples=25)
@given(st.randoms(), st.floats(0, 1), st.floats(1e-3, 1e4))
def test_any_map_gives_the_same_sound_numbers_in_any_order(random: Random, share: float, most_ms: float) -> None:
    """Every pair has an estimate that is finite and positive, whatever was measured, and of a rung in the table."""
    samples = [
        LatencySample(s.src, s.dst, random.choice([None, random.uniform(1e-3, most_ms)]), loss=random.random())
        for s in _samples()
        if random.random() < share
    ]
    ladder = _ladder(samples)
    turned = samples[:]
    random.shuffle(turned)
    again = _ladder(turned)
    for a in ("s00", "s05", "rack"):
        for b in ("s03", "s12", "nowhere"):
            found = ladder.estimate(Slug(a), Slug(b), family=4)
            assert found == again.estimate(Slug(a), Slug(b), family=4)
            assert found.rung == "default" or (found.rtt_ms is not None and isfinite(found.rtt_ms) and found.rtt_ms > 0)
            assert 0 <= found.loss <= 1
