"""The most specific boot profile wins."""

from __future__ import annotations

from itertools import permutations

import pytest

from nearboot.model import BootProfile, Server, Slug
from nearboot.model.profile import profile_of

PROFILES = (
    BootProfile(Slug("any"), Slug("i")),
    BootProfile(Slug("tier"), Slug("i"), tier=Slug("web")),
    BootProfile(Slug("model"), Slug("i"), model=Slug("r640")),
    BootProfile(Slug("both"), Slug("i"), tier=Slug("web"), model=Slug("r640")),
)


@pytest.mark.parametrize(
    ("tier", "model", "own", "expected"),
    [
        pytest.param("web", "r640", None, "both", id="both"),
        pytest.param("db", "r640", None, "model", id="model"),
        pytest.param("web", "r740", None, "tier", id="tier"),
        pytest.param(None, None, None, "any", id="neither"),
        pytest.param("web", "r640", "any", "any", id="its own wins"),
        pytest.param("web", "r640", "gone", None, id="its own must exist"),
    ],
)
def test_the_most_specific_profile_wins(tier: str, model: str, own: str, expected: str) -> None:
    """In whatever order the profiles come."""
    server = Server("w", Slug("ams"), tier=tier and Slug(tier), model=model and Slug(model), profile=own and Slug(own))  # type: ignore[arg-type]
    for profiles in permutations(PROFILES):
        found = profile_of(server, profiles)
        assert (found.slug if found else None) == expected


def test_no_profile_fits() -> None:
    """That is an answer, not an error: the import doctor names such servers."""
    assert profile_of(Server("w", Slug("ams"), tier=Slug("db")), PROFILES[1:2]) is None
