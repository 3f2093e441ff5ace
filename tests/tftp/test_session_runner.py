"""Transfers over real sockets: content, windows, errors, and what the kernel may refuse."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nearboot.tftp import Limits, Mode, Outcome, Pace, ReadRequest
from nearboot.tftp.content import FrameCache
from nearboot.tftp.options import Terms
from nearboot.tftp.packet import Data, Error, OptionAck
from nearboot.tftp.runner import Loop
from nearboot.tftp.session_runner import Session
from nearboot.tftp.store import open_source
from nearboot.tftp.transfer import Transfer

Fixture = Callable[..., Any]


def read_all(wire: Any, windowsize: int) -> bytes:
    """Receive windows and ACK them; the OACK was taken already."""
    parts: list[bytes] = []
    wire.ack(0)
    while True:
        packet = wire.receive()
        assert isinstance(packet, Data)
        assert packet.block == (len(parts) + 1) % 65536
        parts.append(packet.payload)
        is_last = len(packet.payload) < 1024
        if is_last or len(parts) % windowsize == 0:
            wire.ack(packet.block)
        if is_last:
            return b"".join(parts)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("windowsize", [1, 4, 64])
def test_windows_carry_the_content(serve: Fixture, connect: Fixture, root: Path, host: str, windowsize: int) -> None:
    """One send for up to 64 blocks, in datagrams of a block each; across segments too."""
    content = os.urandom(3 << 20)
    (root / "image").write_bytes(content)
    served = serve(host=host)
    wire = connect(served.port, host=host)
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    wire.ask("image", ("blksize", "1024"), ("windowsize", str(windowsize)))
    assert wire.receive() == OptionAck((("blksize", "1024"), ("windowsize", str(windowsize))))
    assert read_all(wire, windowsize) == content
    event = served.event()
    assert (event.outcome, event.bytes_sent, event.size) == (Outcome.COMPLETED, len(content), len(content))
    assert (event.blksize, event.windowsize, event.retransmits) == (1024, windowsize, 0)


def test_without_segmentation_in_the_kernel_blocks_go_one_by_one(
    serve: Fixture, connect: Fixture, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels before 4.18, and routes that refuse it; here the socket option is made to fail."""
    monkeypatch.setattr("nearboot.tftp.channel_runner.UDP_SEGMENT", 9999)
    content = os.urandom(100_000)
    (root / "image").write_bytes(content)
    wire = connect(serve().port)
    wire.ask("image", ("blksize", "1024"), ("windowsize", "16"))
    assert isinstance(wire.receive(), OptionAck)
    assert read_all(wire, 16) == content


def test_the_largest_blocks_go_one_by_one(serve: Fixture, connect: Fixture, root: Path) -> None:
    """65,464 bytes fit into the loopback's MTU of 65,536; two of them do not fit into one send."""
    content = os.urandom(300_000)
    (root / "image").write_bytes(content)
    served = serve()
    wire = connect(served.port)
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    wire.ask("image", ("blksize", "65464"), ("windowsize", "2"))
    assert isinstance(wire.receive(), OptionAck)
    parts = []
    wire.ack(0)
    for block in range(1, 6):
        packet = wire.receive()
        parts.append(packet.payload)
        if block % 2 == 0 or block == 5:
            wire.ack(block)
    assert b"".join(parts) == content
    assert served.event().outcome is Outcome.COMPLETED


def test_a_gap_in_a_window_is_filled_from_there(serve: Fixture, connect: Fixture) -> None:
    """RFC 7440: the ACK of the last good block starts the next window behind it."""
    served = serve()
    wire = connect(served.port)
    wire.ask("kernel", ("windowsize", "4"))
    wire.receive()
    wire.ack(0)
    assert [wire.receive().block for _ in range(4)] == [1, 2, 3, 4]
    wire.ack(2)
    assert [wire.receive().block for _ in range(4)] == [3, 4, 5, 6]
    wire.send(Error(0, "closed"))
    assert served.event().retransmits == 2


@pytest.mark.parametrize("error", [Error(8, "User aborted the transfer"), Error(0, "TFTP Aborted")])
def test_a_size_probe_is_no_failure_and_its_error_gets_no_answer(
    serve: Fixture, connect: Fixture, error: Error
) -> None:
    """OVMF and iPXE ask the size and end with an ERROR; an answer makes old UNDI hang."""
    served = serve()
    wire = connect(served.port)
    wire.ask("kernel", ("tsize", "0"), ("blksize", "1468"), ("windowsize", "4"))
    assert wire.receive() == OptionAck((("tsize", "1024000"), ("blksize", "1468"), ("windowsize", "4")))
    wire.send(error)
    event = served.event()
    assert (event.outcome, event.bytes_sent) == (Outcome.ABORTED_BY_CLIENT, 0)
    assert error.message in event.error
    assert served.server.counters()["failed"] == 0
    assert wire.is_silent()


