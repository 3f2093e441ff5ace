"""The cases of FreeBSD's tftpd functional tests (libexec/tftpd/tests), told anew for a read-only server, v4 and v6.

Of the writing cases only the refusal is left. One case is turned round: FreeBSD wants a duplicated ACK answered with a
duplicate of the next block, which doubles all that follows (RFC 1123 section 4.2.3.1); here it must not be.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nearboot.tftp import Limits, Outcome, Pace
from nearboot.tftp.packet import Data, Error, Mode, Opcode, OptionAck, Request, encode

Fixture = Callable[..., Any]
MEDIUM = struct.pack("<192I", *range(192))
LARGE = os.urandom(512 * 18 + 100)
QUICK = Limits(pace=Pace(timeout_s=0.1))
"""For the cases in which the server must send again by itself."""


@pytest.fixture(params=["127.0.0.1", "::1"], ids=["v4", "v6"])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def dial(serve: Fixture, connect: Fixture, root: Path, host: str) -> Fixture:
    """A client of a server of the root: ``dial()``, or with other limits. Its ``served`` is the server."""
    (root / "small.txt").write_bytes(b"small\0")
    (root / "medium.txt").write_bytes(MEDIUM)
    (root / "large.txt").write_bytes(LARGE)

    def dialled(**settings: object) -> Any:
        served = serve(host=host, **settings)
        wire = connect(served.port, host=host)
        wire.served = served
        return wire

    return dialled


def receive_error(wire: Any) -> int:
    answer = wire.receive()
    assert isinstance(answer, Error)
    return answer.code


def receive_blocks(wire: Any, *blocks: int) -> None:
    """Blocks of the large file in this order; what a busy machine made the server repeat is passed over."""
    for block in blocks:
        while wire.receive() != Data(block, LARGE[(block - 1) * 512 : block * 512]):
            pass


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("small.txt", [b"small\0"], id="small"),
        pytest.param("/small.txt", [b"small\0"], id="leading-slash"),
        pytest.param("empty", [b""], id="empty"),
        pytest.param("medium.txt", [MEDIUM[:512], MEDIUM[512:]], id="medium"),
    ],
)
def test_a_file_is_read_block_by_block(dial: Fixture, name: str, content: list[bytes]) -> None:
    """Each block after the ACK of the one before; the server's name for the root is its own affair."""
    wire = dial()
    wire.ask(name)
    for block, data in enumerate(content, 1):
        assert wire.receive() == Data(block, data)
        wire.ack(block)
    assert wire.served.event().outcome is Outcome.COMPLETED


def test_netascii(dial: Fixture, root: Path) -> None:
    """RFC 764: LF is CR LF, CR is CR NUL."""
    (root / "unix.txt").write_bytes(b"foo\nbar\rbaz\n\0")
    wire = dial()
    wire.ask("unix.txt", mode=Mode.NETASCII)
    assert wire.receive() == Data(1, b"foo\r\nbar\r\0baz\r\n\0")
    wire.ack(1)


@pytest.mark.parametrize("name", ["../disallowed.txt", "subdir/../../disallowed.txt", "a/../../../etc/passwd"])
def test_no_way_leads_out_of_the_root(dial: Fixture, root: Path, name: str) -> None:
    """ERROR 2, whether the file is there or not."""
    (root / "subdir").mkdir()
    (root.parent / "disallowed.txt").write_bytes(b"secret")
    wire = dial()
    wire.ask(name)
    assert receive_error(wire) == 2


def test_an_absolute_path_is_one_of_the_root(dial: Fixture) -> None:
    """The root is the client's whole world, as with tftpd's -s."""
    wire = dial()
    wire.ask("/etc/passwd")
    assert receive_error(wire) == 1


def test_a_missing_file(dial: Fixture) -> None:
    """ERROR 1."""
    wire = dial()
    wire.ask("nonexistent.txt")
    assert receive_error(wire) == 1


