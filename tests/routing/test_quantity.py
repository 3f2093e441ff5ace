"""Numbers as people read them."""

from __future__ import annotations

import pytest

from nearboot.routing.quantity import age_text, ms_text, seconds_text


@pytest.mark.parametrize(
    ("age_s", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 d"), (-3, "0 s")]
)
def test_age_is_in_its_largest_fitting_unit(age_s: float, text: str) -> None:
    """One number, short enough for a table."""
    assert age_text(age_s) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "unknown"), (1.55, "1.6 s"), (95.2, "95 s"), (700, "12 min"), (7199, "120 min"), (12_600, "3.5 h")],
)
def test_duration_has_as_many_digits_as_one_reads(value: float | None, text: str) -> None:
    """From a kernel next door to an initrd across the world."""
    assert seconds_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "unknown"), (0.2834, "0.283 ms"), (1, "1.0 ms"), (84.19, "84.2 ms")]
)
def test_milliseconds_below_one_keep_their_digits(value: float | None, text: str) -> None:
    """0.3 and 0.28 ms are different switches."""
    assert ms_text(value) == text
