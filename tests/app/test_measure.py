"""Counts only rise, whoever dies; gauges are of the living."""

from __future__ import annotations

from nearboot.app.measure import BOUNDS_S, SILENT, Durations, FromCache, Measures, Sum


def test_durations_fall_into_buckets() -> None:
    """A bound belongs to its own bucket, as Prometheus's ``le`` has it; the last bucket has no bound."""
    durations = Durations()
    for seconds in (0.0, 0.01, 0.011, 3600.0, 9999.0):
        durations.observe(seconds)
    buckets = durations.buckets
    assert (buckets[0], buckets[1], buckets[-2], buckets[-1], sum(buckets)) == (2, 1, 1, 1, 5)
    assert durations.sum_s == 0.0 + 0.01 + 0.011 + 3600.0 + 9999.0
    assert list(BOUNDS_S) == sorted(BOUNDS_S)


def test_reads_of_cached_files_are_counted_by_how_they_came() -> None:
    """Others are not."""
    cache = FromCache()
    for came, size in (("hit", 10), ("hit", 20), ("miss", 5), (None, 99), ("by-pigeon", 99)):
        cache.note(came, size)
    assert {key: count for key, count in cache.counts.items() if count} == {
        "cache_reads_hit": 2,
        "cache_bytes_hit": 30,
        "cache_reads_miss": 1,
        "cache_bytes_miss": 5,
    }


def test_measures_add_up() -> None:
    """Also what only one of them has."""
    one = Measures({"completed": 2}, {"active": 1}, sum_s=0.5)
    two = Measures({"completed": 3, "failed": 1}, {"active": 4, "workers": 1}, sum_s=1.0)
    total = one + two
    assert (total.counts, total.gauges, total.sum_s) == (
        {"completed": 5, "failed": 1},
        {"active": 5, "workers": 1},
        1.5,
    )


def test_a_worker_that_dies_stays_in_the_sum() -> None:
    """Its counts, not its gauges; the one in its place begins at nothing."""
    total = Sum()
    both = {"0.1": Measures({"completed": 7}, {"active": 2}), "1.2": Measures({"completed": 5}, {"active": 1})}
    assert total.total(both).counts == {"completed": 12}
    left = {"1.2": Measures({"completed": 6}, {"active": 1})}
    assert total.total(left) == Measures({"completed": 13}, {"active": 1})
    anew = left | {"0.3": Measures({"completed": 1}, {"active": 1})}
    assert total.total(anew) == Measures({"completed": 14}, {"active": 2})


def test_a_worker_that_was_slow_once_is_not_counted_twice() -> None:
    """It comes back under its own name."""
    total = Sum()
    slow = Measures({"completed": 7})
    for seen in ({"0.1": slow}, {}, {"0.1": slow}):
        assert total.total(seen).counts == {"completed": 7}


def test_workers_that_die_again_and_again_cost_no_memory() -> None:
    """The oldest become one number."""
    total = Sum()
    for number in range(SILENT * 3):
        counts = total.total({str(number): Measures({"completed": 1})}).counts
        assert counts == {"completed": number + 1}
    assert len(total._last) == SILENT + 1
