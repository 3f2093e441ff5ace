"""Findings as text."""

from __future__ import annotations

import pytest

from nearboot.inventory.finding import Finding, Severity, some


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        pytest.param(Finding(Severity.ERROR, "c", "t", file="f", line=7), "error f:7: t [c]", id="line"),
        pytest.param(Finding(Severity.WARNING, "c", "t", file="f"), "warning f: t [c]", id="file"),
        pytest.param(Finding(Severity.INFO, "c", "t"), "info t [c]", id="no-place"),
    ],
)
def test_a_finding_is_one_line(finding: Finding, text: str) -> None:
    """Severity, place, text, code: the order in which compilers speak."""
    assert str(finding) == text


def test_some_names_the_first_and_counts_the_rest() -> None:
    """A list of thousands is no text."""
    assert some(["a", "b"]) == "a, b"
    assert some("abcde") == "a, b, c and 2 more"
