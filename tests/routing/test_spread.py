"""The spread's hash and scores."""

from __future__ import annotations

from statistics import mean

import pytest

from nearboot.model import Slug
from nearboot.routing.spread import TURN_SALT, key, score, spread_score, uniform


def test_score_is_the_same_on_every_machine() -> None:
    """The spread must not move when Python or the machine changes: the value is pinned."""
    assert spread_score(Slug("esams"), Slug("boot-esams"), 100) == pytest.approx(PINNED_SCORE, rel=1e-12)


PINNED_SCORE = 40.74196587390855


def test_numbers_are_even_over_pairs() -> None:
    """Their mean is a half along either side, and salted ones are others."""
    one, many = key("esams"), [key(f"boot-{n}") for n in range(4000)]
    assert mean(uniform(one, each) for each in many) == pytest.approx(0.5, abs=0.02)
    assert mean(uniform(each, one) for each in many) == pytest.approx(0.5, abs=0.02)
    assert all(uniform(one, each) != uniform(one, each, TURN_SALT) for each in many)
    together = mean((uniform(one, each) - 0.5) * (uniform(one, each, TURN_SALT) - 0.5) for each in many)
    assert together == pytest.approx(0.0, abs=0.01), "whose turn it is has nothing to do with who wins"


def test_no_weight_no_score() -> None:
    """Such a one wins nothing while another has weight."""
    assert (score(0.999, 0), score(0.999, -3)) == (0.0, 0.0)
    assert score(0.001, 1) > 0
