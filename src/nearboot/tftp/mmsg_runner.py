"""Many datagrams in one system call: recvmmsg and sendmmsg, which Python's socket module does not have.

The arrays that the kernel fills and reads are made once and stay where they are. Only what differs from datagram to
datagram is written: an ``Inbox`` is read with one ``struct`` call for all senders and one for all first words, and a
message of an ``Outbox`` is five numbers. Both belong to one thread.

    inbox, outbox = Inbox(AF_INET), Outbox(AF_INET)
    count = inbox.receive(fd)
    for name, head in zip(inbox.names(count), inbox.heads(count)): ...
    outbox.headers[0], outbox.vectors[0], outbox.vectors[1] = inbox.name_at(3), address, length
    outbox.send(fd, 0, 1)

Written for 64-bit Linux, where glibc's and musl's msghdr look alike (``IS_SUPPORTED``).
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
from functools import cache

from nearboot.tftp.engine import Peer

IS_SUPPORTED = sys.platform == "linux" and sys.maxsize > 2**32 and sys.byteorder == "little"
SLOTS = 64
HEAD = 4
"""Opcode and block number: all that most datagrams are looked at for."""
LONGEST = 2048
SPACING = LONGEST + 64
"""Between datagrams: at 2,048 bytes all their heads would fall on two sets of the processor's cache."""
SMALL = 2048
"""The longest datagram of a ``Postbox``."""
CONTROL = 64
"""Ancillary data of one datagram: a packet info, with room to spare."""
MESSAGE = 64
"""sizeof(struct mmsghdr)"""
DONTWAIT = int(socket.MSG_DONTWAIT)
NAMES = {socket.AF_INET: struct.Struct("=H2s4s8x"), socket.AF_INET6: struct.Struct("=H2sI16sI")}
"""struct sockaddr_in and sockaddr_in6: family, port, (flow,) address, (scope)."""

FULL_CONTROLS = memoryview(struct.pack(f"{SLOTS}Q", *[CONTROL] * SLOTS)).cast("Q")
HEAD_FORMATS = [struct.Struct(">" + f"I{SPACING - HEAD}x" * count) for count in range(SLOTS + 1)]


class Vector(ctypes.Structure):
    """struct iovec"""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class Header(ctypes.Structure):
    """struct msghdr"""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class Message(ctypes.Structure):
    """struct mmsghdr"""

    _fields_ = (("header", Header), ("length", ctypes.c_uint))


def name_of(peer: Peer) -> bytes:
    """The socket address of a peer as the kernel has it: equal bytes, equal peers."""
    port = peer[1].to_bytes(2, "big")
    if len(peer) == 2:
        return NAMES[socket.AF_INET].pack(socket.AF_INET, port, socket.inet_aton(peer[0]))
    address = socket.inet_pton(socket.AF_INET6, peer[0].partition("%")[0])
    return NAMES[socket.AF_INET6].pack(socket.AF_INET6, port, 0, address, peer[3])


def peer_of(name: bytes) -> Peer:
    """The peer of a name, as the socket module has it."""
    if len(name) == NAMES[socket.AF_INET].size:
        _, port, address = NAMES[socket.AF_INET].unpack(name)
        return socket.inet_ntoa(address), int.from_bytes(port, "big")
    _, port, flow, address, scope = NAMES[socket.AF_INET6].unpack(name)
    return socket.inet_ntop(socket.AF_INET6, address), int.from_bytes(port, "big"), flow, scope


def address_of(view: memoryview) -> int:
    """Where the bytes of ``view`` begin, which must be those at the start of a bytearray; 0 for an empty one."""
    return ctypes.addressof(ctypes.c_char.from_buffer(view.obj)) if view else 0


