"""One transfer on its way: ACKs go into the state machine, slices of the shared frames go out.

``on_readable`` is the hot path of a transfer on a channel of its own: one recv, one call of ``Transfer.ack``, one
slice, one send. Windows need no second path: the kernel cuts a send into datagrams (UDP_SEGMENT). A transfer that
shares a line has the same path in ``line_runner``, for many at once; all else is here for both.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from socket import MSG_DONTWAIT
from typing import Protocol

from nearboot.errors import ProtocolError
from nearboot.tftp.content import Framed, Segment
from nearboot.tftp.engine import Key, Peer
from nearboot.tftp.options import Terms
from nearboot.tftp.packet import Error, ErrorCode, encode, parse
from nearboot.tftp.request import ReadRequest
from nearboot.tftp.runner import Loop
from nearboot.tftp.stream_runner import NOTHING_YET, StreamFrames, tally
from nearboot.tftp.transfer import State, Transfer

BROKEN = encode(Error(ErrorCode.UNDEFINED, "transfer failed"))
"""Short and fixed: consoles show it, and it names no path of ours."""
ACK_0 = 0x0004_0000
"""The four bytes of an ACK of block 0, as a number."""
LONGEST = 256
"""An ACK, or an ERROR with as much of its message as is worth keeping. os.read takes 0.1 µs less than a recv."""

Local = tuple[str, int]
"""The address that a carrier answers from, and its IPv6 scope (else 0)."""


class Carrier(Protocol):
    """What brings a transfer to its client: a channel of its own, or a seat on a shared line."""

    local: Local
    peer: Peer
    fd: int
    """To read from; a shared line reads for its sessions."""
    control: tuple[int, int] | None
    """Ancillary data that a line's sends need: its place in memory, and its length."""

    def send(self, data: bytes | memoryview, flags: int = 0, /) -> object:
        """One send; OSError as the socket's."""

    def segment(self, size: int) -> int:
        """Have the kernel cut sends into datagrams of ``size`` bytes; how many it takes in one send (1: it cannot)."""

    def address(self, view: memoryview) -> int:
        """What ``Session.base`` is for a segment."""

    def carry(self, session: Session, deadline: float) -> None:
        """Bring it what its client sends, and turn the wheel for it."""

    def catch_up(self, now: float) -> None:
        """Deal with what has come for it and was not looked at yet."""

    def wait_for_room(self, first: int, count: int) -> None:
        """Have the session send these blocks when the kernel has room."""


