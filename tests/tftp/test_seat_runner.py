"""A seat: what its sends carry, and what becomes of them."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from nearboot.tftp.mmsg_runner import SMALL
from nearboot.tftp.seat_runner import Message, Seat, in_memory, segment_message

SOURCE: Message = (socket.IPPROTO_IP, 8, struct.pack("=I4s4s", 0, socket.inet_aton("192.0.2.1"), bytes(4)))
PEER = ("192.0.2.7", 2070)


class Line:
    """A line without a kernel; sends raise the next of ``errors`` first."""

    def __init__(self, *errors: OSError) -> None:
        self.local, self.can_segment = ("192.0.2.1", 0), True
        self.unsent: dict[Any, tuple[int, int]] = {}
        self.waiting: list[tuple[int, int]] = []
        self.errors, self.sent, self.posted, self.ended = list(errors), [], [], 0
        self.sock: Any = SimpleNamespace(sendmsg=self._sendmsg)

    def _sendmsg(self, data: list[bytes], control: Any, flags: int, peer: Any) -> int:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append((bytes(data[0]), tuple(control), peer))
        return len(data[0])

    def post(self, seat: Seat, data: bytes | memoryview) -> int:
        self.posted.append(bytes(data))
        return len(data)

    def begin(self, seat: Seat, session: Any) -> None:
        """It sits."""

    def end(self, seat: Seat, session: Any) -> None:
        self.ended += 1

    def wait_for_room(self, session: Any, first: int, count: int) -> None:
        self.waiting.append((first, count))

    def catch_up(self, now: float) -> None:
        """Nothing has come."""


@pytest.fixture
def line() -> Iterator[Line]:
    yield Line()


def test_the_first_reply_goes_with_others_the_rest_at_once(line: Line) -> None:
    """A first reply that is too long for the postbox goes at once as well."""
    seat = Seat(line, PEER, b"name")
    seat.send(b"oack")
    seat.send(b"data")
    Seat(line, PEER, b"name").send(b"x" * (SMALL + 1))
    assert line.posted == [b"oack"]
    assert [data for data, _, _ in line.sent] == [b"data", b"x" * (SMALL + 1)]


def test_who_comes_while_others_wait_waits_too(line: Line) -> None:
    seat = Seat(line, PEER, b"name")
    seat.send(b"oack")
    line.unsent["another"] = (1, 1)
    with pytest.raises(BlockingIOError):
        seat.send(b"data")


@pytest.mark.parametrize(
    ("errors", "raised"),
    [
        pytest.param([errno.ECONNREFUSED], None, id="another's-icmp"),
        pytest.param([errno.ECONNREFUSED, errno.ECONNREFUSED], BlockingIOError, id="two-others"),
        pytest.param([errno.EAGAIN], BlockingIOError, id="no-room"),
        pytest.param([errno.ENETUNREACH, errno.ENETUNREACH], OSError, id="its-own"),
    ],
)
def test_an_error_may_be_about_another_client(errors: list[int], raised: type[OSError] | None) -> None:
    """A line's socket reports ICMP errors at whatever is sent next."""
    line = Line(*(OSError(number, "") for number in errors))
    seat = Seat(line, PEER, b"name")
    seat.send(b"oack")
    if raised is None:
        assert seat.send(b"data") == 4
    else:
        with pytest.raises(raised):
            seat.send(b"data")


def test_sends_say_where_they_come_from_and_how_they_are_cut(line: Line) -> None:
    """Both, one, or none; small frames go one by one."""
    seat = Seat(line, PEER, b"name", (SOURCE,))
    assert seat.segment(1432) == 45
    seat.send(b"oack")
    seat.send(b"data")
    assert line.sent == [(b"data", (SOURCE, segment_message(1432)), PEER)]
    assert seat.segment(16) == 1
    seat.send(b"more")
    assert line.sent[1] == (b"more", (SOURCE,), PEER)
    plain = Seat(line, PEER, b"name")
    assert (plain.segment(0), plain.control) == (1, None)
    line.can_segment = False
    assert plain.segment(1432) == 1


def test_ancillary_data_is_laid_out_as_the_kernel_reads_it() -> None:
    """struct cmsghdr, each padded to eight bytes; the same messages are kept once."""
    place, length, raw = in_memory((SOURCE, segment_message(1432)))
    assert (length, len(raw)) == (16 + 16 + 16 + 8, length)
    assert struct.unpack_from("=Qii", raw) == (28, socket.IPPROTO_IP, 8)
    assert struct.unpack_from("=QiiH", raw, 32) == (18, socket.IPPROTO_UDP, 103, 1432)
    assert in_memory((SOURCE, segment_message(1432)))[0] == place


def test_a_seat_is_left_once(line: Line) -> None:
    seat = Seat(line, PEER, b"name")
    session: Any = SimpleNamespace(transfer=SimpleNamespace(deadline=7.0), on_timer=lambda now: now + 1)
    assert (seat.deadline, seat.on_timer(1.0)) == (None, None)
    seat.carry(session, 7.0)
    assert (seat.deadline, seat.on_timer(1.0)) == (7.0, 2.0)
    seat.wait_for_room(3, 4)
    seat.leave()
    seat.leave()
    seat.wait_for_room(5, 6)
    assert (line.ended, seat.deadline, line.waiting) == (1, None, [(3, 4)])
