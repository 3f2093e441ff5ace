"""``nearboot boot-server top``: a transfer is watched while it runs, once or on a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from nearboot.app.status import Process
from nearboot.app.top import Picture, Row
from nearboot.cli.boot_server_top import amount, as_text, drawn, span
from nearboot.tftp import LiveState

Fixture = Callable[..., Any]

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PROCESS = Process("tftp", 7, 0, 7, NOW, "[::]:69", "ams-boot")
SIZE = 100 * 512


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


class Slow:
    """A client that takes a block when it is told to."""

    def __init__(self, port: int) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(10)
        self.sock.sendto(b"\0\1kernel\0octet\0", ("127.0.0.1", port))
        self.block = 1
        _, self.server = self.sock.recvfrom(2000)

    def take(self, count: int) -> None:
        for _ in range(count):
            self.sock.sendto(b"\0\4" + self.block.to_bytes(2, "big"), self.server)
            self.sock.recvfrom(2000)
            self.block += 1

    def close(self) -> None:
        self.sock.sendto(b"\0\5\0\0enough\0", self.server)
        self.sock.close()


@pytest.fixture
def slow(quickstart: Fixture, daemon: Fixture, tmp_path: Path) -> Iterator[Slow]:
    """A client of a running daemon that has its first block."""
    (tmp_path / "kernel").write_bytes(bytes(SIZE))
    client = Slow(daemon("tftp", "--host", "127.0.0.1", "--port", 0, "--root", tmp_path).port)
    yield client
    client.close()


def test_progress_grows_from_look_to_look(quickstart: Fixture, slow: Slow) -> None:
    """Who reads what, and how much of it has come."""
    looks = []
    for _ in range(2):
        slow.take(20)
        looks.append(json.loads(quickstart("boot-server", "top", "--once", "-o", "json").out))
    (first,), (second,) = (look["transfers"] for look in looks)
    assert (first["client"], first["port"], first["file"]) == ("127.0.0.1", slow.sock.getsockname()[1], "kernel")
    assert (first["size"], first["acked"], second["acked"]) == (SIZE, 20 * 512, 40 * 512)
    assert (first["share"], first["state"], first["blksize"], first["windowsize"]) == (0.2, "sending", 512, 1)
    assert first["rate"] > 0 and looks[0]["active"] == 1
    assert looks[0]["processes"][0]["listen"].startswith("127.0.0.1:")


def test_without_a_terminal_it_is_a_table(quickstart: Fixture, slow: Slow) -> None:
    """Once, whether that was said or not."""
    slow.take(50)
    for words in ([], ["--once"]):
        lines = quickstart("boot-server", "top", *words).lines
        assert " on 127.0.0.1:" in lines[0]
        assert lines[1].startswith("1 active, ")
        assert lines[2] == "requests: none yet"
        assert lines[4].split() == ["CLIENT", "SERVER", "FILE", "PROGRESS", "RATE", "LEFT", "TERMS", "AGAIN", "AGE"]
        assert lines[5].startswith("127.0.0.1  -       kernel  50% of 51.2 kB  ")


def test_on_a_terminal_it_keeps_up_until_ctrl_c(quickstart: Fixture, slow: Slow) -> None:
    """The bytes that come while it runs are seen; Ctrl-C is how it ends."""
    slow.take(10)
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "nearboot", "boot-server", "top", "--interval", "0.1"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "30"}
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    try:
        _await(leader, b"10% of 51.2 kB")
        slow.take(20)
        _await(leader, b"30% of 51.2 kB")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        os.close(leader)


def _await(fd: int, text: bytes) -> None:
    seen = b""
    while text not in seen:
        assert select.select([fd], [], [], 20)[0], seen
        seen += os.read(fd, 65536)


def test_nothing_that_runs_is_told(nearboot: Fixture, tmp_path: Path) -> None:
    """With the folder that was looked at, and the setting that names it."""
    ran = nearboot("boot-server", "top", "--once", code=1)
    folder = tmp_path / "state" / "run"
    assert ran.err == (
        f"nearboot: no TFTP server of nearboot can be seen on this machine: looked in {folder} (run_dir)\n"
    )


def _row(number: int) -> Row:
    return Row(
        client=f"192.0.2.{number}",
        port=2000,
        machine="web[01]",
        file="a\x1b[31m",
        state=LiveState.SENDING,
        size=None if number == 2 else 4_000_000,
        acked=1_000_000,
        share=None if number == 2 else 0.25,
        rate=2e6,
        left_s=3.4,
        blksize=1428,
        windowsize=16,
        retransmits=number,
        age_s=4000,
        asked="192.0.2.1",
        process=PROCESS,
    )


def _picture(count: int) -> Picture:
    rows = tuple(_row(number) for number in range(1, count + 1))
    return Picture(NOW, (PROCESS, PROCESS), 2e6, {"completed": 7, "timed_out": 0}, {"completed": 3.5}, rows)


def test_what_does_not_fit_is_counted() -> None:
    """A terminal has so many lines; a name from outside does nothing to it."""
    console = Console(width=140, height=20, record=True, file=StringIO())
    console.print(drawn(_picture(100), console))
    text = console.export_text()
    assert "and 86 more" in text and text.count("192.0.2.") == 14
    assert "web[01]" in text and r"'a\x1b[31m'" in text and "\x1b" not in text
    assert "1428×16" in text and "25% of 4.0 MB" in text and "━" in text


@pytest.mark.parametrize("width", [200, 140, 100, 80, 60])
def test_a_narrow_terminal_has_fewer_columns(width: int) -> None:
    """An address that is cut is none; what is left out are whole columns, the least wanted first."""
    console = Console(width=width, height=20, record=True, file=StringIO())
    rows = tuple(replace(_row(number), file="images/debian-13/vmlinuz", client="2001:db8::77") for number in (1, 2))
    console.print(drawn(replace(_picture(0), rows=rows), console))
    lines = console.export_text().splitlines()
    assert all(len(line) <= width for line in lines)
    (heading, first) = lines[4:6]
    assert first.startswith(
        "2001:db8::77  images/deb" if width == 60 else "2001:db8::77  web[01]  images/debian-13/vmlinuz"
    )
    assert "25% of 4.0 MB" in first and "2.0 MB/s" in first
    assert ("TERMS" in heading, "━" in first) == (width > 100, width > 100)


def test_the_header_has_rates_where_there_were_two_looks() -> None:
    """And the number of processes where there are several."""
    lines = as_text(_picture(2)).splitlines()
    assert lines[0] == "ams-boot on [::]:69, 2 processes, since 2026-11-22 12:00:00Z"
    assert lines[1:3] == ["2 active, 2.0 MB/s", "requests: completed 7 (3.5/s)"]
    assert lines[6].split()[3:5] == ["1.0", "MB"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_940, "99.9 kB"),
        (99_960, "100 kB"),
        (999_600, "1.0 MB"),
        (3e15, "3000.0 TB"),
    ],
)
def test_amounts_have_three_digits(count: float, text: str) -> None:
    """As people read them; powers of ten."""
    assert amount(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59.7, "1:00"), (61, "1:01"), (3600, "1:00 h"), (86_399, "23:59 h"), (4e5, "> 99 h")],
)
def test_times_have_two_parts(seconds: float, text: str) -> None:
    """A rate near zero makes a long one."""
    assert span(seconds) == text
