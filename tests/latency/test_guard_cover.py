"""Maps that are cut, mostly wrong, old, or have lost what the last one had."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nearboot.latency.alarm import Action
from nearboot.latency.guard_cover import age, bad_rows, coverage, cut_off, without_old
from nearboot.model import LatencyMap, LatencySample, Quarantine, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY_S = 86_400.0
SAMPLES = tuple(LatencySample(Slug("ams"), Slug(f"p{n}"), 5.0, measured_at=NOW) for n in range(8))
LAST = LatencyMap("wan", NOW, SAMPLES, 3)


def _measured(ago: timedelta) -> LatencyMap:
    return replace(LAST, samples=tuple(replace(sample, measured_at=NOW - ago) for sample in SAMPLES))


def _row(line: int, reason: str = "rtt -1 ms is not above 0") -> Quarantine:
    return Quarantine("wan.csv", line, "ams,fr", reason)


def test_a_file_that_ends_within_its_last_line_is_refused() -> None:
    """Half a row may be cut anywhere: within a number it could be read."""
    text = "src,dst,rtt_ms\nams,fra,8\nams,fr"
    (alarm,) = cut_off(text, [_row(3, "the line has 2 cells; the header has 3")])
    assert (alarm.action, alarm.reason.code) == (Action.REFUSE, "truncated")
    assert alarm.reason.text == "the file ends within line 3: 'ams,fr' (the line has 2 cells; the header has 3)"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("src,dst,rtt_ms\nams,fra,8\nams,fr\n", 3, id="a line end: the row is broken, not the file"),
        pytest.param("src,dst,rtt_ms\nams,fr\nams,fra,8", 2, id="a whole last row without line end"),
    ],
)
def test_a_file_that_was_written_to_its_end_is_not_called_cut(text: str, line: int) -> None:
    assert cut_off(text, [_row(line)]) == ()


@pytest.mark.parametrize(
    ("good", "bad", "refused"),
    [(10, 9, False), (10, 10, False), (10, 11, True), (0, 3, True), (1, 2, False)],
)
def test_a_file_most_of_whose_rows_are_wrong_is_refused(good: int, bad: int, refused: bool) -> None:
    """A few bad rows are quarantined, and the rest stands."""
    found = bad_rows(good, [_row(n + 2) for n in range(bad)])
    assert [alarm.action for alarm in found] == [Action.REFUSE] * refused
    if refused and good:
        assert found[0].reason.text == (
            "11 of 21 rows cannot be used, 11 of them as this one: line 2: rtt -1 ms is not above 0"
        )


def test_an_old_map_is_refused_with_its_age() -> None:
    (alarm,) = age(_measured(timedelta(days=3)), None, now=NOW, max_age_s=DAY_S)
    assert (alarm.action, alarm.reason.code) == (Action.REFUSE, "stale")
    assert alarm.reason.text == "the newest measurement is of 2026-11-19 12:00:00 UTC, 3 days ago"
    assert alarm.reason.data == {"age_s": 259_200, "max_age_s": DAY_S}


def test_any_age_will_do_where_it_is_so_set() -> None:
    assert age(_measured(timedelta(days=3000)), None, now=NOW, max_age_s=0) == ()


def test_a_map_from_before_the_one_in_use_is_refused() -> None:
    """Somebody sends an old file again; going back is an operator's decision."""
    (alarm,) = age(_measured(timedelta(hours=1)), LAST, now=NOW, max_age_s=DAY_S)
    assert alarm.reason.code == "older-than-last"
    assert alarm.reason.data == {"older_by_s": 3600, "last_epoch": 3}
    assert age(LAST, LAST, now=NOW, max_age_s=DAY_S) == (), "the same file again is no harm"


def test_a_map_without_times_has_no_age() -> None:
    untimed = replace(LAST, samples=tuple(replace(sample, measured_at=None) for sample in SAMPLES))
    assert age(untimed, LAST, now=NOW, max_age_s=DAY_S) == ()
    assert without_old(untimed, now=NOW, max_age_s=DAY_S, file="f") == (untimed, [])


def test_old_rows_of_a_new_map_are_left_out() -> None:
    """A probe that died last week is in the file still."""
    old = replace(SAMPLES[0], measured_at=NOW - timedelta(days=7))
    kept, refused = without_old(replace(LAST, samples=(old, *SAMPLES[1:])), now=NOW, max_age_s=DAY_S, file="f.csv")
    assert kept.samples == SAMPLES[1:]
    assert [(row.file, row.text, row.reason) for row in refused] == [("f.csv", "ams → p0", "measured 7 days ago")]
    assert without_old(LAST, now=NOW, max_age_s=0, file="f.csv") == (LAST, [])


@pytest.mark.parametrize(("kept", "held"), [(8, False), (6, False), (5, True), (1, True)])
def test_a_map_that_lost_more_than_its_share_of_pairs_is_held(kept: int, held: bool) -> None:
    """A file cut at the end of a line looks just like that."""
    found = coverage(replace(LAST, samples=SAMPLES[:kept]), LAST, missing_share=0.25)
    assert [alarm.action for alarm in found] == [Action.HOLD] * held
    if kept == 1:
        assert found[0].reason.text == (
            "7 of the 8 pairs of the last map (epoch 3) are missing, 87.5%; more than 25% is held; "
            "nothing is left of p1, p2, p3, p4, p5 and 2 more locations"
        )


def test_other_pairs_do_not_make_up_for_those_that_are_gone() -> None:
    others = tuple(replace(sample, src=Slug("fra")) for sample in SAMPLES)
    assert coverage(replace(LAST, samples=others), LAST, missing_share=0.25)
