"""YAML nodes with lines, and YAML's own faults."""

from __future__ import annotations

import pytest

from nearboot.inventory.document import Page, describe, expected_one_of, is_null, line, quoted


def compose(text: str) -> Page:
    page = Page("a.yaml")
    page.compose(text)
    return page


def test_scalars_stay_text_and_know_their_line() -> None:
    page = Page("a.yaml")
    (root,) = page.compose("a: 1\nb: on\n")
    found = page.mapping(root, "")
    assert found is not None
    assert [(name, value.value, line(value)) for name, (_, value) in found.items()] == [("a", "1", 1), ("b", "on", 2)]


@pytest.mark.parametrize(
    ("text", "null"),
    [
        pytest.param("~", True, id="tilde"),
        pytest.param("null", True, id="null"),
        pytest.param("a: ", False, id="mapping"),
        pytest.param("''", False, id="quoted-empty"),
        pytest.param("'null'", False, id="quoted-null"),
    ],
)
def test_only_unquoted_nothing_is_nothing(text: str, null: bool) -> None:
    (node,) = Page("a.yaml").compose(text)
    assert is_null(node) is null


@pytest.mark.parametrize(
    ("text", "where", "found"),
    [
        pytest.param("a:\n\t- b\n", 2, "a tab", id="tab-as-indent"),
        pytest.param("a:\n  - b: c\n\td: e\n", 3, "a tab", id="tab-later"),
        pytest.param("a: [b\nc: d\n", 2, "broken YAML", id="open-list"),
        pytest.param("a: *b\n", 1, "broken YAML (found undefined alias", id="undefined-alias"),
        pytest.param("a:\n  - b: c\n d: e\n", 3, "; the indentation does not fit the lines above)", id="indentation"),
        pytest.param("a: b: c\n", 1, "broken YAML", id="two-colons"),
    ],
)
def test_broken_yaml_is_one_fault_with_its_line(text: str, where: int, found: str) -> None:
    (fault,) = compose(text).faults
    assert fault.line == where
    assert found in fault.found
    assert fault.expected.endswith("; what follows in this file was not read")


def test_the_first_of_several_merges_wins_and_own_fields_win_over_all() -> None:
    page = Page("a.yaml")
    (root,) = page.compose("{<<: [{a: 1, b: 1, c: 1}, {b: 2, c: 2, d: 2}], c: 3}")
    found = page.mapping(root, "") or {}
    assert {name: value.value for name, (_, value) in found.items()} == {"a": "1", "b": "1", "c": "3", "d": "2"}
    assert page.faults == []


def test_a_fields_name_must_be_text() -> None:
    page = Page("a.yaml")
    (root,) = page.compose("{[a]: 1}")
    page.mapping(root, "x")
    assert str(page.faults[0]) == "a.yaml:1: x: found a list as a field's name; expected text"


def test_nodes_for_people() -> None:
    nodes = [Page("a.yaml").compose(text)[0] for text in ("[]", "{a: b}", "~", "x", "!odd x")]
    assert [describe(node) for node in nodes] == ["a list", "a mapping", "nothing", "'x'", "the YAML tag !odd"]


def test_long_texts_are_cut_and_the_nearest_choice_is_named() -> None:
    assert quoted("x" * 100) == repr("x" * 60 + "...")
    assert expected_one_of("naem", ["name", "slug"]) == "one of name, slug; did you mean 'name'?"
    assert expected_one_of("zzz", ["name", "slug"]) == "one of name, slug"
