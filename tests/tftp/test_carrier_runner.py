"""Which way a transfer goes, and what is known of the way."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from nearboot.tftp.carrier_runner import MAX_LINES, MTU_AGE_S, Carriers, Ways
from nearboot.tftp.channel_runner import Channel
from nearboot.tftp.runner import Loop
from nearboot.tftp.seat_runner import Seat

HERE = ("127.0.0.1", 0)
PEER = ("127.0.0.1", 2070)


@pytest.fixture
def carriers() -> Iterator[Carriers]:
    loop = Loop()
    made = Carriers(loop, lambda tell, datagram, peer, now: None)
    yield made
    made.close()
    loop.close()


class Quiet:
    """A session that nothing happens to, after packets were lost."""

    transfer = SimpleNamespace(is_clean=False)


def test_a_transfer_that_is_alone_has_a_channel_others_share_a_line(carriers: Carriers) -> None:
    """All who share are at one port."""
    alone = carriers.take(HERE, PEER, 0.0, alone=True)
    shared = [carriers.take(HERE, ("127.0.0.1", port), 0.0, alone=False) for port in range(3000, 3010)]
    assert isinstance(alone, Channel)
    assert len({seat._line for seat in shared if isinstance(seat, Seat)}) == 1
    assert all(isinstance(seat, Seat) for seat in shared)
    carriers.release(alone, 0.0)


def test_a_client_port_finds_another_line_soon_after(carriers: Carriers) -> None:
    """Late packets of one transfer are not taken for the next one's; a channel is left when no line is."""
    lines = set()
    for _ in range(MAX_LINES):
        seat = carriers.take(HERE, PEER, 0.0, alone=False)
        assert isinstance(seat, Seat)
        lines.add(seat._line)
        seat.carry(Quiet(), 1e9)  # type: ignore[arg-type]  # nothing is asked of it
        carriers.release(seat, 0.0)
    assert len(lines) == MAX_LINES
    channel = carriers.take(HERE, PEER, 4.0, alone=False)
    assert isinstance(channel, Channel)
    carriers.release(channel, 4.0)
    assert isinstance(carriers.take(HERE, PEER, 20.0, alone=False), Seat)


def test_lines_are_of_one_address(carriers: Carriers) -> None:
    """Replies leave from the address that was asked."""
    seats = [carriers.take((address, 0), PEER, 0.0, alone=False) for address in ("127.0.0.1", "127.0.0.2", "::1")[:2]]
    assert [seat._line.sock.getsockname()[0] for seat in seats if isinstance(seat, Seat)] == ["127.0.0.1", "127.0.0.2"]


@pytest.mark.parametrize("shared", [False, True])
def test_an_error_goes_out_from_the_address_asked(carriers: Carriers, shared: bool) -> None:
    """By a line where there is one."""
    if shared:
        carriers.take(HERE, PEER, 0.0, alone=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        client.settimeout(10)
        carriers.answer(HERE, client.getsockname(), b"\0\5\0\1no\0", 0.0)
        assert client.recv(100) == b"\0\5\0\1no\0"


def test_no_way_is_an_oserror(carriers: Carriers) -> None:
    with pytest.raises(OSError, match=r".+"):
        carriers.mtu_blksize(HERE, ("255.255.255.255", 1))
    with pytest.raises(OSError, match=r".+"):
        carriers.take(("192.0.2.77", 0), PEER, 0.0, alone=False)


def test_the_mtu_is_the_routes() -> None:
    """32 bytes around a block in IPv4, 52 in IPv6; the loopback's MTU is 65,536, of which IPv4 can use 65,535."""
    ways = Ways()
    assert ways.mtu_blksize(HERE, PEER) == 65503
    assert ways.mtu_blksize(("::1", 0), ("::1", 9, 0, 0)) == 65484
    ways.trim(MTU_AGE_S)
    assert ways.mtu_blksize(HERE, PEER) == 65503
    ways.close()
