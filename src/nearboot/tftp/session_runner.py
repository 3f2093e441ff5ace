"""One transfer on its channel: ACKs go into the state machine, slices of the shared frames go out.

``on_readable`` is the hot path: one recv, one call of ``Transfer.ack``, one slice, one send. Windows need no second
path: the channel has UDP_SEGMENT set as a socket option (setsockopt once, not a control message for each send), and
the kernel cuts.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from socket import MSG_DONTWAIT

from nearboot.errors import ProtocolError
from nearboot.tftp.channel_runner import Channel, send_error
from nearboot.tftp.content import Framed, Segment
from nearboot.tftp.engine import Key
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


class Session:
    """A transfer under way. ``on_end`` is called once, when it has ended."""

    __slots__ = (
        "_chunk",
        "_fd",
        "_first",
        "_frame",
        "_loop",
        "_on_end",
        "_send",
        "_starved",
        "_stop",
        "_unsent",
        "_view",
        "channel",
        "datagram",
        "frames",
        "key",
        "request",
        "terms",
        "transfer",
    )

    def __init__(
        self,
        channel: Channel,
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
        self._fd = channel.fd
        self._send = channel.sock.send
        self._frame = frames.frame
        self._chunk = channel.segment(frames.frame if terms.windowsize > 1 else 0)
        self._unsent = (0, 0)
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
        self._loop.readers[self.channel.fd] = self.on_readable
        self.channel.carry(self, self.transfer.deadline or now)
        self._send_blocks(*self.transfer.start(), now)

    def repeat(self, now: float) -> None:
        """The same request came again before any ACK: the first reply goes out once more, if it is there."""
        if self.transfer.is_held:
            return
        self.transfer.retransmits += 1
        self._send_blocks(*self.transfer.start(), now)

    def on_readable(self, now: float) -> bool:
        """Whether the next ACK may be waited for here: the client is in full swing."""
        try:
            datagram = os.read(self._fd, LONGEST)
        except OSError as error:
            self._on_receive_error(error, now)
            return False
        block = int.from_bytes(datagram[:4], "big") - ACK_0
        if not 0 <= block <= 65535 or len(datagram) < 4:
            self._on_other(datagram, now)
            return False
        todo = self.transfer.ack(block, now)
        if todo is None:
            self._end_if_over(now)
            return False
        first, count = todo
        start = (first - self._first) * self._frame
        stop = start + count * self._frame
        if start < 0 or stop > self._stop or count > self._chunk:
            return self._send_blocks(first, count, now)
        try:
            self._send(self._view[start:stop], MSG_DONTWAIT)
        except OSError as error:
            self._on_send_error(error, first, count, now)
            return False
        return True

    def on_timer(self, now: float) -> float | None:
        """The wheel's turn: the next deadline, or None when the transfer is over."""
        was_over = self.transfer.ended
        todo = self.transfer.expire(now)
        if todo is not None:
            self._send_blocks(*todo, now)
        elif not was_over:
            self._end_if_over(now)
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

    def _end_if_over(self, now: float) -> None:
        if self.transfer.ended:
            if self.transfer.state is State.FAILED:
                send_error(self.channel, BROKEN)
            self._end(now)

    def _end(self, now: float) -> None:
        if self._unsent[1]:
            self._loop.watch_writable(self.channel.fd, False)
        if isinstance(self.frames, StreamFrames):
            self.transfer.sent = min(self.transfer.sent, self.frames.ready)
            self.frames.close(tally(self.transfer, self.terms, self.frames.size))
        self._on_end(self, now)

    def _turn_to(self, segment: Segment) -> None:
        self._view = segment.view
        self._first = segment.first
        self._stop = (segment.end - segment.first) * self._frame

    def _send_blocks(self, first: int, count: int, now: float) -> bool:
        """The general form: the OACK, windows across segments, more blocks than one send takes. Whether all are out."""
        try:
            if first == 0:
                self._send(self.terms.oack, MSG_DONTWAIT)
                return True
            while count:
                part = self._part(first, count)
                at = (first - self._first) * self._frame
                self._send(self._view[at : at + part * self._frame], MSG_DONTWAIT)
                first, count = first + part, count - part
        except OSError as error:
            self._on_send_error(error, first, count, now)
            return False
        return True

    def _part(self, first: int, count: int) -> int:
        """How many of the blocks go in one send; turns to the segment of ``first``."""
        end = self._first + self._stop // self._frame
        if not self._first <= first < end:
            try:
                segment = self.frames.segment(first)
            except OSError as error:
                raise UnreadableError(str(error)) from error
            self._turn_to(segment)
            self.transfer.end_at(self.frames.blocks)
            end = segment.end
            if end <= first:
                raise StarvedError
        return min(count, end - first, self._chunk)

    def _on_send_error(self, error: OSError, first: int, count: int, now: float) -> None:
        if isinstance(error, UnreadableError):
            self.fail(f"content cannot be read: {error}", now)
        elif isinstance(error, StarvedError):
            self._wait_for_content(first, count, now)
        elif isinstance(error, BlockingIOError):
            self._wait_for_room(first, count)
        elif isinstance(error, ConnectionRefusedError):
            self._on_gone(now)
        elif self._chunk > 1:
            self._chunk = 1  # the route takes no GSO (EINVAL past its MTU, EIO without checksums): a loop of sends does
            self.channel.segment(0)
            self._send_blocks(first, count, now)
        else:
            self._loop.stats.send_errors += 1  # as if lost on the way: the timer sends it again

    def _wait_for_room(self, first: int, count: int) -> None:
        self._unsent = (first, count)
        self._loop.readers[self.channel.fd] = self._on_writable
        self._loop.watch_writable(self.channel.fd, True)

    def _on_writable(self, now: float) -> None:
        self._loop.watch_writable(self.channel.fd, False)
        self._loop.readers[self.channel.fd] = self.on_readable
        (first, count), self._unsent = self._unsent, (0, 0)
        self._send_blocks(first, count, now)

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
            self._send_blocks(*self._starved, now)

    def _on_receive_error(self, error: OSError, now: float) -> None:
        """ICMP's "port unreachable" is the client's end; other ICMP errors pass, and a timer waits for the client."""
        if isinstance(error, ConnectionRefusedError):
            self._on_gone(now)

    def _on_gone(self, now: float) -> None:
        if not self.transfer.ended:
            self.transfer.peer_gone(now)
            self._end(now)

    def _on_other(self, datagram: bytes, now: float) -> None:
        """Anything but an ACK: an ERROR ends the transfer without an answer, the rest is dropped."""
        with suppress(ProtocolError):
            packet = parse(datagram)
            if isinstance(packet, Error) and not self.transfer.ended:
                self.transfer.peer_error(packet.code, packet.message, now)
                self._end(now)
                return
        self._loop.stats.unexpected += 1


class UnreadableError(OSError):
    """The content, not the network, failed."""


class StarvedError(OSError):
    """The next block of a stream is not there yet."""