def test_lost_replies_are_sent_again_and_a_silent_client_is_given_up(serve: Fixture, connect: Fixture) -> None:
    """Three sends in all to one that never ACKs: the sender's address may be forged."""
    pace = Pace(timeout_s=0.06, longest_wait_s=0.06)
    served = serve(limits=Limits(pace=pace))
    wire = connect(served.port)
    wire.ask("cfg")
    blocks = [wire.receive() for _ in range(3)]
    assert blocks[0] == blocks[1] == blocks[2]
    event = served.event()
    assert (event.outcome, event.retransmits) == (Outcome.TIMED_OUT, 2)
    assert wire.is_silent()


def test_a_missing_last_ack_is_success_with_a_note(serve: Fixture, connect: Fixture) -> None:
    """The client has all blocks, by all that is known."""
    served = serve(limits=Limits(pace=Pace(timeout_s=0.06, longest_wait_s=0.06, resends=2)))
    wire = connect(served.port)
    wire.ask("empty", ("tsize", "0"))
    wire.receive()
    wire.ack(0)
    received: list[object] = []
    while received.count(Data(1, b"")) < 3:  # a slow moment here may bring the OACK twice
        received.append(wire.receive())
    event = served.event()
    assert (event.outcome, event.error) == (Outcome.COMPLETED, "the last ACK never came")


def test_a_client_that_closes_its_port_ends_the_transfer(serve: Fixture, connect: Fixture) -> None:
    """ICMP says so at the next block; nothing more is sent."""
    served = serve()
    wire = connect(served.port)
    wire.ask("kernel", ("windowsize", "2"))
    wire.receive()
    wire.ack(0)
    wire.sock.close()
    event = served.event()
    assert (event.outcome, event.error) == (Outcome.ABORTED_BY_CLIENT, "the client closed its port")


def test_a_channel_forgets_the_client_before(serve: Fixture, connect: Fixture) -> None:
    """Sockets are used again: an ICMP error and late packets of the last client are not the next one's."""
    served = serve()
    for _ in range(5):
        gone = connect(served.port)
        gone.ask("kernel", ("windowsize", "2"))
        gone.receive()
        gone.ack(0)
        gone.sock.close()
        assert served.event().outcome is Outcome.ABORTED_BY_CLIENT
        wire = connect(served.port)
        wire.ask("empty")
        assert wire.receive() == Data(1, b"")
        wire.ack(1)
        assert served.event().outcome is Outcome.COMPLETED


def test_a_stranger_does_not_reach_a_transfer(serve: Fixture, connect: Fixture) -> None:
    """The kernel keeps other senders out of a connected socket; the transfer goes on."""
    served = serve()
    wire, stranger = connect(served.port), connect(served.port)
    wire.ask("kernel")
    wire.receive()
    stranger.sock.sendto(b"\0\5\0\0x\0", wire.other)
    stranger.sock.sendto(b"\0\4\0\1", wire.other)
    wire.ack(1)
    assert wire.receive() == Data(2, bytes(range(256)) * 2)
    assert wire.is_silent()


def test_padded_acks_and_odd_packets_are_borne(serve: Fixture, connect: Fixture) -> None:
    """Boot ROMs pad; garbage inside a transfer is dropped."""
    served = serve()
    wire = connect(served.port)
    wire.ask("kernel")
    wire.receive()
    for datagram in (b"", b"\4\0\1", b"\0\4\0", b"\0\7\0\0", b"\0\3\0\1x"):
        wire.send(datagram)
    wire.send(b"\0\4\0\1" + bytes(20))
    packet = wire.receive()
    assert isinstance(packet, Data)
    assert packet.block == 2
    assert served.server.counters()["unexpected"] == 5


def test_a_file_that_changes_under_a_transfer_fails_it(serve: Fixture, connect: Fixture, root: Path) -> None:
    """Blocks of two versions must not be mixed: ERROR 0, and the event says why."""
    (root / "big").write_bytes(os.urandom(3 << 20))
    served = serve()
    wire = connect(served.port)
    wire.ask("big", ("blksize", "1024"))
    wire.receive()
    wire.ack(0)
    wire.receive()
    (root / "big").write_bytes(b"short now")
    block = 0
    while not isinstance(packet := wire.receive() if block else Data(1, b""), Error):
        block = packet.block
        wire.ack(block)
    assert (packet.code, block) == (0, 1020)
    event = served.event()
    assert event.outcome is Outcome.FAILED
    assert "cannot be read" in event.error


