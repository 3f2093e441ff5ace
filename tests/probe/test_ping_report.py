"""Rounds in numbers, and as the edge list that ``latency load`` reads."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nearboot.latency import formats
from nearboot.probe.ping_report import edge_list, heard, is_alone, pairs, summary
from nearboot.probe.ping_round import Tally, Target

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MS = 1_000_000


def at(place: str, number: int = 1, family: int = 4) -> Target:
    return Target(place, f"{place}-{number}", f"192.0.2.{number}" if family == 4 else f"2001:db8::{number}", 31338)


def tally(sent: int, *rtts_ms: float) -> Tally:
    return Tally(sent, [round(rtt * MS) for rtt in rtts_ms])


def test_a_summary_has_the_usual_numbers() -> None:
    """Median, smallest, 95th percentile by the nearest rank, mean step from one to the next, loss."""
    item = summary(at("fra"), tally(25, *range(20, 0, -1)))
    assert (item.rtt_ms, item.min_ms, item.p95_ms, item.jitter_ms) == (10.5, 1, 19, 1)
    assert item.loss == pytest.approx(0.2)


def test_one_reply_has_no_jitter_and_none_no_times() -> None:
    """Nothing is made up."""
    one, none = summary(at("fra"), tally(2, 7)), summary(at("fra"), tally(2))
    assert (one.rtt_ms, one.p95_ms, one.jitter_ms) == (7, 7, None)
    assert (none.rtt_ms, none.loss) == (None, 1.0)
    assert summary(at("fra"), tally(0)).loss == 0.0


def test_targets_of_a_place_are_one_pair_for_each_family() -> None:
    """All of their probes together."""
    found = pairs([(at("fra", 1), tally(2, 1, 2)), (at("fra", 2), tally(2, 3)), (at("fra", 1, 6), tally(2, 9, 9))])
    assert [(pair.location, pair.family, pair.summary.rtt_ms, pair.summary.loss) for pair in found] == [
        ("fra", 4, 2, 0.25),
        ("fra", 6, 9, 0),
    ]


def test_a_dead_host_is_no_loss_on_the_path() -> None:
    """While another at its place answers; if none does, the place is out of reach."""
    (mixed,) = pairs([(at("fra", 1), tally(4, 1, 1, 1, 1)), (at("fra", 2), tally(4))])
    (gone,) = pairs([(at("fra", 1), tally(4)), (at("fra", 2), tally(4))])
    assert (mixed.summary.loss, gone.summary.loss, gone.summary.sent) == (0, 1, 8)


def test_what_could_not_be_sent_is_no_pair() -> None:
    """A machine without IPv6 says nothing of it."""
    assert pairs([(at("fra", 1, 6), Tally(unsent=4))]) == []


def test_a_pinger_that_hears_nobody_suspects_itself() -> None:
    """All of several places at once; of a single one it cannot tell."""
    silent = pairs([(at("fra"), tally(4)), (at("lhr", 2), tally(4))])
    assert is_alone(silent) and not is_alone(silent[:1])
    assert not is_alone(pairs([(at("fra"), tally(4)), (at("lhr", 2), tally(4, 1))]))


def test_a_family_in_which_nobody_answers_is_left_out() -> None:
    """IPv6 that leads nowhere from here."""
    found = pairs([(at(place, number, family), tally(4, *([5] if family == 4 else [])))
                   for number, place in enumerate(("fra", "lhr"), 1) for family in (4, 6)])  # fmt: skip
    assert {pair.family for pair in heard(found)} == {4}
    assert len(heard(found[:2])) == 2, "of a single place it cannot be told"


def test_the_map_is_read_by_latency_load() -> None:
    """With units, loss, counts and time; a place that cannot be reached has loss 1, the way to itself is none."""
    found = pairs([(at("fra"), tally(4, 8.25, 8, 8.5)), (at("lhr", 2), tally(4)), (at("ams", 3), tally(4, 0.1))])
    parsed = formats.parse("probe-ams.csv", edge_list("ams", found, NOW), source=None, now=NOW)
    assert parsed.source == "probe-ams" and not parsed.quarantined
    rows = [(row.src, row.dst, row.rtt_ms, row.min_ms, row.loss, row.count, row.measured_at) for row in parsed.rows]
    assert rows == [("ams", "fra", 8.25, 8, 0.25, 4, NOW), ("ams", "lhr", None, None, 1, 4, NOW)]
    assert [(row.family, row.jitter_ms) for row in parsed.rows] == [(4, 0.375), (4, None)]


def test_the_families_of_a_pair_stay_apart() -> None:
    """One row each, which nobody merges."""
    found = pairs([(at("fra"), tally(1, 8)), (at("fra", 1, 6), tally(1, 9))])
    parsed = formats.parse("m.csv", edge_list("ams", found, NOW), source=None, now=NOW)
    assert [(row.family, row.rtt_ms) for row in parsed.rows] == [(4, 8), (6, 9)]
