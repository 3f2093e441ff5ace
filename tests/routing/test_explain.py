"""The explanation as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from nearboot.model import Reason
from nearboot.routing.explain import Explanation, filters

Explain = Callable[..., Explanation]


def test_value_carries_what_the_text_says(explained: Explain) -> None:
    """Candidates in rank order with estimate, health and time; files with blocks; places innermost first."""
    found = explained()
    assert [place.slug for place in found.places] == ["a1", "eqiad", "us"]
    assert [w.candidate.boot_server for w in found.candidates] == ["boot-eqiad", "boot-codfw", "boot-lab"]
    assert [w.health for w in found.candidates] == ["healthy 4 s ago", "failed 3 min ago", "never probed"]
    assert found.candidates[0].predicted_s == pytest.approx((5682 + 28410) * 0.0003)
    assert [(d.name, d.size, d.blocks) for d in found.downloads] == [
        ("kernel", 8_000_000, 5682), ("initrd", 40_000_000, 28410),
    ]  # fmt: skip


def test_each_boot_server_falls_out_at_its_first_fault(explained: Explain) -> None:
    """Disabled before it is asked whether it is up; a condition that nobody fails is told only where all expect it."""
    found = {each.condition: (each.passed, each.out, each.ignored) for each in explained().filters}
    assert found == {
        "not disabled": (2, ("boot-lab",), False),
        "allowed here": (2, (), False),
        "has an IPv4 address": (2, (), False),
        "active, not draining": (2, (), False),
        "did not fail its last read": (1, ("boot-codfw",), False),
    }


def test_a_condition_that_all_fail_does_not_count(explained: Explain) -> None:
    """As the selection: a boot server that failed is better than none; in a panic no failure is believed."""
    servers = [each.server for each in explained().candidates if each.server and each.server.name == "boot-codfw"]
    route = explained(servers=servers).route
    assert [(each.passed, each.ignored) for each in filters(route)][-1] == (0, True)
    believed = explained().route
    panicked = replace(believed, reasons=(*believed.reasons, Reason("panic", "")))
    assert [each.ignored for each in filters(panicked) if "read" in each.condition] == [True]


def test_unknown_sizes_are_an_example(explained: Explain) -> None:
    """So that there is a number to compare by; it is marked as what it is."""
    found = explained(files={})
    assert found.example
    assert [each.name for each in found.downloads] == ["100 MB"]
    assert not explained().example
