"""Channels and their pool, without a server."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from nearboot.tftp.channel_runner import IDLE_S, MAX_IDLE, MAX_USES, ChannelPool, Tell
from nearboot.tftp.engine import Peer
from nearboot.tftp.runner import Loop
from nearboot.tftp.session_runner import send_error

HERE = ("127.0.0.1", 0)


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


Stray = tuple[Tell, bytes, Peer]


@pytest.fixture
def strays() -> list[Stray]:
    """What came from strangers, and what sends them an answer."""
    return []


@pytest.fixture
def pool(loop: Loop, strays: list[Stray]) -> Iterator[ChannelPool]:
    made = ChannelPool(loop, lambda tell, datagram, peer, now: strays.append((tell, datagram, peer)))
    yield made
    made.close()


@pytest.fixture
def clients() -> Iterator[list[socket.socket]]:
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for sock in made:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
    yield made
    for sock in made:
        sock.close()


def test_a_channel_answers_from_the_address_asked(pool: ChannelPool, clients: list[socket.socket]) -> None:
    """OVMF ignores an OACK from any other address of the interface."""
    channel = pool.take(("127.0.0.3", 0), clients[0].getsockname())
    send_error(channel, b"hello")
    assert clients[0].recvfrom(10) == (b"hello", ("127.0.0.3", channel.sock.getsockname()[1]))
    pool.release(channel, 0.0)


def test_a_channel_is_used_again_but_not_for_the_same_client_port(
    pool: ChannelPool, clients: list[socket.socket]
) -> None:
    """A late packet of the transfer before cannot be told from one of the next, between the same two ports."""
    one, two = clients[0].getsockname(), clients[1].getsockname()
    first = pool.take(HERE, one)
    pool.release(first, 0.0)
    other = pool.take(HERE, one)
    assert other is not first
    assert pool.take(HERE, two) is first
    for channel in (first, other):
        pool.release(channel, 0.0)


def test_late_packets_of_the_last_client_are_gone(pool: ChannelPool, clients: list[socket.socket]) -> None:
    """Queued ones are dropped at the turn, later ones by the kernel."""
    channel = pool.take(HERE, clients[0].getsockname())
    clients[0].sendto(b"late", channel.sock.getsockname())
    pool.release(channel, 0.0)
    assert pool.take(HERE, clients[1].getsockname()) is channel
    clients[0].sendto(b"later", channel.sock.getsockname())
    clients[1].sendto(b"mine", channel.sock.getsockname())
    assert channel.sock.recv(10) == b"mine"
    pool.release(channel, 0.0)


def test_channels_are_worn_out_and_rest_for_a_while_only(pool: ChannelPool, clients: list[socket.socket]) -> None:
    """Ports change, and an idle server holds no sockets."""
    peers = [sock.getsockname() for sock in clients]
    used = set()
    for turn in range(MAX_USES + 1):
        channel = pool.take(HERE, peers[turn % 2])
        used.add(channel.sock)
        pool.release(channel, 100.0)
    assert len(used) == 2
    pool.trim(100.0 + IDLE_S - 1)
    resting = pool.take(HERE, peers[1])
    pool.release(resting, 100.0)
    pool.trim(100.0 + IDLE_S)
    fresh = pool.take(HERE, peers[1])
    assert fresh is not resting
    pool.release(fresh, 100.0)


def test_few_channels_rest(loop: Loop, pool: ChannelPool, clients: list[socket.socket]) -> None:
    """More than ``MAX_IDLE`` are closed."""
    taken = [pool.take(HERE, clients[0].getsockname()) for _ in range(MAX_IDLE + 5)]
    before = len(loop.readers)
    for channel in taken:
        pool.release(channel, 0.0)
    assert sum(reader == channel.drain for channel in taken for reader in [loop.readers[channel.fd]]) == MAX_IDLE
    assert len(loop.readers) == before


def test_no_way_to_the_client_is_an_oserror(pool: ChannelPool) -> None:
    """And leaves no socket behind (warnings are errors)."""
    with pytest.raises(OSError, match=r".+"):
        pool.take(("192.0.2.77", 0), ("192.0.2.1", 1))
    with pytest.raises(OSError, match=r".+"):
        pool.take(HERE, ("255.255.255.255", 1))


def test_the_kernel_cuts_a_send_into_segments(pool: ChannelPool, clients: list[socket.socket]) -> None:
    """UDP_SEGMENT as a socket option; the last may be short, and 0 turns it off."""
    channel = pool.take(HERE, clients[0].getsockname())
    assert channel.segment(1000) == 64
    channel.sock.send(b"a" * 1000 + b"b" * 1000 + b"c")
    assert [clients[0].recv(2000)[:1] for _ in range(3)] == [b"a", b"b", b"c"]
    assert channel.segment(1432) == 45
    assert channel.segment(0) == 1
    channel.sock.send(b"d" * 3000)
    assert len(clients[0].recv(4000)) == 3000
    pool.release(channel, 0.0)


def test_a_stranger_at_a_channels_port_comes_in_by_the_door(
    loop: Loop, pool: ChannelPool, clients: list[socket.socket], strays: list[Stray]
) -> None:
    """RFC 1350 section 4: it is told so, and the transfer goes on. Nobody is a stranger where no transfer is."""
    channel = pool.take(HERE, clients[0].getsockname())
    port = channel.sock.getsockname()
    channel.carry(Timed(None), 1e9)  # type: ignore[arg-type]  # of a session, what is asked here
    clients[1].sendto(b"strange", port)
    clients[0].sendto(b"mine", port)
    loop.readers[channel.door.fileno()](0.0)
    [(tell, datagram, peer)] = strays
    assert (datagram, peer) == (b"strange", clients[1].getsockname())
    tell(b"who?", peer)
    assert clients[1].recvfrom(10) == (b"who?", port)
    assert channel.sock.recv(10) == b"mine"
    channel.rest(0.0)
    clients[1].sendto(b"strange", port)
    loop.readers[channel.door.fileno()](0.0)
    assert len(strays) == 1
    pool.release(channel, 0.0)


def test_the_last_client_is_no_stranger(
    loop: Loop, pool: ChannelPool, clients: list[socket.socket], strays: list[Stray]
) -> None:
    """Its packets are only late."""
    channel = pool.take(HERE, clients[0].getsockname())
    pool.release(channel, 0.0)
    assert pool.take(HERE, clients[1].getsockname()) is channel
    channel.carry(Timed(None), 1e9)  # type: ignore[arg-type]  # of a session, what is asked here
    clients[0].sendto(b"late", channel.sock.getsockname())
    loop.readers[channel.door.fileno()](0.0)
    assert strays == []
    pool.release(channel, 0.0)


def test_what_did_not_fit_goes_out_when_there_is_room(
    loop: Loop, pool: ChannelPool, clients: list[socket.socket]
) -> None:
    """Before any other packet is read; and a transfer that is over waits for nothing."""
    channel = pool.take(HERE, clients[0].getsockname())
    session = Timed(None)
    channel.carry(session, 1e9)  # type: ignore[arg-type]  # of a session, what is asked here
    channel.wait_for_room(5, 4)
    assert loop.readers[channel.fd] != session.on_readable
    loop.readers[channel.fd](2.0)
    assert session.sent == [(5, 4, 2.0)]
    assert loop.readers[channel.fd] == session.on_readable
    channel.wait_for_room(9, 4)
    channel.rest(3.0)
    loop.readers[channel.fd](4.0)
    assert session.sent == [(5, 4, 2.0)]
    pool.release(channel, 0.0)


class Timed:
    """A session that is due at ``deadline``."""

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline
        self.asked: list[float] = []
        self.sent: list[tuple[int, int, float]] = []

    def send_blocks(self, first: int, count: int, now: float) -> None:
        self.sent.append((first, count, now))

    def on_readable(self, now: float) -> None:
        """Nothing comes."""

    def on_timer(self, now: float) -> float | None:
        self.asked.append(now)
        return self.deadline


def test_one_wheel_entry_serves_session_after_session(
    loop: Loop, pool: ChannelPool, clients: list[socket.socket]
) -> None:
    """Ended sessions are not kept alive by the wheel: 13,000 a second would be a lot of memory and garbage
    collection."""
    channel = pool.take(HERE, clients[0].getsockname())
    now = 1e6
    loop.wheel.due(now)
    first, second = Timed(None), Timed(now + 5)
    channel.carry(first, now + 1)  # type: ignore[arg-type]  # of a session, what is asked here
    channel.rest(now + 0.1)
    channel.carry(second, now + 1.1)  # type: ignore[arg-type]  # of a session, what is asked here
    assert loop.wheel.due(now + 1.06) == [channel]
    assert channel.on_timer(now + 1.06) == now + 5
    assert (first.asked, second.asked) == ([], [now + 1.06])
    pool.release(channel, 0.0)


def test_an_earlier_deadline_overtakes(loop: Loop, pool: ChannelPool, clients: list[socket.socket]) -> None:
    """After a client with a timeout of 255 s comes one without."""
    channel = pool.take(HERE, clients[0].getsockname())
    now = 1e6
    loop.wheel.due(now)
    channel.carry(Timed(None), now + 255)  # type: ignore[arg-type]  # of a session, what is asked here
    channel.rest(now)
    quick = Timed(now + 400)
    channel.carry(quick, now + 1)  # type: ignore[arg-type]  # of a session, what is asked here
    assert loop.wheel.due(now + 1.1) == [channel]
    assert channel.on_timer(now + 1.1) == now + 400
    assert loop.wheel.due(now + 256) == [channel]
    assert channel.on_timer(now + 256) is None
    assert quick.asked == [now + 1.1]
    pool.release(channel, 0.0)
