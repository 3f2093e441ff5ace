"""Many transfers on one socket: real clients of a real server, and a line whose kernel says no."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from nearboot.tftp import Limits, Mode, Outcome, Pace, ReadRequest
from nearboot.tftp.content import FrameCache
from nearboot.tftp.line_runner import IP_RECVERR, IPV6_RECVERR, LATE_S, MAX_LATE, Line, is_refusal
from nearboot.tftp.mmsg_runner import name_of
from nearboot.tftp.options import Terms
from nearboot.tftp.packet import Ack, Data, Error, OptionAck, encode
from nearboot.tftp.runner import Loop
from nearboot.tftp.seat_runner import Seat
from nearboot.tftp.session_runner import Session
from nearboot.tftp.store import open_source
from nearboot.tftp.transfer import Transfer

Fixture = Callable[..., Any]


def begun(served: Any, connect: Fixture, count: int, *options: tuple[str, str], file: str = "image") -> list[Any]:
    """Clients whose reads have begun; the first has a channel, the others share a line."""
    wires = [connect(served.port) for _ in range(count)]
    for wire in wires:
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        wire.ask(file, *options)
        assert isinstance(wire.receive(), OptionAck)
    return wires


@pytest.mark.parametrize("windowsize", [1, 4, 64])
def test_readers_that_share_a_line_get_what_they_asked(
    serve: Fixture, connect: Fixture, root: Path, windowsize: int
) -> None:
    """In step with one another, so that batches are full; across segments, to the short last block."""
    content = os.urandom((2 << 20) + 77)
    (root / "image").write_bytes(content)
    served = serve()
    wires = begun(served, connect, 9, ("blksize", "1024"), ("windowsize", str(windowsize)))
    assert len({wire.other for wire in wires[1:]}) == 1
    parts: dict[Any, list[bytes]] = {wire: [] for wire in wires}
    for wire in wires:
        wire.ack(0)
    reading = list(wires)
    while reading:
        for wire in reading:
            packet = wire.receive()
            assert packet.block == (len(parts[wire]) + 1) % 65536
            parts[wire].append(packet.payload)
        is_last = len(packet.payload) < 1024
        if is_last or len(parts[wires[0]]) % windowsize == 0:
            for wire in reading:
                wire.ack(packet.block)
        reading = [] if is_last else reading
    assert all(b"".join(got) == content for got in parts.values())
    assert {served.event().outcome for _ in wires} == {Outcome.COMPLETED}


def test_a_stranger_at_the_port_is_told_and_the_transfers_go_on(serve: Fixture, connect: Fixture, root: Path) -> None:
    """RFC 1350 section 4: ERROR 5. An ERROR gets no answer, nor does anything that is no packet of a transfer."""
    (root / "image").write_bytes(bytes(9000))
    served = serve()
    alone, sharing = begun(served, connect, 2, ("blksize", "1024"))
    for wire in (alone, sharing):
        stranger = connect(served.port)
        stranger.other = wire.other
        for odd in (encode(Error(0, "closed")), b"\0\1image\0octet\0", b"", b"\0"):
            stranger.send(odd)
        stranger.ack(0)
        assert stranger.receive() == Error(5, "unknown transfer ID")
        assert stranger.is_silent()
        wire.ack(0)
        assert isinstance(wire.receive(), Data)
    assert served.server.counters()["strays"] == 10


def test_a_late_ack_of_a_finished_transfer_is_not_strange(serve: Fixture, connect: Fixture) -> None:
    """iPXE and EDK2 repeat the last one; an ERROR would be for nothing."""
    served = serve()
    _, wire = begun(served, connect, 2, ("blksize", "1024"), file="cfg")
    wire.ack(0)
    assert wire.receive().block == 1
    for _ in range(3):
        wire.ack(1)
    served.event()
    other = connect(served.port)
    other.other = wire.other
    other.ack(0)
    assert other.receive() == Error(5, "unknown transfer ID")
    assert wire.is_silent()


@pytest.mark.parametrize("is_clean", [True, False])
def test_a_client_that_asks_again_after_losses_is_answered_from_another_port(
    serve: Fixture, connect: Fixture, is_clean: bool
) -> None:
    """U-Boot and old ROMs have few ports; what is late must not be taken for the new transfer's."""
    served = serve(limits=Limits(pace=Pace(timeout_s=5.0 if is_clean else 0.06, longest_wait_s=5.0)))
    _, wire = begun(served, connect, 2, ("blksize", "1024"), file="cfg")
    before = wire.other
    if not is_clean:
        assert isinstance(wire.receive(), OptionAck)
    wire.ack(0)
    wire.receive()
    wire.ack(1)
    served.event()
    wire.ask("cfg", ("blksize", "1024"))
    while not isinstance(wire.receive(), OptionAck):
        pass
    assert (wire.other == before) is is_clean


