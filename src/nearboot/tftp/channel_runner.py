"""Channels: connected UDP sockets that carry one transfer after another, and the pool that they rest in.

A channel is bound to the address that the client asked (with several addresses on an interface the kernel would choose
another, and OVMF drops such replies) and connected to the client, so the kernel keeps strangers out. Making and
closing a socket is half the cost of a 1 kB transfer, so it serves ``MAX_USES`` transfers, never two in a row for the
same client port.
"""

from __future__ import annotations

import socket
import struct
import termios
from collections import deque
from contextlib import suppress
from fcntl import ioctl
from math import inf
from typing import Protocol

from nearboot.tftp.engine import Peer
from nearboot.tftp.options import V4_OVERHEAD, V6_OVERHEAD
from nearboot.tftp.runner import Loop

UDP_SEGMENT = 103
"""linux/udp.h: one send becomes datagrams of this many bytes (GSO)."""
IP_MTU, IPV6_MTU = 14, 24
"""linux/in.h, linux/in6.h: the MTU of a connected socket's route."""
LEAST_SEGMENT = 128
"""The kernel cuts every send so, also an OACK (at most some 80 bytes) or an ERROR: smaller frames go one by one."""
MAX_USES = 64
MAX_IDLE = 256
IDLE_S = 30.0
SEND_BUFFER = 1 << 20
"""A window of 64 blocks of 1,428 bytes takes about 150 kB of it until the network card is done."""

RECEIVE_WAIT = struct.pack("ll", 0, 4000)
"""struct timeval: a read waits 4 ms at most. Only ``Loop._attend`` reads where nothing may have come yet."""
NOTHING = bytes(4)

Local = tuple[str, int]
"""The address that a channel answers from, and its IPv6 scope (else 0)."""


class Carried(Protocol):
    """What a channel asks of the session that it carries."""

    def on_timer(self, now: float) -> float | None:
        """Do what is due; the next deadline, or None when the session is over."""


class Channel:
    """One connected socket in the loop, and the timer of the session that it carries."""

    __slots__ = (
        "_loop",
        "_segment",
        "_session",
        "_timer_at",
        "fd",
        "idle_since",
        "is_clean",
        "local",
        "peer",
        "sock",
        "uses",
    )

    def __init__(self, local: Local, loop: Loop) -> None:
        address, scope = local
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self.sock.bind((address, 0, 0, scope) if family == socket.AF_INET6 else (address, 0))
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, RECEIVE_WAIT)
        except OSError:
            self.sock.close()
            raise
        self.local = local
        self.fd = self.sock.fileno()
        self.peer: Peer = ("", 0)
        self.uses = 0
        self.is_clean = True
        self.idle_since = 0.0
        self._segment = 0
        self._session: Carried | None = None
        self._timer_at = inf
        self._loop = loop
        loop.watch(self.fd, self.drain)

    def connect(self, peer: Peer) -> None:
        """Turn to a new client; what the last one still sends is dropped by the kernel from here on."""
        self.sock.connect(peer)
        self.peer = peer
        if not self.is_clean:
            self.sock.getsockopt(
                socket.SOL_SOCKET, socket.SO_ERROR
            )  # reads off an ICMP error meant for the last client
            if ioctl(self.fd, termios.FIONREAD, NOTHING) != NOTHING:
                self.drain(0.0)
        self.uses += 1

    def carry(self, session: Carried, deadline: float) -> None:
        """Turn the wheel for ``session``. One entry serves all sessions of a channel: the wheel holds no ended ones."""
        self._session = session
        if deadline < self._timer_at:
            self._timer_at = deadline
            self._loop.wheel.add(self, deadline)
            self._loop.keep_ticking()

    def on_timer(self, now: float) -> float | None:
        """The wheel's turn."""
        if now < self._timer_at:
            return None  # an entry that an earlier one has overtaken
        deadline = self._session.on_timer(now) if self._session else None
        self._timer_at = inf if deadline is None else deadline
        return deadline

    def rest(self, now: float) -> None:
        """The session is over."""
        self._session = None
        self.idle_since = now
        self._loop.readers[self.fd] = self.drain

    def drain(self, now: float) -> None:
        """Drop what is queued: late packets for the transfer before, and the ICMP errors that it caused."""
        for _ in range(64):
            try:
                self.sock.recv(4, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                continue

    def segment(self, size: int) -> int:
        """Have the kernel cut sends into datagrams of ``size`` bytes; how many it takes in one send (1: it cannot)."""
        if size < LEAST_SEGMENT:
            size = 0
        if size != self._segment:
            try:
                self.sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
            except OSError:
                return 1
            self._segment = size
        return min(64, 65507 // size) if size else 1

    def mtu_blksize(self) -> int:
        """The largest block that reaches the client in one frame."""
        if self.sock.family == socket.AF_INET:
            return self.sock.getsockopt(socket.IPPROTO_IP, IP_MTU) - V4_OVERHEAD
        return self.sock.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU) - V6_OVERHEAD

    def close(self) -> None:
        self._loop.unwatch(self.fd, self.sock.close)


class ChannelPool:
    """Channels at rest, by local address, the longest rested first."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._idle: dict[Local, deque[Channel]] = {}
        self._count = 0

    def take(self, local: Local, peer: Peer) -> Channel:
        """A channel from ``local`` to ``peer``; OSError if there is no such way."""
        idle = self._idle.get(local)
        if idle and idle[0].peer != peer:
            channel = idle.popleft()
            self._count -= 1
        else:
            channel = Channel(local, self._loop)
        try:
            channel.connect(peer)
        except OSError:
            channel.close()
            raise
        return channel

    def release(self, channel: Channel, now: float, *, is_clean: bool = False) -> None:
        """Give a channel back; ``is_clean`` says that nothing of the last client can still come (saves 0.8 µs)."""
        channel.rest(now)
        channel.is_clean = is_clean
        if channel.uses >= MAX_USES or self._count >= MAX_IDLE:
            channel.close()
            return
        self._idle.setdefault(channel.local, deque()).append(channel)
        self._count += 1

    def trim(self, now: float) -> None:
        """Close what has rested for long."""
        for local, idle in list(self._idle.items()):
            while idle and now - idle[0].idle_since >= IDLE_S:
                idle.popleft().close()
                self._count -= 1
            if not idle:
                del self._idle[local]

    def close(self) -> None:
        for idle in self._idle.values():
            for channel in idle:
                channel.close()
        self._idle.clear()
        self._count = 0


def send_error(channel: Channel, datagram: bytes) -> None:
    """Send an ERROR once; it is a courtesy (RFC 1350 section 7), so a failure to send changes nothing."""
    with suppress(OSError):
        channel.sock.send(datagram, socket.MSG_DONTWAIT)
