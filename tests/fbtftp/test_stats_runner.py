"""Counters and the session's fields."""

from __future__ import annotations

from nearboot.fbtftp import ServerStats, SessionStats


def test_counters() -> None:
    """Set, add, read, read and begin anew."""
    stats = ServerStats("192.0.2.1", 60)
    stats.increment_counter("a")
    stats.increment_counter("a", 4)
    stats.set_counter("b", 7)
    assert (stats.get_counter("a"), stats.get_counter("none")) == (5, 0)
    assert stats.get_and_reset_counter("b") == 7
    assert stats.get_all_counters() == {"a": 5, "b": 0}
    stats.reset_counter("a")
    assert stats.get_and_reset_all_counters() == {"a": 0, "b": 0}
    stats.set_counter("c", 1)
    stats.reset_all_counters()
    assert stats.get_all_counters() == {}
    assert (stats.server_addr, stats.interval) == ("192.0.2.1", 60)
    assert stats.duration() >= 0


def test_a_session_begins_empty() -> None:
    """All fields are there before anything was sent."""
    stats = SessionStats(("192.0.2.2", 69), ("192.0.2.1", 2070), "f")
    assert (stats.error, stats.options, stats.options_in, stats.options_acked) == ({}, {}, {}, {})
    assert (stats.packets_sent, stats.packets_acked, stats.bytes_sent, stats.retransmits) == (0, 0, 0, 0)
    assert (stats.blksize, stats.file_path, stats.duration() >= 0) == (512, "f", True)
