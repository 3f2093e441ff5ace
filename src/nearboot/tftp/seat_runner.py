"""Seats: one transfer's place on a line that it shares, and the ancillary data that goes with its sends.

Of the line a seat asks only what ``Shared`` names; batches are the line's own affair (``line_runner``).

    seat = Seat(line, peer, name_of(peer))          # a Carrier for one session
"""

from __future__ import annotations

import socket
import struct
from functools import cache
from typing import Protocol

from nearboot.tftp.channel_runner import LEAST_SEGMENT, UDP_SEGMENT
from nearboot.tftp.engine import Peer
from nearboot.tftp.mmsg_runner import SMALL, address_of
from nearboot.tftp.session_runner import Local, Session

Message = tuple[int, int, bytes]
"""One of ancillary data: level, type, data."""
Messages = tuple[Message, ...]


class Shared(Protocol):
    """What a seat asks of its line."""

    local: Local
    sock: socket.socket
    can_segment: bool
    unsent: dict[Session, tuple[int, int]]
    """What waits for room in the kernel, by session."""

    def begin(self, seat: Seat, session: Session) -> None:
        """A session takes its seat."""

    def end(self, seat: Seat, session: Session) -> None:
        """It is over."""

    def post(self, seat: Seat, data: bytes | memoryview) -> int:
        """Send with others, when this turn of the loop ends."""

    def wait_for_room(self, session: Session, first: int, count: int) -> None:
        """Have the session send these blocks when the kernel has room."""

    def catch_up(self, now: float) -> None:
        """Deal with what has come and was not looked at yet."""


class Seat:
    """One transfer's place on a line."""

    __slots__ = ("_control", "_is_fresh", "_line", "_session", "_source", "control", "fd", "local", "name", "peer")

    def __init__(self, line: Shared, peer: Peer, name: bytes, source: Messages = ()) -> None:
        self.local = line.local
        self.peer = peer
        self.name = name
        self.fd = -1
        self.control: tuple[int, int] | None = None
        """What tells the kernel where sends come from and how to cut them: its place in memory, and its length."""
        self._control = self._source = source
        self._line = line
        self._is_fresh = True
        self._session: Session | None = None

    def send(self, data: bytes | memoryview, flags: int = 0, /) -> int:
        """One send; the first reply goes out with others', and is lost where the kernel has no room: timers mend that.

        The rest goes at once. The first error may be about what another client got.
        """
        if self._is_fresh and len(data) <= SMALL:
            self._is_fresh = False
            return self._line.post(self, data)
        if self._line.unsent:
            raise BlockingIOError  # others have waited longer
        try:
            return self._line.sock.sendmsg([data], self._control, flags, self.peer)
        except BlockingIOError:
            raise
        except OSError:
            return self._send_again(data, flags)

    def _send_again(self, data: bytes | memoryview, flags: int) -> int:
        try:
            return self._line.sock.sendmsg([data], self._control, flags, self.peer)
        except ConnectionRefusedError as error:
            raise BlockingIOError from error  # yet another one's; later then

    def segment(self, size: int) -> int:
        """Have the kernel cut sends into datagrams of ``size`` bytes; how many it takes in one send."""
        is_cut = size >= LEAST_SEGMENT and self._line.can_segment
        self._control = (*self._source, segment_message(size)) if is_cut else self._source
        self.control = in_memory(self._control)[:2] if self._control else None
        return min(64, 65507 // size) if is_cut else 1

    def address(self, view: memoryview) -> int:
        """Where the segment lies in memory."""
        return address_of(view)

    def carry(self, session: Session, deadline: float) -> None:
        """Bring it what its client sends, and turn the wheel for it."""
        self._session = session
        self._line.begin(self, session)

    @property
    def deadline(self) -> float | None:
        """Of the session; None when it is over."""
        return self._session.transfer.deadline if self._session else None

    def catch_up(self, now: float) -> None:
        """Deal with what has come by the line."""
        self._line.catch_up(now)

    def wait_for_room(self, first: int, count: int) -> None:
        """Go on with these blocks when the kernel has room."""
        if self._session:
            self._line.wait_for_room(self._session, first, count)

    def leave(self) -> None:
        """The transfer is over."""
        session, self._session = self._session, None
        if session:
            self._line.end(self, session)

    def on_timer(self, now: float) -> float | None:
        """The wheel's turn."""
        return self._session.on_timer(now) if self._session else None


@cache
def segment_message(size: int) -> Message:
    """Have the kernel cut a send into datagrams of ``size`` bytes."""
    return socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", size)


#  struct cmsghdr:  length 8 | level 4 | type 4 | data ..., to a multiple of 8
@cache
def in_memory(messages: Messages) -> tuple[int, int, bytearray]:
    """Ancillary messages as the kernel reads them: their place, their length, and what keeps them there."""
    raw = bytearray()
    for level, kind, data in messages:
        raw += struct.pack("=Qii", 16 + len(data), level, kind) + data + bytes(-len(data) % 8)
    return address_of(memoryview(raw)), len(raw), raw
