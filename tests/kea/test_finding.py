"""Findings, and how they read."""

from __future__ import annotations

from nearboot.kea.finding import Finding, Severity


def test_a_finding_is_an_error_unless_said_otherwise() -> None:
    """One line: how bad, where, what."""
    assert str(Finding("subnet4[0].id", "missing")) == "error: subnet4[0].id: missing"
    assert str(Finding("x", "odd", Severity.WARNING)) == "warning: x: odd"
