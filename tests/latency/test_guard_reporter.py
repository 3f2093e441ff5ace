"""Reporters that are alone with what they say, and pairs whose directions differ."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nearboot.latency.guard_reporter import asymmetry, leaps, outliers
from nearboot.latency.place import Places
from nearboot.model import LatencyMap, LatencySample, Location, LocationKind, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SITES = "abcdef"


def _map(changed: dict[str, float] | None = None, *, targets: str = SITES, epoch: int = 0) -> LatencyMap:
    """Everyone reports everyone at 10 ms a letter; ``changed``: reporter or pair → factor."""
    changed = changed or {}
    samples = [
        LatencySample(Slug(a), Slug(b), 10.0 * abs(ord(a) - ord(b)) * changed.get(a, 1.0) * changed.get(a + b, 1.0))
        for a in SITES
        for b in targets
        if a != b
    ]
    return LatencyMap("wan", NOW, tuple(samples), epoch)


@pytest.mark.parametrize("factor", [0.001, 0.5, 2.0, 30.0])
def test_a_reporter_whom_all_others_deny_is_left_out(factor: float) -> None:
    """Half round trips, another unit, a loaded machine: the reports of the others of the same paths stand."""
    heard = outliers(_map({"c": factor}))
    assert {sample.src for sample in heard.map.samples} == set("abdef")
    assert {sample.dst for sample in heard.map.samples} == set(SITES)
    (reason,) = heard.reasons
    assert reason.code == "outlier-reporter"
    assert reason.data == {"reporter": "c", "times": pytest.approx(factor, rel=1e-3), "pairs": 5, "left_out": True}
    assert [(sample.src, sample.dst) for sample, _ in heard.refused] == [("c", other) for other in "abdef"]
    assert heard.refused[0][1] == f"c reports {factor:g} times what the others report of the same paths"


def test_others_may_deny_a_reporter_from_maps_of_their_own() -> None:
    """Where each place publishes its own map there is but one reporter in each."""
    whole = _map({"c": 0.5})
    mine = LatencyMap("c", NOW, tuple(sample for sample in whole.samples if sample.src == "c"))
    others = [sample for sample in whole.samples if sample.src != "c"]
    assert outliers(mine).refused == ()
    heard = outliers(mine, others)
    assert (heard.map.samples, len(heard.refused)) == ((), 5)
    honest = LatencyMap("a", NOW, tuple(sample for sample in whole.samples if sample.src == "a"))
    assert outliers(honest, [sample for sample in whole.samples if sample.src != "a"]).reasons == ()
    pair = LatencyMap("a", NOW, tuple(sample for sample in _map({"ad": 5.0}).samples if sample.src == "a"))
    assert [sample.dst for sample, _ in asymmetry(pair, _places(0.5), _map().samples[5:]).refused] == ["d"]


def test_a_doubtful_reporter_is_named_and_kept() -> None:
    heard = outliers(_map({"c": 1.4}))
    assert (len(heard.map.samples), heard.refused) == (30, ())
    assert [reason.code for reason in heard.reasons] == ["doubtful-reporter"]


@pytest.mark.parametrize(
    "changed", [{}, {"a": 1.1}, {"ab": 9.0}, {"ab": 9.0, "ba": 9.0}], ids=["same", "a little", "a pair", "both ways"]
)
def test_reporters_who_agree_are_not_named(changed: dict[str, float]) -> None:
    """A path that is bad is a path, and not its reporter."""
    assert outliers(_map(changed)).reasons == ()


def test_of_a_few_nobody_can_tell_who_is_wrong() -> None:
    samples = tuple(s for s in _map({"a": 0.5}).samples if {s.src, s.dst} <= {"a", "b", "c"})
    assert outliers(LatencyMap("wan", NOW, samples)).refused == ()


def test_who_leaps_alone_and_is_not_measured_back_is_left_out() -> None:
    """Vantages that only measure boot servers have nobody to deny them but their own past."""
    heard = leaps(_map({"c": 0.1}, targets="x"), _map(targets="x", epoch=2))
    assert heard.reasons == (), "one pair is not enough"
    targets = "xyz"
    heard = leaps(_map({"c": 0.1}, targets=targets), _map(targets=targets, epoch=2))
    assert {sample.src for sample, _ in heard.refused} == {"c"}
    assert heard.refused[0][1] == "c reports 0.1 times its own last map (epoch 2)"
    assert leaps(_map({"c": 0.4}, targets=targets), _map(targets=targets)).refused == (), "less than four times"
    assert leaps(_map({"c": 0.1}), _map()).refused == (), "the others measure back: they are asked"


def _places(step: float) -> Places:
    return Places.of(
        Location(Slug(s), LocationKind.SITE, latitude=0.0, longitude=step * n) for n, s in enumerate(SITES)
    )


@pytest.mark.parametrize(
    ("factor", "step", "left_out"),
    [
        pytest.param(3.0, 1.0, [("a", "c")], id="longer: queues and detours only add"),
        pytest.param(0.1, 0.5, [("c", "a")], id="shorter, and glass can do it: the other one is longer"),
        pytest.param(0.1, 4.0, [("a", "c")], id="shorter than glass: too good to be true"),
        pytest.param(1.9, 1.0, [], id="within two"),
    ],
)
def test_the_doubtful_direction_of_a_pair_is_left_out(
    factor: float, step: float, left_out: list[tuple[str, str]]
) -> None:
    """Of 231 real pairs that differ by more than two the shorter direction was the likelier one in 224."""
    heard = asymmetry(_map({"ac": factor}), _places(step))
    assert [(sample.src, sample.dst) for sample, _ in heard.refused] == left_out
    assert len(heard.map.samples) == 30 - len(left_out)
    assert [reason.code for reason in heard.reasons] == ["asymmetry"] * len(left_out)
    if factor == 3.0:
        assert heard.reasons[0].data == {"pairs": 1, "worst": 3.0, "src": "a", "dst": "c"}
        assert heard.refused[0][1] == "60 ms one way and 20 ms the other: 3 times"


def test_the_order_of_samples_does_not_matter() -> None:
    given = _map({"c": 0.5, "ab": 5.0})
    back = LatencyMap("wan", NOW, given.samples[::-1])
    for check in (outliers, lambda each: asymmetry(each, _places(1.0))):
        one, other = check(given), check(back)
        assert set(one.map.samples) == set(other.map.samples)
        assert one.reasons == other.reasons