class Session:
    """A transfer under way. ``on_end`` is called once, when it has ended."""

    chunk: int
    """How many blocks one send takes."""
    __slots__ = (
        "_loop",
        "_on_end",
        "_starved",
        "ack",
        "base",
        "channel",
        "chunk",
        "control",
        "datagram",
        "end",
        "fd",
        "first",
        "frame",
        "frames",
        "key",
        "length",
        "request",
        "send",
        "stop",
        "terms",
        "transfer",
        "view",
    )

    def __init__(
        self,
        channel: Carrier,
        transfer: Transfer,
        frames: Framed,
        terms: Terms,
        *,
        loop: Loop,
        key: Key,
        datagram: bytes,
        request: ReadRequest,
        on_end: Callable[[Session, float], None],
    ) -> None:
        self.channel = channel
        self.transfer = transfer
        self.frames = frames
        self.terms = terms
        self.key = key
        self.datagram = datagram
        self.request = request
        self._on_end = on_end
        self._loop = loop
        self.fd = channel.fd
        self.send = channel.send
        self.ack = transfer.ack
        self.frame = frames.frame
        self._cut(frames.frame if terms.windowsize > 1 else 0)
        self._starved = (0, 0)
        if isinstance(frames, StreamFrames):
            self._turn_to(NOTHING_YET)  # its source may be slow, or broken; that is seen when a block is to be sent
            frames.begin(terms.windowsize)
        else:
            self._turn_to(frames.segment(1))

    @property
    def moving(self) -> bool:
        return self.transfer.moving

    def begin(self, now: float) -> None:
        """Send the first reply and listen."""
        self.channel.carry(self, self.transfer.deadline or now)
        self.send_blocks(*self.transfer.start(), now)

    def repeat(self, now: float) -> None:
        """The same request came again before any ACK: the first reply goes out once more, if it is there."""
        if self.transfer.is_held:
            return
        self.transfer.retransmits += 1
        self.send_blocks(*self.transfer.start(), now)

    def on_readable(self, now: float) -> bool:
        """Whether the next ACK may be waited for here: the client is in full swing."""
        try:
            datagram = os.read(self.fd, LONGEST)
        except OSError as error:
            self._on_receive_error(error, now)
            return False
        block = int.from_bytes(datagram[:4], "big") - ACK_0
        if not 0 <= block <= 65535 or len(datagram) < 4:
            self.on_other(datagram, now)
            return False
        todo = self.ack(block, now)
        if todo is None:
            self.end_if_over(now)
            return False
        first, count = todo
        start = (first - self.first) * self.frame
        stop = start + count * self.frame
        if start < 0 or stop > self.stop:
            return self.send_blocks(first, count, now)
        try:
            self.send(self.view[start:stop], MSG_DONTWAIT)
        except OSError as error:
            self.on_send_error(error, first, count, now)
            return False
        return True

    def on_timer(self, now: float) -> float | None:
        """The wheel's turn: the next deadline, or None when the transfer is over."""
        was_over = self.transfer.ended
        todo = self.transfer.expire(now)
        if todo is not None:
            self.send_blocks(*todo, now)
        elif not was_over:
            self.end_if_over(now)
        return self.transfer.deadline

    def fail(self, reason: str, now: float) -> None:
        """End it from our side, and tell the client."""
        if not self.transfer.ended:
            self.transfer.fail(reason, now)
            send_error(self.channel, BROKEN)
            self._end(now)

    def give_way(self, now: float) -> None:
        """End it without a word: its client has asked anew from the same port."""
        if not self.transfer.ended:
            self.transfer.give_way(now)
            self._end(now)

    def evict(self, now: float) -> None:
        """End it without a word, for another one's sake; only while no ACK has come."""
        if not self.transfer.ended:
            self.transfer.evict(now)
            self._end(now)

    def end_if_over(self, now: float) -> None:
        if self.transfer.ended:
            if self.transfer.state is State.FAILED:
                send_error(self.channel, BROKEN)
            self._end(now)

    def send_blocks(self, first: int, count: int, now: float) -> bool:
        """The general form: the OACK, windows across segments, more blocks than one send takes. Whether all are out."""
        try:
            if first == 0:
                self.send(self.terms.oack, MSG_DONTWAIT)
                return True
            while count:
                part = self._part(first, count)
                at = (first - self.first) * self.frame
                self.send(self.view[at : at + part * self.frame], MSG_DONTWAIT)
                first, count = first + part, count - part
        except OSError as error:
            self.on_send_error(error, first, count, now)
            return False
        return True

    def on_send_error(self, error: OSError, first: int, count: int, now: float) -> None:
        """The blocks from ``first`` on did not go out."""
        if isinstance(error, UnreadableError):
            self.fail(f"content cannot be read: {error}", now)
        elif isinstance(error, StarvedError):
            self._wait_for_content(first, count, now)
        elif isinstance(error, BlockingIOError):
            self.channel.wait_for_room(first, count)
        elif isinstance(error, ConnectionRefusedError):
            self.on_gone(now)
        elif self.chunk > 1:
            self._cut(0)  # the route takes no GSO (EINVAL past its MTU, EIO without checksums): a loop of sends does
            self.chunk = 1
            self._set_stop()
            self.send_blocks(first, count, now)
        else:
            self._loop.stats.send_errors += 1  # as if lost on the way: the timer sends it again

    def on_gone(self, now: float) -> None:
        """The client's port is closed, says ICMP."""
        if not self.transfer.ended:
            self.transfer.peer_gone(now)
            self._end(now)

    def on_other(self, datagram: bytes, now: float) -> None:
        """Anything but an ACK: an ERROR ends the transfer without an answer, the rest is dropped."""
        with suppress(ProtocolError):
            packet = parse(datagram)
            if isinstance(packet, Error) and not self.transfer.ended:
                self.transfer.peer_error(packet.code, packet.message, now)
                self._end(now)
                return
        self._loop.stats.unexpected += 1

    def _end(self, now: float) -> None:
        if isinstance(self.frames, StreamFrames):
            self.transfer.sent = min(self.transfer.sent, self.frames.ready)
            self.frames.close(tally(self.transfer, self.terms, self.frames.size))
        self._on_end(self, now)

    def _cut(self, size: int) -> None:
        self.chunk = self.channel.segment(size)
        self.control = self.channel.control

    def _turn_to(self, segment: Segment) -> None:
        self.view = segment.view
        self.base = self.channel.address(segment.view)
        self.first, self.end = segment.first, segment.end
        self.length = len(segment.view)
        self._set_stop()

    def _set_stop(self) -> None:
        """How far the short path goes in this segment: nowhere where a window takes more than one send."""
        self.stop = (self.end - self.first) * self.frame if self.terms.windowsize <= self.chunk else -1

    def _part(self, first: int, count: int) -> int:
        """How many of the blocks go in one send; turns to the segment of ``first``."""
        if not self.first <= first < self.end:
            try:
                segment = self.frames.segment(first)
            except OSError as error:
                raise UnreadableError(str(error)) from error
            self._turn_to(segment)
            self.transfer.end_at(self.frames.blocks)
            if segment.end <= first:
                raise StarvedError
        return min(count, self.end - first, self.chunk)

    def _wait_for_content(self, first: int, count: int, now: float) -> None:
        """The source of a stream is slower than its client."""
        if first > self.frames.blocks or not isinstance(self.frames, StreamFrames):
            return  # a window was opened past an end that was not known then
        self._starved = (first, count)
        self.transfer.hold(now)
        self.frames.when_ready(first, lambda: self._loop.call_soon(self._on_content))

    def _on_content(self, now: float) -> None:
        if self.transfer.is_held and not self.transfer.ended:
            self.transfer.resume(now)
            self.send_blocks(*self._starved, now)

    def _on_receive_error(self, error: OSError, now: float) -> None:
        """ICMP's "port unreachable" is the client's end; other ICMP errors pass, and a timer waits for the client."""
        if isinstance(error, ConnectionRefusedError):
            self.on_gone(now)


def send_error(channel: Carrier, datagram: bytes) -> None:
    """Send an ERROR once; it is a courtesy (RFC 1350 section 7), so a failure to send changes nothing."""
    with suppress(OSError):
        channel.send(datagram, MSG_DONTWAIT)


class UnreadableError(OSError):
    """The content, not the network, failed."""


class StarvedError(OSError):
    """The next block of a stream is not there yet."""