def test_a_client_that_closes_its_port_ends_its_own_transfer_alone(serve: Fixture, connect: Fixture) -> None:
    """ICMP comes with the address that it is about (IP_RECVERR); a neighbour's send is what learns of it first."""
    served = serve()
    _, gone, stays = begun(served, connect, 3, ("blksize", "512"), file="kernel")
    gone.ack(0)
    gone.sock.close()
    event = served.event()
    assert (event.client, event.outcome) == (event.client, Outcome.ABORTED_BY_CLIENT)
    assert "closed its port" in event.error
    for block in range(20):
        stays.ack(block)
        assert stays.receive().block == block + 1


def test_lost_replies_are_sent_again_on_a_line(serve: Fixture, connect: Fixture) -> None:
    """Its timers are each transfer's own."""
    served = serve(limits=Limits(pace=Pace(timeout_s=0.06, longest_wait_s=0.06)))
    first = connect(served.port)
    first.ask("cfg")
    wire = connect(served.port)
    wire.ask("cfg")
    blocks = [wire.receive() for _ in range(3)]
    assert blocks[0] == blocks[1] == blocks[2]
    assert {served.event().outcome for _ in range(2)} == {Outcome.TIMED_OUT}


@pytest.mark.parametrize("sharing", [False, True], ids=["alone", "sharing"])
def test_a_last_ack_counts_though_the_next_request_is_seen_first(
    serve: Fixture, connect: Fixture, sharing: bool
) -> None:
    """They come to two sockets; the transfer is complete all the same, and the request is not taken for a late copy."""
    served = serve(on_event=None)
    others = begun(served, connect, 1, ("blksize", "1024"), file="cfg") if sharing else []
    wire = connect(served.port)
    for _ in range(200):
        wire.ask("cfg", ("blksize", "1024"))
        while isinstance(wire.receive(), Data):
            pytest.fail("a block came twice")
        wire.ack(0)
        assert wire.receive().block == 1
        wire.ack(1)
    wire.ask("cfg", ("blksize", "1024"))
    wire.receive()
    counted = served.server.counters()
    assert (counted["repeats"], counted["replaced"], counted["active"]) == (0, 0, len(others) + 1)
    assert counted["completed"] == 200


HERE = ("127.0.0.1", 0)


class Ends:
    """Two clients, and what ended."""

    def __init__(self) -> None:
        self.socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for sock in self.socks:
            sock.bind(HERE)
            sock.settimeout(10)
        self.ended: list[Session] = []

    def over(self, session: Session, now: float) -> None:
        self.ended.append(session)
        assert isinstance(session.channel, Seat)
        session.channel.leave()


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    for sock in made.socks:
        sock.close()


@pytest.fixture
def line() -> Iterator[Line]:
    loop = Loop()
    made = Line(HERE, loop, lambda tell, datagram, peer, now: None)
    yield made
    made.close()
    loop.close()