def test_a_file_that_may_not_be_read(dial: Fixture, serve: Fixture, connect: Fixture, host: str) -> None:
    """ERROR 2. By a handler, since these tests may run as root, who may read all."""

    async def handler(request: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    wire = connect(serve(handler, host=host).port, host=host)
    wire.ask("empty.txt")
    assert receive_error(wire) == 2


@pytest.mark.parametrize(("length", "code"), [(300, 1), (1000, 1), (1500, 4)])
def test_a_name_longer_than_any_path(dial: Fixture, length: int, code: int) -> None:
    """ERROR 1 where no such file can be, 4 where the request itself is too long; never a crash."""
    wire = dial()
    wire.ask("X" * length)
    assert receive_error(wire) == code
    wire.other = wire.server
    wire.ask("empty")
    assert wire.receive() == Data(1, b"")


@pytest.mark.parametrize("mode", ["ascii", "binary", "en_US.UTF-8", "mail"])
def test_an_unknown_mode(dial: Fixture, mode: str) -> None:
    """ERROR 4."""
    wire = dial()
    wire.send(b"\0\1small.txt\0" + mode.encode() + b"\0")
    assert receive_error(wire) == 4


@pytest.mark.parametrize("datagram", [b"\0\7foo.txt\0octet\0", b"", b"\0", b"\0\1", b"\0\0"])
def test_an_unknown_opcode_and_short_packets_change_nothing(dial: Fixture, datagram: bytes) -> None:
    """FreeBSD answers the first with ERROR 4; here what is no request gets silence, so that nothing is reflected."""
    wire = dial()
    wire.send(datagram)
    if datagram == b"\0\1":
        assert receive_error(wire) == 4
    wire.other = wire.server
    wire.ask("empty")
    assert wire.receive() == Data(1, b"")
    assert wire.is_silent()


def test_a_write_is_refused(dial: Fixture) -> None:
    """ERROR 2 for any file, there or not; nothing is written."""
    wire = dial()
    for name in ("small.txt", "new.txt"):
        wire.other = wire.server
        wire.send(Request(Opcode.WRQ, name, Mode.OCTET))
        assert receive_error(wire) == 2


def test_a_dropped_ack_is_made_up_for(dial: Fixture) -> None:
    """The server sends the block again by itself."""
    wire = dial(limits=QUICK)
    wire.ask("small.txt")
    assert wire.receive() == wire.receive() == Data(1, b"small\0")
    wire.ack(1)
    event = wire.served.event()
    assert event.outcome is Outcome.COMPLETED
    assert event.retransmits >= 1


def test_dropped_data_is_made_up_for(dial: Fixture) -> None:
    """The client's repeated ACK is not what brings it: the server's own clock does."""
    wire = dial(limits=QUICK)
    wire.ask("medium.txt")
    assert wire.receive() == Data(1, MEDIUM[:512])
    wire.ack(1)
    wire.receive()  # dropped
    wire.ack(1)
    assert wire.receive() == Data(2, MEDIUM[512:])
    wire.ack(2)
    assert wire.served.event().outcome is Outcome.COMPLETED


def test_a_duplicated_ack_brings_no_duplicate_data(dial: Fixture) -> None:
    """FreeBSD's case expects block 2 twice; the sorcerer's apprentice is not hired here."""
    wire = dial()
    wire.ask("medium.txt")
    assert wire.receive() == Data(1, MEDIUM[:512])
    wire.ack(1)
    wire.ack(1)
    assert wire.receive() == Data(2, MEDIUM[512:])
    wire.ack(2)
    event = wire.served.event()
    assert (event.outcome, event.retransmits) == (Outcome.COMPLETED, 0)
    assert wire.is_silent()


def test_a_window_of_two(dial: Fixture) -> None:
    """RFC 7440: an ACK for each window, and one for the short last one."""
    wire = dial()
    wire.ask("large.txt", ("windowsize", "2"))
    assert wire.receive() == OptionAck((("windowsize", "2"),))
    wire.ack(0)
    for block in range(1, 18, 2):
        receive_blocks(wire, block, block + 1)
        wire.ack(block + 1)
    receive_blocks(wire, 19)
    wire.ack(19)
    assert wire.served.event().retransmits == 0


def test_the_example_of_rfc_7440(dial: Fixture) -> None:
    """Section 4: a window of four; one block lost in the second window, one ACK lost after the third."""
    wire = dial(limits=QUICK)
    wire.ask("large.txt", ("windowsize", "4"))
    assert wire.receive() == OptionAck((("windowsize", "4"),))
    wire.ack(0)
    receive_blocks(wire, 1, 2, 3, 4)
    wire.ack(4)
    receive_blocks(wire, 5, 6, 7, 8)  # 6 is lost on the way, so the client has 5 alone
    wire.ack(5)
    receive_blocks(wire, 6, 7, 8, 9)
    wire.ack(9)
    receive_blocks(wire, 10, 11, 12, 13)  # the ACK of 13 is lost, so all come again
    receive_blocks(wire, 10, 11, 12, 13)
    wire.ack(13)
    receive_blocks(wire, 14, 15, 16, 17)
    wire.ack(17)
    receive_blocks(wire, 18, 19)
    wire.ack(19)
    assert wire.served.event().outcome is Outcome.COMPLETED


def test_options_are_granted_in_the_order_asked(dial: Fixture) -> None:
    """blksize, tsize and timeout; then blocks of the size agreed."""
    wire = dial()
    wire.ask("medium.txt", ("tsize", "0"), ("blksize", "700"), ("timeout", "5"), ("nonsense", "1"))
    assert wire.receive() == OptionAck((("tsize", "768"), ("blksize", "700"), ("timeout", "5")))
    wire.ack(0)
    assert wire.receive() == Data(1, MEDIUM[:700])
    wire.ack(1)
    assert wire.receive() == Data(2, MEDIUM[700:])
    wire.ack(2)


def test_a_stranger_at_the_transfers_port_changes_nothing(dial: Fixture, connect: Fixture, host: str) -> None:
    """RFC 1350 section 4; the kernel keeps it out, the transfer goes on."""
    wire = dial()
    wire.ask("medium.txt")
    assert wire.receive() == Data(1, MEDIUM[:512])
    stranger = connect(wire.other[1], host=host)
    stranger.sock.sendto(encode(Error(0, "stop")), wire.other)
    wire.ack(1)
    assert wire.receive() == Data(2, MEDIUM[512:])
    wire.ack(2)
    assert wire.served.event().outcome is Outcome.COMPLETED
