"""Routes in a few words."""

from __future__ import annotations

import pytest

from nearboot.model import Candidate, Estimate, Reason, Route, Slug
from nearboot.routing.summary import known_by, trouble, why

INSIDE = (Slug("ams-r1"), Slug("ams"), Slug("emea"))


def _route(codes: list[str], candidates: int = 2) -> Route:
    found = tuple(Candidate(Slug(f"b{n}"), n, True, 1.0, 1.0, 0.0, "measured") for n in range(candidates))
    return Route(Slug("ams"), 4, found, None, tuple(Reason(code, "A long sentence.", {"equal": 3}) for code in codes))


@pytest.mark.parametrize(
    ("codes", "candidates", "text"),
    [
        pytest.param(["nearest"], 2, "nearest", id="usual"),
        pytest.param(["none-healthy", "nearest"], 2, "nearest; none healthy", id="unhealthy"),
        pytest.param(["only-one"], 2, "only one left", id="others cannot be used"),
        pytest.param(["only-one"], 1, "only one", id="one at all"),
        pytest.param(["nearest-spread"], 4, "spread over 3 equally near", id="spread"),
        pytest.param(["nothing-known"], 2, "spread, as nothing is known", id="unknown"),
        pytest.param(
            ["only-draining", "none-healthy", "only-one"],
            2,
            "only one left; only draining ones left; none healthy",
            id="worst",
        ),
        pytest.param(["no-boot-server"], 2, "none can be used", id="none"),
    ],
)
def test_why_is_short(codes: list[str], candidates: int, text: str) -> None:
    """The choice first, then what is wrong with it."""
    assert why(_route(codes, candidates)) == text


def test_trouble_is_what_an_operator_must_hear() -> None:
    """Being the only one is none."""
    assert trouble(_route(["only-one"])) == ()
    assert trouble(_route(["only-draining", "none-healthy", "nearest"])) == ("only-draining", "none-healthy")


@pytest.mark.parametrize(
    ("rung", "via", "text"),
    [
        pytest.param("local", None, "same site", id="local"),
        pytest.param("measured", None, "measured", id="measured"),
        pytest.param("reverse", ("fra", "ams-r1"), "measured the other way", id="reverse"),
        pytest.param("parent", ("ams", "fra"), "measured for ams", id="parent"),
        pytest.param("parent", ("fra", "ams"), "measured for ams", id="parent reversed"),
        pytest.param("parent", ("ams-r1", "fra"), "measured for fra", id="parent of the boot server's place"),
        pytest.param("geo", None, "distance", id="geo"),
        pytest.param("default", None, "nothing known", id="default"),
        pytest.param("other-family", None, "measured over the other IP version", id="other family"),
    ],
)
def test_how_a_path_is_known_is_in_plain_words(rung: str, via: tuple[Slug, Slug] | None, text: str) -> None:
    """Nobody has to know how missing pairs are estimated."""
    assert known_by(Estimate(1.0, 0.0, rung, via=via), INSIDE) == text


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        pytest.param(["kept"], "stays, as no other is clearly nearer", id="kept"),
        pytest.param(["pinned", "nearest"], "pinned; nearest", id="pinned"),
        pytest.param(["spilled"], "the nearest is full", id="spilled"),
        pytest.param(["over-capacity", "nearest"], "nearest; over capacity", id="over-capacity"),
        pytest.param(["panic", "nearest"], "nearest; health not believed", id="panic"),
    ],
)
def test_what_holds_or_overrules_nearness_is_named(codes: list[str], said: str) -> None:
    """Beside the choice, in a few words."""
    assert why(Route(Slug("ams"), 4, (), Slug("boot"), tuple(Reason(code, "") for code in codes))) == said