def seated(line: Line, ends: Ends, number: int = 0, windowsize: int = 4) -> Session:
    """A session of 10 blocks of 200 bytes, ready to be ACKed."""
    peer = ends.socks[number].getsockname()
    session = Session(
        Seat(line, peer, name_of(peer)),
        Transfer(11, now=0.0, windowsize=windowsize, offered=True, pace=Pace()),
        FrameCache(1 << 20, open_source).frames(bytes(2000), 200),
        Terms(200, windowsize, None, b"\0\6"),
        loop=line._loop,
        key=(peer, "127.0.0.1"),
        datagram=b"",
        request=ReadRequest("f", Mode.OCTET, {}, peer, "127.0.0.1"),
        on_end=ends.over,
    )
    session.begin(0.0)
    while line._loop.at_end:
        line._loop.at_end.pop()()
    assert ends.socks[number].recv(100) == b"\0\6"
    return session


def acked(line: Line, ends: Ends, block: int, number: int = 0) -> None:
    """The client's ACK arrives, and is dealt with."""
    ends.socks[number].sendto(encode(Ack(block)), line.sock.getsockname())
    line.on_readable(1.0)


class Refusing:
    """An outbox whose sends raise these errors first."""

    def __init__(self, line: Line, errors: list[OSError]) -> None:
        self._outbox, self._errors = line._outbox, errors
        self.headers, self.vectors = line._outbox.headers, line._outbox.vectors
        self.clear_controls = line._outbox.clear_controls

    def send(self, fd: int, first: int, count: int) -> int:
        if self._errors:
            raise self._errors.pop(0)
        return self._outbox.send(fd, first, count)


def test_what_has_no_room_goes_out_later_and_in_order(line: Line, ends: Ends) -> None:
    """EAGAIN is not loss; who comes meanwhile waits behind."""
    first, second = seated(line, ends, 0), seated(line, ends, 1)
    line._outbox = Refusing(line, [BlockingIOError(errno.EAGAIN, "")])  # type: ignore[assignment]  # a fake kernel
    acked(line, ends, 0, 0)
    assert line.unsent == {first: (1, 4)}
    with pytest.raises(BlockingIOError):
        second.send(b"x")
    line.on_readable(2.0)
    assert line.unsent == {}
    assert [ends.socks[0].recv(300)[3] for _ in range(4)] == [1, 2, 3, 4]


def test_a_transfer_that_ends_waits_for_nothing(line: Line, ends: Ends) -> None:
    session = seated(line, ends)
    line.wait_for_room(session, 1, 4)
    session.give_way(1.0)
    assert (line.unsent, line.sessions, ends.ended) == ({}, {}, [session])
    line.on_readable(2.0)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ECONNREFUSED, errno.ENETUNREACH])
def test_an_error_of_a_batch_is_tried_again(line: Line, ends: Ends, number: int) -> None:
    """It may be about a packet that went before, to another client."""
    session = seated(line, ends)
    line._outbox = Refusing(line, [OSError(number, "")])  # type: ignore[assignment]  # a fake kernel
    acked(line, ends, 0)
    assert [ends.socks[0].recv(300)[3] for _ in range(4)] == [1, 2, 3, 4]
    assert session.chunk > 1


def test_windows_and_lock_step_share_a_batch(line: Line, ends: Ends) -> None:
    """What tells the kernel to cut one's window is not left for the next one's block."""
    seated(line, ends, 0, windowsize=4)
    seated(line, ends, 1, windowsize=1)
    for _ in range(2):
        for sock in ends.socks:
            sock.sendto(encode(Ack(0)), line.sock.getsockname())
        line.on_readable(1.0)
        break
    assert [len(ends.socks[0].recv(3000)) for _ in range(4)] == [204] * 4
    assert len(ends.socks[1].recv(3000)) == 204
    assert line._outbox.headers[4] == line._outbox.headers[12] == 0


def test_garbage_from_a_client_changes_nothing(line: Line, ends: Ends) -> None:
    """Neither a short packet nor one of another kind is an ACK; its ERROR is its end."""
    session = seated(line, ends)
    for odd in (b"", b"\0\4\0", b"\0\3\0\0data", b"\0\4"):
        ends.socks[0].sendto(odd, line.sock.getsockname())
        line.on_readable(1.0)
    assert (session.transfer.acked, line._loop.stats.unexpected) == (-1, 4)
    ends.socks[0].sendto(encode(Error(8, "User aborted the transfer")), line.sock.getsockname())
    line.on_readable(1.0)
    assert ends.ended == [session]


