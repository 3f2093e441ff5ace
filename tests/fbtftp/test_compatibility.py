"""One StaticServer on fbtftp and on nearboot.fbtftp: what clients see, and what the statistics say, is the same.

Deliberate differences, which the tests below take into account:

- the texts of ERRORs (fbtftp sends the exception's text, with paths of the server);
- ``bytes_sent`` leaves out what was sent again, ``options_in`` and ``options_acked`` are there after errors too;
- after a failed read fbtftp sends, and counts, the last block once more, behind its ERROR;
- permission denied is ERROR 2 (fbtftp: 0); blksize out of range and windowsize: see ``test_base_server``.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from nearboot.tftp.packet import Ack, Data, Error, Mode, Opcode, OptionAck, Request, encode, parse

SCRIPT = Path(__file__).parent / "static_server.py"
PACKAGES = ("fbtftp", "nearboot.fbtftp")
FILES = {"file": bytes(range(256)) * 21, "empty": b"", "exact": b"e" * 2048, "lines": b"a\nb\r\nc\r" * 200}


class Program:
    """The StaticServer in a process of its own, which prints its statistics."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._lines = process.stdout
        self.port = int(self._lines.readline())

    def read(self, name: str, *options: tuple[str, str], mode: Mode = Mode.OCTET) -> list[Any]:
        """A whole read in lock-step: the OACK, the content, or the ERROR's code."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(20)
            sock.sendto(encode(Request(Opcode.RRQ, name, mode, options)), ("127.0.0.1", self.port))
            seen: list[Any] = []
            content, blksize = b"", 512
            while True:
                datagram, peer = sock.recvfrom(65536)
                match parse(datagram):
                    case OptionAck(granted):
                        seen.append(granted)
                        blksize = int(dict(granted).get("blksize", 512))
                        sock.sendto(encode(Ack(0)), peer)
                    case Data(block, payload):
                        content += payload
                        sock.sendto(encode(Ack(block)), peer)
                        if len(payload) < blksize:
                            return [*seen, content]
                    case Error(code):
                        return [*seen, len(content), f"ERROR {code}"]

    def stats(self) -> dict[str, Any]:
        """The next session's; waits for them."""
        told: dict[str, Any] = json.loads(self._lines.readline())
        return told


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[tuple[Program, Program]]:
    """fbtftp's, then ours; fbtftp forks, so both are processes of their own."""
    root = tmp_path / "root"
    root.mkdir()
    for name, content in FILES.items():
        (root / name).write_bytes(content)
    with ExitStack() as stack:
        made = []
        for package in PACKAGES:
            command = [sys.executable, str(SCRIPT), package, str(root)]
            with (tmp_path / f"{package}.log").open("w") as log:
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
            stack.enter_context(process)
            stack.callback(process.terminate)
            made.append(Program(process))
        yield made[0], made[1]


READS = [
    pytest.param("file", (), Mode.OCTET, id="file"),
    pytest.param("missing", (), Mode.OCTET, id="missing"),
    pytest.param("missing", (("tsize", "0"),), Mode.OCTET, id="missing-with-options"),
    pytest.param("file", (("blksize", "1400"),), Mode.OCTET, id="blksize"),
    pytest.param("file", (("tsize", "0"), ("blksize", "600")), Mode.OCTET, id="tsize-in-order"),
    pytest.param("file", (("blksize", "600"), ("timeout", "7")), Mode.OCTET, id="timeout"),
    pytest.param("file", (("multicast", "x"), ("unknown", "1")), Mode.OCTET, id="unknown-options"),
    pytest.param("lines", (), Mode.NETASCII, id="netascii"),
    pytest.param("lines", (("tsize", "0"),), Mode.NETASCII, id="netascii-tsize"),
    pytest.param("text", (("tsize", "0"),), Mode.OCTET, id="string"),
    pytest.param("text", (), Mode.NETASCII, id="string-netascii"),
    pytest.param("empty", (), Mode.OCTET, id="empty"),
    pytest.param("empty", (("tsize", "0"),), Mode.OCTET, id="empty-tsize"),
    pytest.param("exact", (), Mode.OCTET, id="exact-multiple"),
    pytest.param("exact", (("blksize", "1024"),), Mode.OCTET, id="exact-multiple-blksize"),
    pytest.param("broken", (("tsize", "0"),), Mode.OCTET, id="error-in-the-middle"),
]


@pytest.mark.parametrize(("name", "options", "mode"), READS)
def test_clients_see_the_same(
    programs: tuple[Program, Program], name: str, options: tuple[tuple[str, str], ...], mode: Mode
) -> None:
    """The OACK byte for byte, the content, the code of an ERROR; and the statistics of the session."""
    theirs, ours = (program.read(name, *options, mode=mode) for program in programs)
    assert ours == theirs
    expected, told = (program.stats() for program in programs)
    for stats in (expected, told):
        assert stats.pop("peer")[0] == "127.0.0.1"
        assert stats.pop("start_time") > 0
        stats.pop("server_addr")
        stats["error"].pop("error_message", None)
    if name == "broken":
        for stats in (expected, told):
            del stats["packets_sent"], stats["bytes_sent"]
    expected.setdefault("options_in", {"mode": mode.value, **dict(options)})
    expected.setdefault("options_acked", {})
    assert told == expected


def test_a_clients_error_is_in_the_statistics_of_both(programs: tuple[Program, Program]) -> None:
    """With its code; only fbtftp sends it back."""
    for program in programs:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(20)
            sock.sendto(b"\0\1file\0octet\0tsize\x000\0", ("127.0.0.1", program.port))
            _, peer = sock.recvfrom(600)
            sock.sendto(encode(Error(8, "User aborted the transfer")), peer)
    errors = [program.stats()["error"] for program in programs]
    assert [error["error_code"] for error in errors] == [8, 8]
