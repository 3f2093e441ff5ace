"""Tiers from CSV, and slugs for roles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.errors import InputError
from nearboot.inventory.importers.rules import TierTable
from nearboot.inventory.importers.tier_names import load_tiers, tier_slugs
from nearboot.model import slug_from_text


def test_names_are_lower_case_and_columns_may_stand_anywhere() -> None:
    """Further columns and blank lines are fine."""
    text = "role,rack,host\ndb,1,A.example.net\n\ncache::text,2,b.example.net\n"
    table = TierTable("t.csv", "host", "role")
    assert load_tiers(text, "t.csv", table) == {"a.example.net": "db", "b.example.net": "cache::text"}


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param("", ["t:1: found columns none; expected a column 'role'"], id="empty"),
        pytest.param("fqdn;role\n", ["t:1: found columns fqdn;role; expected a column 'role'"], id="separator"),
        pytest.param(
            "fqdn,role\na,b,c\n,x\nd,e\nd,f\ng,a\tb\n",
            [
                "t:2: found 3 fields; expected 2, as in the header",
                "t:3: found an empty field; expected a name and a role (leave out hosts without)",
                "t:5: d: found role 'f'; expected 'e', as further above",
                "t:6: found 'g, a\\tb'; expected text without control characters",
            ],
            id="rows",
        ),
    ],
)
def test_rows_that_cannot_be_used_are_reported_together(text: str, faults: list[str]) -> None:
    """Two roles of one host contradict each other: a person must choose."""
    with pytest.raises(InputError) as error:
        load_tiers(text, "t", TierTable("t"))
    assert [str(fault) for fault in error.value.faults][-len(faults) :] == faults


def test_slugs_keep_what_they_can_and_never_meet() -> None:
    """A role that is a slug keeps it; one that would become the same gets a number."""
    assert tier_slugs(["a::b", "a--b", "acme_chief", "A::B", "::"]) == {
        "acme_chief": "acme_chief",
        "a--b": "a--b",
        "A::B": "a--b-2",
        "a::b": "a--b-3",
        "::": "unnamed",
    }


@given(st.sets(st.text(max_size=120), max_size=20))
def test_any_roles_get_slugs_of_their_own(roles: set[str]) -> None:
    """The order of the roles makes no difference."""
    slugs = tier_slugs(roles)
    assert slugs.keys() == roles
    assert len({slug_from_text(slug) for slug in slugs.values()}) == len(roles)
    assert tier_slugs(sorted(roles)) == tier_slugs(sorted(roles, reverse=True))
