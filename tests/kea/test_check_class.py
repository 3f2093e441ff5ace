"""Checks of client classes."""

from __future__ import annotations

import pytest

from nearboot.kea.check_class import findings_of_classes
from nearboot.kea.document import Json

A: Json = {"name": "a", "test": "option[60].exists"}


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        pytest.param({"client-classes": [A, A]}, "client-classes[1].name", "twice", id="twice"),
        pytest.param({"client-classes": [{"test": "1"}]}, "client-classes[0].name", "missing", id="nameless"),
        pytest.param(
            {"client-classes": [{"name": "b", "test": "not member('a')"}, A]},
            "client-classes[0].test",
            "defined after",
            id="too-late",
        ),
        pytest.param(
            {"client-classes": [{"name": "b", "test": "member('x')"}]},
            "client-classes[0].test",
            "not defined",
            id="test-of-nothing",
        ),
        pytest.param(
            {"subnet4": [{"require-client-classes": ["x"]}]},
            "subnet4[0].require-client-classes[0]",
            "not defined",
            id="required-but-unknown",
        ),
        pytest.param(
            {"subnet4": [{"reservations": [{"client-classes": ["x"]}]}]},
            "subnet4[0].reservations[0].client-classes[0]",
            "not defined",
            id="reserved-but-unknown",
        ),
        pytest.param(
            {"subnet4": [{"pools": [{"client-class": "x"}]}]},
            "subnet4[0].pools[0].client-class",
            "nobody is served",
            id="pool-of-nobody",
        ),
        pytest.param(
            {"subnet4": [{"reservations": [{"client-classes": []}]}]},
            "subnet4[0].reservations[0].client-classes",
            "syntax error",
            id="empty-list",
        ),
        pytest.param({"client-classes": []}, "client-classes", "syntax error", id="empty-definitions"),
        pytest.param(
            {"client-classes": [A | {"only-if-required": True}]},
            "client-classes[0]",
            "nothing requires it",
            id="never-required",
        ),
    ],
)
def test_references_that_lead_nowhere_are_named(document: Json, path: str, words: str) -> None:
    """Kea ignores most of these without a word."""
    findings = list(findings_of_classes(document, 4))
    assert [finding.path for finding in findings] == [path]
    assert words in findings[0].text


@pytest.mark.parametrize("name", ["KNOWN", "UNKNOWN", "ALL", "VENDOR_CLASS_PXEClient", "DROP"])
def test_keas_own_classes_need_no_definition(name: str) -> None:
    """They are there in every configuration."""
    document: Json = {
        "client-classes": [{"name": "a", "test": f"member('{name}')"}],
        "subnet4": [{"client-class": name}],
    }
    assert list(findings_of_classes(document, 4)) == []
