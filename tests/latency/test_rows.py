"""Cells become values or a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.latency.rows import (
    RawRow,
    Unit,
    merge_duplicates,
    read_count,
    read_loss,
    read_name,
    read_rtt_ms,
    read_time,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        pytest.param("83.4", Unit.MS, 83.4, id="milliseconds"),
        pytest.param("0.0834", Unit.S, 83.4, id="seconds"),
        pytest.param(" 83400 ", Unit.US, 83.4, id="microseconds-padded"),
        pytest.param("1e1", Unit.MS, 10.0, id="exponent"),
        pytest.param("10", Unit.S, 10_000.0, id="the-bound-itself"),
    ],
)
def test_round_trip_is_read_in_its_unit(text: str, unit: Unit, expected: float) -> None:
    """A stated unit is converted to milliseconds."""
    assert read_rtt_ms(text, unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "is empty", id="blank"),
        pytest.param("122 ms", "carries its unit in the cell", id="unit-in-cell"),
        pytest.param("122ms", "carries its unit in the cell", id="unit-glued"),
        pytest.param("5%", "is a percentage", id="percent"),
        pytest.param("timeout", "is not a number", id="word"),
        pytest.param("12,5", "is not a number", id="decimal-comma"),
        pytest.param("1_0", "is not a number", id="python-digit-group"),
        pytest.param("-1", "-1 marks no reply", id="sentinel"),
        pytest.param("0", "not above 0", id="zero"),
        pytest.param("nan", "not finite", id="nan"),
        pytest.param("inf", "not finite", id="infinite"),
        pytest.param("10001", "is the unit right?", id="above-ten-seconds"),
    ],
)
def test_impossible_round_trip_says_why(text: str, reason: str) -> None:
    """What cannot be a round trip is refused with what it looks like."""
    with pytest.raises(ValueError, match=reason):
        read_rtt_ms(text, Unit.MS)


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_cell_gives_a_plausible_number_or_a_reason(text: str) -> None:
    """A cell of anything is a value within the bounds, or a ValueError with a message."""
    try:
        value = read_rtt_ms(text, Unit.MS)
    except ValueError as error:
        assert str(error)
    else:
        assert 0 < value <= 10_000


@pytest.mark.parametrize(
    ("text", "reason"), [("1.5", "a percentage"), ("-0.1", "0 to 1"), ("3%", "percentage"), ("x", "number")]
)
def test_loss_is_a_share(text: str, reason: str) -> None:
    """A percentage is never taken for a share."""
    with pytest.raises(ValueError, match=reason):
        read_loss(text)


@pytest.mark.parametrize("text", ["0", "-3", "2.5", "many"])
def test_count_is_a_whole_number(text: str) -> None:
    """Probes are counted in whole numbers from 1."""
    with pytest.raises(ValueError, match="count"):
        read_count(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-11-22 11:00:00", id="naive-is-utc"),
        pytest.param("2026-11-22T12:00:00+01:00", id="zone"),
        pytest.param("2026-11-22T11:00:00Z", id="zulu"),
        pytest.param("1795345200", id="epoch-s"),
        pytest.param("1795345200.0", id="epoch-s-fraction"),
        pytest.param("1795345200000", id="epoch-ms"),
        pytest.param("1795345200000000", id="epoch-us"),
        pytest.param("1795345200000000000", id="epoch-ns"),
    ],
)
def test_time_is_read_in_its_usual_forms(text: str) -> None:
    """ISO 8601, and an epoch whose magnitude tells its unit."""
    assert read_time(text, NOW) == NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "reason"), [("2026-11-22 12:02:00", "future"), ("yesterday", "ISO 8601"), ("12", "epoch")]
)
def test_time_that_cannot_be_is_refused(text: str, reason: str) -> None:
    """A clock that runs ahead, and what is no time."""
    with pytest.raises(ValueError, match=reason):
        read_time(text, NOW)


def test_name_is_composed_and_trimmed() -> None:
    """The same name in decomposed Unicode (macOS) is the same name."""
    assert read_name(" Zu\u0308rich ") == "Z\u00fcrich"


@pytest.mark.parametrize("text", ["", "  ", "a\x00b", "x" * 201])
def test_name_that_is_no_name_is_refused(text: str) -> None:
    """Empty, unprintable and endless names stay out."""
    with pytest.raises(ValueError, match="name"):
        read_name(text)


def test_repeated_pair_becomes_its_median() -> None:
    """The median of the round trips, the lowest minimum, all probes, the newest time; directions stay apart."""
    rows = [
        RawRow("a", "b", 10.0, 9.0, count=5, measured_at=NOW, line=2),
        RawRow("a", "b", 90.0, 8.0, count=5, line=3),
        RawRow("a", "b", 12.0, None, count=5, measured_at=NOW - timedelta(1), line=4),
        RawRow("b", "a", 50.0, line=5),
    ]
    merged, extra = merge_duplicates(rows)
    assert extra == 2
    assert merged == [RawRow("a", "b", 12.0, 8.0, 0.0, 15, NOW, 2), RawRow("b", "a", 50.0, line=5)]
