"""What fping says: of real runs, and of versions that are not at hand."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from nearboot.errors import InputError
from nearboot.latency.formats import ParsedMap, parse
from nearboot.latency.rows import RawRow

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _parse(text: str, **options: object) -> ParsedMap:
    return parse("fping.txt", text, **{"src": "ams", "source": None, "now": NOW, **options})  # type: ignore[arg-type]  # keywords


def test_values_become_their_median() -> None:
    """-C: all round trips, a dash for none; least, spread and loss are known."""
    parsed = _parse("10.0.0.1 : 8.2 8.4 - 8.3 9.9\nboot.fra  : - - -\n")
    assert parsed.format == "fping"
    first, second = parsed.rows
    assert first.jitter_ms == pytest.approx(0.1)
    assert first == RawRow("ams", "10.0.0.1", 8.35, 8.2, 0.2, 5, None, 1, first.jitter_ms, 4)
    assert second == RawRow("ams", "boot.fra", None, None, 1.0, 3, None, 2)


def test_totals_are_read() -> None:
    """-c: counts, least and mean; a duplicate is no gain."""
    text = (
        "10.0.0.1 : xmt/rcv/%loss = 4/3/25%, min/avg/max = 8.1/8.2/8.3\n"
        "10.0.0.2 : xmt/rcv/%loss = 3/0/100%\n"
        "10.0.0.3 : xmt/rcv/%return = 2/3/150%, min/avg/max = 1/2/3\n"
        "10.0.0.4 : xmt/rcv/%loss = 2/1/50%, outage(ms) = 20, min/avg/max = 1/2/3\n"
    )
    found = [(row.dst[-1], row.rtt_ms, row.min_ms, row.loss, row.count) for row in _parse(text).rows]
    assert found == [("1", 8.2, 8.1, 0.25, 4), ("2", None, None, 1.0, 3), ("3", 2, 1, 0, 2), ("4", 2, 1, 0.5, 2)]


def test_lines_of_single_packets_are_passed_over() -> None:
    """Without -q they come too; they are counted in the totals."""
    text = (
        "10.0.0.1 : [0], 64 bytes, 8.21 ms (8.21 avg, 0% loss)\n"
        "ICMP Host Unreachable from 10.0.0.9 for ICMP Echo sent to 10.0.0.2\n"
        "[1795345200.25] 10.0.0.1 : 8.21 8.23\n"
        "nosuch.example: Name or service not known\n"
    )
    parsed = _parse(text)
    (row,) = parsed.rows
    assert (row.dst, row.measured_at) == ("10.0.0.1", NOW - timedelta(seconds=3599.75))
    assert [(each.line, each.reason) for each in parsed.quarantined] == [(4, "not a result of fping")]
    with pytest.raises(InputError, match=re.escape("fping -C 5 -q")):
        _parse("10.0.0.1 : [0], 64 bytes, 8.21 ms (8.21 avg, 0% loss)\n")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("10.0.0.2 : 8.2ms 8.3ms", "carries its unit"),
        ("10.0.0.2 : NaN", "not finite"),
        ("10.0.0.2 : -1 8.2", "-1 marks no reply"),
        ("10.0.0.2 : 8.2 8.", ""),
    ],
)
def test_values_that_are_none_are_listed(line: str, reason: str) -> None:
    """The other targets stand."""
    parsed = _parse(f"10.0.0.1 : 8.2\n{line}\n")
    assert parsed.rows[0].rtt_ms == 8.2
    assert [reason in each.reason for each in parsed.quarantined] == ([True] if reason else [])


def test_json_of_5_5_is_read() -> None:
    """vSum of -C, summary of -c, intSum of -Q; what is unknown is passed over, as its documentation asks."""
    text = (
        '{"resp": {"host": "10.0.0.1", "seq": 0, "size": 64, "rtt": 8.1}}\n'
        '{"timeout": {"host": "10.0.0.1", "seq": 1}}\n'
        '{"vSum": {"host": "10.0.0.1", "values": [8.1, null, 8.3], "new": {}}}\n'
        '{"summary": {"host": "10.0.0.2", "xmt": 4, "rcv": 3, "loss": 25, "rttMin": 1, "rttAvg": 2, "rttMax": 3}}\n'
        '{"summary": {"host": "10.0.0.3", "xmt": 4, "rcv": 0, "loss": 100}}\n'
        '{"intSum": {"time": 1795345200, "host": "10.0.0.4", "xmt": 1, "rcv": 1, "rttMin": 1, "rttAvg": 1}}\n'
        '{"stats": {"targets": 4}}\n{"brandNew": {"host": "x"}}\n'
    )
    parsed = _parse(text)
    assert (parsed.format, parsed.quarantined) == ("fping-json", ())
    found = [(row.dst[-1], row.rtt_ms, row.min_ms, round(row.loss, 3), row.count) for row in parsed.rows]
    assert found == [("1", 8.2, 8.1, 0.333, 3), ("2", 2, 1, 0.25, 4), ("3", None, None, 1, 4), ("4", 1, 1, 0, 1)]
    assert parsed.rows[3].measured_at == NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"vSum": {"host": "10.0.0.2"}}', "vSum without values"),
        ('{"vSum": {"host": "10.0.0.2", "values": ["NaN"]}}', "not finite"),
        ('{"vSum": {"values": [1]}}', "vSum without a host"),
        ('{"summary": {"host": "10.0.0.2", "xmt": 0, "rcv": 0}}', "count 0"),
        ('{"summary": {"host": "10.0.0.2", "xmt": 2, "rcv": 2}}', "2 replies, but no round trip"),
        ('{"summary": {"host": "10.0.0.2", "xmt": 2, "rcv": 1, "rttAvg": "NaN"}}', "not finite"),
        ("7", "no object"),
        ('{"vSum": {"host": "10.0', "Unterminated"),
    ],
)
def test_json_that_says_nothing_is_listed(line: str, reason: str) -> None:
    """The other targets stand."""
    parsed = _parse('{"vSum": {"host": "10.0.0.1", "values": [8.1]}}\n' + line)
    assert len(parsed.rows) == 1
    assert reason in parsed.quarantined[0].reason


def _fping(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("fping") or shutil.which("fping", path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.fail("fping is missing: apt-get install fping", pytrace=False)
    return subprocess.run([program, *words], capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.root
@pytest.mark.parametrize("options", [("-C", "3"), ("-C", "3", "-D"), ("-c", "3")], ids=["C", "C-with-time", "c"])
def test_real_fping_is_read(options: tuple[str, ...]) -> None:
    """On the loopback: every packet comes back, in less than a second."""
    now = datetime.now(UTC)
    ran = _fping("-q", "-p", "20", *options, "127.0.0.1", "127.0.0.2")
    parsed = parse("fping", ran.stderr, src="here", source=None, now=now + timedelta(minutes=1))
    assert (parsed.format, parsed.quarantined) == ("fping", ())
    assert [(row.dst, row.loss, row.count) for row in parsed.rows] == [("127.0.0.1", 0, 3), ("127.0.0.2", 0, 3)]
    assert all(row.rtt_ms is not None and 0 < row.rtt_ms < 1000 for row in parsed.rows)


@pytest.mark.root
def test_json_of_the_real_fping_is_read_where_it_has_any() -> None:
    """-J came with 5.4 (2025); Debian 12 has 5.1, which refuses it: then that is what is seen here."""
    version = _fping("-v").stdout.split()[2]
    ran = _fping("-J", "-q", "-p", "20", "-C", "3", "127.0.0.1")
    if tuple(int(part) for part in version.split(".")[:2]) < (5, 4):
        assert ran.returncode != 0
        assert "J" in ran.stderr
        return
    (row,) = parse("fping", ran.stdout, src="here", source=None, now=NOW).rows
    assert (row.dst, row.loss, row.count) == ("127.0.0.1", 0, 3)
