"""Sockets with the kernel's receive time stamps (SO_TIMESTAMPNS), and what they hand out and take besides datagrams.

sock = stamped(bound("::", 31338))
datagram, ancillary, _, peer = sock.recvmsg(SIZE, ANCILLARY)
arrival_ns(ancillary, time.time_ns())
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

from nearboot.probe.ping_packet import SIGNED_SIZE

SO_TIMESTAMPNS = 35
"""asm-generic/socket.h (SO_TIMESTAMPNS_OLD); the socket module has no name for it."""
ANCILLARY = socket.CMSG_SPACE(32) + socket.CMSG_SPACE(16)
SIZE = SIGNED_SIZE + 1
"""Read at most: one byte more than a probe has tells that a datagram is none."""
MAX_WAIT_NS = 1_000_000_000
"""A datagram that waited longer by the kernel's stamp did not: the clock was set meanwhile."""
DSCP = 0xFC
"""The bits of a traffic class that are the sender's; the others are ECN's (RFC 3168)."""

_TIMESPEC = struct.Struct("@ll")

Message = tuple[int, int, bytes]


def stamped(sock: socket.socket) -> socket.socket:
    """Ask the kernel to say when each datagram came in."""
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return sock


def arrival_ns(ancillary: Sequence[Message], wall_ns: int) -> int:
    """When a datagram came in, in ns since the epoch; ``wall_ns``, the present, where the kernel does not say."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            at_ns = seconds * 1_000_000_000 + nanoseconds
            return at_ns if 0 <= wall_ns - at_ns <= MAX_WAIT_NS else wall_ns
    return wall_ns


def class_message(tclass: int, *, is_4: bool) -> Message:
    """The ancillary message that gives a datagram its traffic class, on IPv4 its DSCP."""
    level, kind = (socket.IPPROTO_IP, socket.IP_TOS) if is_4 else (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
    return level, kind, struct.pack("@i", tclass & DSCP)