def test_those_who_were_here_are_remembered_for_a_while(line: Line, ends: Ends) -> None:
    """In time and in number: a flood of small reads costs little memory."""
    seat = seated(line, ends).channel
    assert isinstance(seat, Seat)
    assert not line.has_room_for(seat.name, 0.0)
    seat.leave()
    assert not line.has_room_for(seat.name, LATE_S)
    assert line.has_room_for(seat.name, 3 * LATE_S)
    for number in range(3 * MAX_LATE):
        line._late[0].add(number.to_bytes(16, "big"))
        assert line.has_room_for(b"another", 3 * LATE_S)
    assert sum(map(len, line._late)) <= 2 * (MAX_LATE + 1)


def test_a_fault_in_the_middle_of_a_batch_leaves_nothing_in_the_outbox(line: Line, ends: Ends) -> None:
    """Its slots point to memory that is soon another's; who was answered before the fault still is."""
    first, second = seated(line, ends, 0, windowsize=4), seated(line, ends, 1, windowsize=1)

    def fault(block: int, now: float) -> None:
        raise RuntimeError("a bug of ours")

    good, second.ack = second.ack, fault  # a fake
    for sock in ends.socks:
        sock.sendto(encode(Ack(0)), line.sock.getsockname())
    with pytest.raises(RuntimeError):
        line.on_readable(1.0)
    assert [ends.socks[0].recv(300)[3] for _ in range(4)] == [1, 2, 3, 4]
    assert (line._pending, line._is_controlled, line._outbox.headers[4]) == ([], False, 0)
    second.ack = good
    acked(line, ends, 0, 1)
    assert len(ends.socks[1].recv(3000)) == 204
    assert first.transfer.outstanding == (1, 4)


def test_a_fault_while_a_batch_is_sent_leaves_nothing_either(line: Line, ends: Ends) -> None:
    seated(line, ends)
    line._outbox = Refusing(line, [RuntimeError("a bug of ours")])  # type: ignore[assignment, list-item]  # a fake
    with pytest.raises(RuntimeError):
        acked(line, ends, 0)
    assert (line._pending, line._is_controlled, line._outbox.headers[4]) == ([], False, 0)


def test_the_past_is_forgotten_with_the_ticks(line: Line, ends: Ends) -> None:
    """Also where nobody asks whether there is room, as at a single port."""
    seated(line, ends).give_way(1.0)
    for now in (0.0, LATE_S, 2 * LATE_S):
        line.on_tick(now)
    assert (line._late, line._soiled) == ((set(), set()), (set(), set()))


@pytest.mark.parametrize(
    ("level", "kind", "refused"),
    [
        pytest.param(socket.IPPROTO_IP, IP_RECVERR, True, id="IPv4"),
        pytest.param(socket.IPPROTO_IPV6, IPV6_RECVERR, True, id="IPv6"),
        pytest.param(socket.IPPROTO_IP, 8, False, id="packet info of interface 111"),
    ],
)
def test_only_the_account_of_an_error_is_one(level: int, kind: int, refused: bool) -> None:
    """The queue of errors gives other ancillary data too, where it is asked for; 111 is ECONNREFUSED."""
    assert is_refusal(level, kind, struct.pack("=I12x", 111)) is refused
    assert not is_refusal(level, kind, struct.pack("=I12x", errno.EHOSTUNREACH))
    assert not is_refusal(level, kind, b"")


def test_an_error_that_waits_keeps_no_ack_waiting(line: Line, ends: Ends) -> None:
    """ICMP's about one client is told before the ACK of another."""
    seated(line, ends, 0)
    session = seated(line, ends, 1)
    address = ends.socks[0].getsockname()
    ends.socks[0].close()
    with suppress(ConnectionRefusedError):
        line.sock.sendto(b"x", address)
    acked(line, ends, 0, 1)
    assert session.transfer.acked == 0
    assert [each.channel.peer for each in ends.ended] == [address]
