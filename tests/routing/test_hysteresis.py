"""What holds a location where it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf

import pytest

from nearboot.model import Slug
from nearboot.routing.hysteresis import Held, Hysteresis, Previous, Seen, margin_ms
from nearboot.routing.policy import Policy

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AMS, BOOT = Slug("ams"), Slug("boot")
POLICY = Policy(margin_ms=1.0, margin_noise=2.0, margin_share=0.05)


@pytest.mark.parametrize(
    ("kept", "other", "expected"),
    [
        pytest.param(Seen(5.0, 0.1), Seen(4.0, 0.1), 1.0, id="the-least"),
        pytest.param(Seen(50.0, 3.0), Seen(40.0, 4.0), 10.0, id="noise-of-both"),
        pytest.param(Seen(80.0), Seen(60.0), 5.0, id="a-share-where-noise-is-unknown"),
        pytest.param(Seen(80.0, 1.5), Seen(80.0), 5.0, id="one-known"),
        pytest.param(Seen(inf), Seen(60.0), 1.0, id="unknown-path"),
    ],
)
def test_margin_is_the_largest_of_what_measuring_errs(kept: Seen, other: Seen, expected: float) -> None:
    """The policy's least, or twice the noise of both paths together."""
    assert margin_ms(kept, other, POLICY) == pytest.approx(expected)


def _hysteresis(moved_s: float | None, *, frozen: bool = False) -> Hysteresis:
    moved_at = None if moved_s is None else NOW - timedelta(seconds=moved_s)
    previous = Previous({AMS: Held(BOOT, moved_at)}, frozenset({BOOT}), NOW)
    found = Hysteresis.of(previous, AMS, policy=POLICY, now=NOW, frozen=frozen)
    assert found is not None
    return found


def test_what_had_nothing_is_held_by_nothing() -> None:
    """The first choice is free."""
    assert Hysteresis.of(Previous(), AMS, policy=POLICY, now=NOW, frozen=False) is None


def test_margin_hold_and_freeze_keep_and_the_new_may_challenge() -> None:
    """Nearer by more than the margin; not within the hold; not while frozen; one that could not be used before may."""
    kept, nearer, slightly = Seen(10.0, 0.1), Seen(3.0, 0.1), Seen(9.5, 0.1)
    free, moved, frozen = _hysteresis(None), _hysteresis(60), _hysteresis(None, frozen=True)
    assert [each.challenges(nearer, kept) for each in (free, moved, frozen)] == [True, False, False]
    assert [each.challenges(slightly, kept) for each in (free, moved, frozen)] == [False] * 3
    new = Seen(9.5, 0.1, fresh=True)
    assert [each.challenges(new, kept) for each in (free, moved, frozen)] == [True] * 3
    assert (moved.code, moved.left_s, frozen.code) == ("hold-down", 540.0, "frozen")
    assert _hysteresis(601).code == ""


def test_unknown_paths_never_challenge_and_are_left_for_any_known() -> None:
    """Nothing is known of them: they are behind all."""
    free = _hysteresis(None)
    assert free.challenges(Seen(300.0), Seen(inf))
    assert not free.challenges(Seen(inf), Seen(300.0))
    assert not free.challenges(Seen(inf), Seen(inf))