class Inbox:
    """Up to ``SLOTS`` datagrams; those longer than ``LONGEST`` are cut. ``control``: ancillary data too."""

    def __init__(self, family: int, *, control: bool = False) -> None:
        self.name_size = NAMES[socket.AddressFamily(family)].size
        self._names, self._datagrams = bytearray(self.name_size * SLOTS), bytearray(SPACING * SLOTS)
        self._controls = bytearray(CONTROL * SLOTS if control else 1)
        self._vectors = (Vector * SLOTS)()
        self._messages = (Message * SLOTS)()
        self._lengths = memoryview(self._messages).cast("B").cast("I")[MESSAGE // 4 - 2 :: MESSAGE // 4]
        self._control_lengths = memoryview(self._messages).cast("B").cast("Q")[5::8]
        self._first_name = _address(self._names)
        for slot in range(SLOTS):
            self._set_up(slot, control=control)
        self.places = tuple(self.name_at(slot) for slot in range(SLOTS))
        """The addresses of the senders' names, good until the next ``receive``."""
        self._at = ctypes.addressof(self._messages)
        self._has_control = control
        self._receive = _library().recvmmsg
        self._name_formats = [struct.Struct(f"{self.name_size}s" * count) for count in range(SLOTS + 1)]

    def _set_up(self, slot: int, *, control: bool) -> None:
        vector = self._vectors[slot]
        vector.base, vector.length = _address(self._datagrams) + SPACING * slot, LONGEST
        header = self._messages[slot].header
        header.name, header.name_length = self.name_at(slot), self.name_size
        header.vectors, header.vector_count = ctypes.addressof(vector), 1
        if control:
            header.control, header.control_length = _address(self._controls) + CONTROL * slot, CONTROL

    def receive(self, fd: int, most: int = SLOTS) -> int:
        """How many datagrams have come, ``most`` at most; OSError is the socket's, about something that was sent."""
        if self._has_control:
            self._control_lengths[:] = FULL_CONTROLS
        count: int = self._receive(fd, self._at, most, DONTWAIT, None)
        if count < 0:
            if ctypes.get_errno() == errno.EAGAIN:
                return 0
            raise _error()
        return count

    def names(self, count: int) -> tuple[bytes, ...]:
        """The senders of the first ``count`` datagrams."""
        return self._name_formats[count].unpack_from(self._names)

    def heads(self, count: int) -> tuple[int, ...]:
        """Their first four bytes as numbers; 0 for a datagram that is shorter."""
        heads: tuple[int, ...] = HEAD_FORMATS[count].unpack_from(self._datagrams)
        lengths = self._lengths[:count].tolist()
        if min(lengths) < HEAD:
            heads = tuple(head if length >= HEAD else 0 for head, length in zip(heads, lengths, strict=True))
        return heads

    def name_at(self, slot: int) -> int:
        """The address of a sender's name, good until the next ``receive``."""
        return self._first_name + self.name_size * slot

    def datagram(self, slot: int) -> bytes:
        """All of a datagram."""
        return bytes(self._datagrams[SPACING * slot : SPACING * slot + self._lengths[slot]])

    def controls(self, slot: int) -> list[tuple[int, int, bytes]]:
        """Its ancillary messages: level, type, data."""
        found = []
        at, end = CONTROL * slot, CONTROL * slot + self._control_lengths[slot]
        while at + 16 <= end:
            length, level, kind = struct.unpack_from("=Qii", self._controls, at)
            if length < 16:
                break
            found.append((level, kind, bytes(self._controls[at + 16 : at + length])))
            at += (length + 7) & ~7
        return found


class Outbox:
    """Up to ``SLOTS`` datagrams, or trains of them, on their way. What they point to must stay until ``send``."""

    def __init__(self, family: int) -> None:
        self._vectors = (Vector * SLOTS)()
        self._messages = (Message * SLOTS)()
        for slot in range(SLOTS):
            header = self._messages[slot].header
            header.name_length = NAMES[socket.AddressFamily(family)].size
            header.vectors, header.vector_count = ctypes.addressof(self._vectors[slot]), 1
        self.headers = memoryview(self._messages).cast("B").cast("Q")
        """Eight numbers a message; 0: the name's address, 4 and 5: the control data's address and length."""
        self.vectors = memoryview(self._vectors).cast("B").cast("Q")
        """Two numbers a message: address and length."""
        self._at = ctypes.addressof(self._messages)
        self._send = _library().sendmmsg

    def clear_controls(self, count: int) -> None:
        """Messages have no control data again, but those that are given it."""
        for at in range(4, 8 * count, 8):
            self.headers[at] = self.headers[at + 1] = 0

    def send(self, fd: int, first: int, count: int) -> int:
        """Send ``count`` messages from slot ``first`` on; how many went, at least one. The error is the first's."""
        sent: int = self._send(fd, self._at + MESSAGE * first, count, DONTWAIT)
        if sent < 0:
            raise _error()
        return sent


class Postbox:
    """Small datagrams that wait to go out together. What they say is copied, so nothing need stay."""

    def __init__(self, family: int) -> None:
        self._outbox = Outbox(family)
        self._name = NAMES[socket.AddressFamily(family)].size
        self._names, self._data = memoryview(bytearray(self._name * SLOTS)), memoryview(bytearray(SMALL * SLOTS))
        names, data = address_of(self._names), address_of(self._data)  # views: what does not fit is an error, no move
        for slot in range(SLOTS):
            self._outbox.headers[8 * slot] = names + self._name * slot
            self._outbox.vectors[2 * slot] = data + SMALL * slot
        self.count = 0
        self._is_controlled = False

    @property
    def is_full(self) -> bool:
        return self.count == SLOTS

    def put(self, name: bytes, data: bytes | memoryview, control: tuple[int, int] | None) -> None:
        """One more, of ``SMALL`` bytes at most; ``control``: the address and length of its ancillary data."""
        slot = self.count
        self._names[self._name * slot : self._name * slot + self._name] = name
        self._data[SMALL * slot : SMALL * slot + len(data)] = data
        self._outbox.vectors[2 * slot + 1] = len(data)
        if control:
            self._outbox.headers[8 * slot + 4], self._outbox.headers[8 * slot + 5] = control
            self._is_controlled = True
        self.count = slot + 1

    def send(self, fd: int) -> int:
        """Send all, each once; how many were refused. Nothing is left, also after a fault."""
        count, self.count = self.count, 0
        done = refused = 0
        try:
            while done < count:
                try:
                    done += self._outbox.send(fd, done, count - done)
                except OSError:
                    done, refused = done + 1, refused + 1
        finally:
            if self._is_controlled:
                self._outbox.clear_controls(count)
                self._is_controlled = False
        return refused


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.recvmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    library.sendmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    return library


def _address(buffer: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
