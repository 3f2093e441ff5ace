"""Gauges, sums and expressions become round trips, loss and counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from nearboot.latency.rows import Options, RawRow, Unit
from nearboot.latency.series import NOTE_UNIT, NOTE_WHOLE, Pair, Series, row_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT = 1795345200.0


def _row(
    series: dict[str, Sequence[float]], *, unit: Unit | None = None, is_range: bool = True
) -> tuple[RawRow | None, str]:
    pair = Pair("ams", "fra")
    for index, (name, values) in enumerate(series.items()):
        points = tuple((AT + 15 * step, value) for step, value in enumerate(values))
        labels = {"phase": "rtt"} if "icmp" in name else {}
        pair.add(Series(name, labels, points, index))
    return row_of(pair, Options(NOW, unit), 1, is_range=is_range)


ICMP, SUCCESS, WHOLE = "probe_icmp_duration_seconds", "probe_success", "probe_duration_seconds"


def test_range_of_gauges_is_summed_up() -> None:
    """The median of the probes that succeeded; the loss of all; 0 is what a failed probe leaves."""
    row, note = _row({ICMP: [0.008, 0.0, 0.009, 0.010], SUCCESS: [1, 0, 1, 1]})
    assert row is not None
    assert (row.rtt_ms, row.min_ms, row.jitter_ms, row.loss, row.count) == (9.0, 8.0, 1.0, 0.25, 4)
    assert note == ""


def test_probe_that_never_succeeded_is_a_loss() -> None:
    """Whatever the duration says: it is the time-out."""
    row, note = _row({WHOLE: [9.5, 9.5], SUCCESS: [0, 0]})
    assert row is not None
    assert (row.rtt_ms, row.loss, row.count) == (None, 1.0, 2)
    assert note == NOTE_WHOLE


def test_round_trip_is_preferred_to_the_whole_probe() -> None:
    """Where both are there."""
    row, note = _row({WHOLE: [0.5], ICMP: [0.008], SUCCESS: [1]})
    assert row is not None
    assert (row.rtt_ms, note) == (8.0, "")


@pytest.mark.parametrize(
    ("unit", "latency", "rtt_ms", "note"),
    [(None, [0, 90_000], 10.0, NOTE_UNIT), (Unit.MS, [0, 90], 10.0, ""), (Unit.S, [0.0, 0.09], 10.0, "")],
)
def test_sums_are_taken_apart(unit: Unit | None, latency: list[float], rtt_ms: float, note: str) -> None:
    """Latency by successes; µs unless it is said, and then that is told."""
    row, told = _row({"cloudprober_latency": latency, "success": [100, 109], "total": [100, 110]}, unit=unit)
    assert row is not None
    assert (row.rtt_ms, row.loss, row.count, told) == (rtt_ms, pytest.approx(0.1), 10, note)


def test_prober_that_began_anew_counts_from_zero() -> None:
    """A sum that falls is a restart."""
    row, _ = _row({"latency": [5e6, 5e6 + 1e4, 2e4], "success": [500, 501, 2], "total": [500, 501, 2]})
    assert row is not None
    assert (row.rtt_ms, row.count, row.loss) == (10.0, 3, 0.0)


def test_expression_is_in_the_stated_unit() -> None:
    """rate(latency)/rate(success) has no name, and so no unit."""
    row, _ = _row({"": [8240.0]}, unit=Unit.US, is_range=False)
    assert row is not None
    assert (row.rtt_ms, row.count) == (8.24, 0)


@pytest.mark.parametrize(
    ("series", "options", "reason"),
    [
        pytest.param({ICMP: [0.0], SUCCESS: [1]}, {}, "not above 0", id="zero-though-it-succeeded"),
        pytest.param({ICMP: [8.2], SUCCESS: [1]}, {"unit": Unit.MS}, "is in s, but --unit ms", id="another-unit"),
        pytest.param({ICMP: [8200.0], SUCCESS: [1]}, {}, "is the unit right?", id="ms-for-seconds"),
        pytest.param({"latency": [5e6], "success": [9], "total": [9]}, {"is_range": False}, "query_range", id="vector"),
        pytest.param({"success": [1, 2], "total": [1, 2]}, {}, "latency is missing", id="no-latency"),
        pytest.param({"latency": [1, 1], "success": [1, 1], "total": [1, 1]}, {}, "no probe was sent", id="idle"),
        pytest.param({"ping_rtt_seconds": [1.0]}, {"unit": Unit.MS}, "is in s, but --unit ms", id="named-unit"),
    ],
)
def test_what_cannot_be_told_says_why(series: dict[str, list[float]], options: dict[str, object], reason: str) -> None:
    """And how to ask for it."""
    with pytest.raises(ValueError, match=reason):
        _row(series, **options)  # type: ignore[arg-type]  # a table of keywords
