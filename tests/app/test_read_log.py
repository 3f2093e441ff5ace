"""Each read is a line; a flood is a count; no name forges a line."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nearboot.app.daemon import FIELDS
from nearboot.app.read_log import LINES, ReadLog, escaped
from nearboot.model import Event, EventKind

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _read(subject: str, client: str = "192.0.2.1", outcome: str = "not-found") -> Event:
    detail = {"bytes": 310, "duration_s": 0.012}
    return Event(NOW, EventKind.TFTP_READ, client=client, subject=subject, outcome=outcome, detail=detail)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "nearboot.app.read_log")
    return caplog


def test_a_read_is_a_line(lines: pytest.LogCaptureFixture) -> None:
    """What was read, by whom, how much, how it ended, how long it took."""
    reads = ReadLog()
    reads.note(_read("grub/grub.cfg", outcome="ok"), "web01")
    reads.note(_read("a b"), None)
    reads.close()
    assert lines.messages == [
        "tftp-read grub/grub.cfg client=192.0.2.1 server=web01 bytes=310 outcome=ok seconds=0.012 rate=25833",
        "tftp-read 'a b' client=192.0.2.1 bytes=310 outcome=not-found seconds=0.012 rate=25833",
    ]


def test_a_transfer_has_its_terms(lines: pytest.LogCaptureFixture) -> None:
    """Block and window as granted, what was sent again, bytes a second; and the same as fields, for JSON lines."""
    terms = {"size": 310, "blksize": 1428, "windowsize": 16, "retransmits": 2, "error": "the last ACK never came"}
    read = _read("kernel", outcome="ok")
    ReadLog().note(replace(read, detail={**read.detail, **terms}), None)
    (line,) = lines.messages
    assert line == (
        "tftp-read kernel client=192.0.2.1 bytes=310 outcome=ok seconds=0.012 blksize=1428 windowsize=16"
        " retransmits=2 rate=25833 error='the last ACK never came'"
    )
    fields = getattr(lines.records[0], FIELDS)
    assert (fields["file"], fields["windowsize"], fields["rate"]) == ("kernel", 16, 25833)


def test_a_flood_of_strangers_is_counted(lines: pytest.LogCaptureFixture) -> None:
    """Also from many addresses, which cost nothing to forge; a known server's lines, and good reads, stay."""
    seconds = iter([7.0] * 1001 + [7.9, 7.9, 8.1])
    reads = ReadLog(lambda: next(seconds))
    for number in range(1001):
        reads.note(_read(f"file{number}", client=f"192.0.2.{number % 250}"), None)
    reads.note(_read("pxelinux.cfg/default"), "web01")
    reads.note(_read("kernel", outcome="ok"), None)
    assert len(lines.messages) == LINES + 2
    reads.note(_read("x"), None)
    assert lines.messages[LINES + 2].startswith(f"count={1001 - LINES} more such, the last: tftp-read file1000 ")
    assert lines.messages[-1].startswith("tftp-read x ")


def test_what_was_counted_is_told_at_the_end(lines: pytest.LogCaptureFixture) -> None:
    """Nothing is lost without a word."""
    reads = ReadLog(lambda: 0.0)
    for _ in range(LINES + 3):
        reads.note(_read("x"), None)
    reads.close()
    reads.close()
    assert [message for message in lines.messages if "more such" in message] == [
        "count=3 more such, the last: tftp-read x client=192.0.2.1 bytes=310 outcome=not-found seconds=0.012 rate=25833"
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("grub/by-mac/52:54:00:00:00:1a.cfg", "grub/by-mac/52:54:00:00:00:1a.cfg", id="plain"),
        pytest.param("x\n2026 INFO forged", r"'x\n2026 INFO forged'", id="line"),
        pytest.param("\x1b[31m", r"'\x1b[31m'", id="terminal"),
        pytest.param("a\u202eb", r"'a\u202eb'", id="bidi"),
        pytest.param("\udcff", r"'\udcff'", id="surrogate"),
        pytest.param("", "''", id="empty"),
    ],
)
def test_names_are_escaped(text: str, shown: str) -> None:
    """They come from anybody."""
    assert escaped(text) == shown