def test_a_replaced_file_is_finished_as_it_was_begun(serve: Fixture, connect: Fixture, root: Path) -> None:
    """rename(2) over a large file: the old inode stays open for those who read it."""
    old = os.urandom(3 << 20)
    (root / "big").write_bytes(old)
    served = serve()
    wire = connect(served.port)
    wire.ask("big", ("blksize", "1024"))
    wire.receive()
    (root / "new").write_bytes(os.urandom(3 << 20))
    (root / "new").replace(root / "big")
    assert read_all(wire, 1) == old


class Sock:
    """A socket that answers each send with the next of ``errors``, and sends when there is none left."""

    def __init__(self, errors: list[OSError]) -> None:
        self.errors = errors
        self.sent: list[bytes] = []
        self.refuses_segments = False

    def send(self, datagram: bytes, flags: int) -> int:
        if self.errors:
            raise self.errors.pop(0)
        if self.refuses_segments and len(datagram) > 14:
            raise OSError(errno.EINVAL, "Invalid argument")
        self.sent.append(bytes(datagram))
        return len(datagram)


class FakeChannel:
    """A carrier without a kernel."""

    control = None

    def __init__(self, sock: Sock, fd: int) -> None:
        self.send, self.fd = sock.send, fd
        self.waiting: list[tuple[int, int]] = []

    def segment(self, size: int) -> int:
        return 64

    def address(self, view: memoryview) -> int:
        return 0

    def wait_for_room(self, first: int, count: int) -> None:
        self.waiting.append((first, count))

    def carry(self, session: object, deadline: float) -> None:
        """No wheel turns here."""


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def moving_session(loop: Loop, channel: FakeChannel, ended: list[Session]) -> Session:
    """A window of 4 blocks of 10 bytes, the OACK ACKed, 1-4 to be sent."""
    transfer = Transfer(9, now=0.0, windowsize=4, offered=True, pace=Pace())
    return Session(
        channel,  # type: ignore[arg-type]  # a fake of what a session calls
        transfer,
        FrameCache(1 << 20, open_source).frames(bytes(85), 10),
        Terms(10, 4, None, b"\0\6"),
        loop=loop,
        key=(("192.0.2.1", 2070), "192.0.2.2"),
        datagram=b"",
        request=ReadRequest("f", Mode.OCTET, {}, ("192.0.2.1", 2070), "192.0.2.2"),
        on_end=lambda session, now: ended.append(session),
    )


@pytest.fixture
def acks() -> Iterator[tuple[int, socket.socket]]:
    """A descriptor that a session reads from, and the end that writes to it."""
    reading, writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with reading, writing:
        reading.setblocking(False)
        yield reading.fileno(), writing


def test_a_full_send_buffer_is_waited_for(loop: Loop, acks: tuple[int, socket.socket]) -> None:
    """EAGAIN is not loss: the carrier sends what did not fit when there is room."""
    fd, client = acks
    sock = Sock([])
    channel = FakeChannel(sock, fd)
    session = moving_session(loop, channel, [])
    session.begin(0.0)
    sock.errors = [BlockingIOError(errno.EAGAIN, "try again")]
    client.send(b"\0\4\0\0")
    session.on_readable(0.1)
    assert (sock.sent, channel.waiting) == ([b"\0\6"], [(1, 4)])
    session.send_blocks(1, 4, 0.2)
    client.send(b"\0\4\0\4")
    session.on_readable(0.3)
    assert [len(each) for each in sock.sent] == [2, 4 * 14, 4 * 14]


def test_a_route_that_refuses_segments_gets_single_blocks(loop: Loop, acks: tuple[int, socket.socket]) -> None:
    """EINVAL: a segment above a path MTU that was learned meanwhile. From then on the kernel cuts nothing."""
    fd, client = acks
    sock = Sock([])
    sock.refuses_segments = True
    session = moving_session(loop, FakeChannel(sock, fd), [])
    session.begin(0.0)
    client.send(b"\0\4\0\0")
    session.on_readable(0.1)
    assert [each[:4] for each in sock.sent] == [b"\0\6", *(bytes((0, 3, 0, block)) for block in (1, 2, 3, 4))]


def test_a_send_that_fails_is_a_packet_lost(loop: Loop, acks: tuple[int, socket.socket]) -> None:
    """ENETUNREACH and the like pass; the timer sends it again."""
    fd, client = acks
    sock = Sock([])
    ended: list[Session] = []
    session = moving_session(loop, FakeChannel(sock, fd), ended)
    session.begin(0.0)
    sock.errors = [OSError(errno.ENETUNREACH, "Network is unreachable")] * 2
    client.send(b"\0\4\0\0")
    session.on_readable(0.1)
    assert loop.stats.send_errors == 1
    assert session.on_timer(1.2) is not None
    assert [each[:4] for each in sock.sent[1:]] == [bytes((0, 3, 0, block)) for block in (1, 2, 3, 4)]
    assert ended == []
