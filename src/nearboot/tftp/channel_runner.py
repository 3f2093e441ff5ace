"""Channels: connected UDP sockets that carry one transfer after another, and the pool that they rest in.

A channel is for a transfer that is alone: one lock-step client is served faster at a socket that only it writes to.
Where several are under way they share a line (``line_runner``). A channel is bound to the address that the client asked
(with several addresses on an interface the kernel would choose another, and OVMF drops such replies) and connected to
the client, so the kernel keeps strangers out: what they send to its port comes in by a second socket there, its door.
Making and closing sockets is more than half the cost of a 1 kB transfer, so a channel serves ``MAX_USES`` transfers,
never two in a row for the same client port.
"""

from __future__ import annotations

import socket
import struct
import termios
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from fcntl import ioctl
from math import inf

from nearboot.tftp.engine import Peer
from nearboot.tftp.runner import Loop
from nearboot.tftp.session_runner import LONGEST, Local, Session

UDP_SEGMENT = 103
"""linux/udp.h: one send becomes datagrams of this many bytes (GSO)."""
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

Tell = Callable[[bytes, Peer], None]
OnStray = Callable[[Tell, bytes, Peer, float], None]
"""Called with a datagram that came to a transfer's port from somebody else, and with what answers from there."""


class Channel:
    """One connected socket in the loop, and the timer of the session that it carries."""

    control: tuple[int, int] | None = None
    __slots__ = (
        "_last_peer",
        "_loop",
        "_segment",
        "_session",
        "_timer_at",
        "_unsent",
        "door",
        "fd",
        "idle_since",
        "is_clean",
        "local",
        "peer",
        "send",
        "sock",
        "uses",
    )

    def __init__(self, local: Local, loop: Loop, on_stray: OnStray) -> None:
        self.door = opened(local)
        try:
            self.sock = beside(self.door, local)
        except OSError:
            self.door.close()
            raise
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, RECEIVE_WAIT)
        self.send = self.sock.send
        self.local = local
        self.fd = self.sock.fileno()
        self.peer: Peer = ("", 0)
        self._last_peer: Peer = self.peer
        self.uses = 0
        self.is_clean = True
        self.idle_since = 0.0
        self._segment = 0
        self._session: Session | None = None
        self._timer_at = inf
        self._unsent = (0, 0)
        self._loop = loop
        loop.watch(self.fd, self.drain)
        loop.watch(self.door.fileno(), lambda now: self._on_stranger(on_stray, now))

    def connect(self, peer: Peer) -> None:
        """Turn to a new client; what the last one still sends is dropped by the kernel from here on."""
        self.sock.connect(peer)
        self._last_peer, self.peer = self.peer, peer
        if not self.is_clean:
            self.sock.getsockopt(
                socket.SOL_SOCKET, socket.SO_ERROR
            )  # reads off an ICMP error meant for the last client
            if ioctl(self.fd, termios.FIONREAD, NOTHING) != NOTHING:
                self.drain(0.0)
        self.uses += 1

    def carry(self, session: Session, deadline: float) -> None:
        """Bring ``session`` what comes, and turn the wheel for it. One entry serves all sessions of a channel: the
        wheel holds no ended ones."""
        self._session = session
        self._loop.readers[self.fd] = session.on_readable
        if deadline < self._timer_at:
            self._timer_at = deadline
            self._loop.wheel.add(self, deadline)
            self._loop.keep_ticking()

    def address(self, view: memoryview) -> int:
        """Nothing is sent by address here."""
        return 0

    def catch_up(self, now: float) -> None:
        """Read what has come, without waiting for any."""
        if self._session and ioctl(self.fd, termios.FIONREAD, NOTHING) != NOTHING:
            self._loop.readers[self.fd](now)

    def wait_for_room(self, first: int, count: int) -> None:
        """Go on with these blocks when the kernel has room."""
        self._unsent = (first, count)
        self._loop.readers[self.fd] = self._on_writable
        self._loop.watch_writable(self.fd, True)

    def on_timer(self, now: float) -> float | None:
        """The wheel's turn."""
        if now < self._timer_at:
            return None  # an entry that an earlier one has overtaken
        deadline = self._session.on_timer(now) if self._session else None
        self._timer_at = inf if deadline is None else deadline
        return deadline

    def rest(self, now: float) -> None:
        """The session is over."""
        if self._unsent[1]:
            self._loop.watch_writable(self.fd, False)
            self._unsent = (0, 0)
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

    def close(self) -> None:
        self._loop.unwatch(self.fd, self.sock.close)
        self._loop.unwatch(self.door.fileno(), self.door.close)

    def _on_writable(self, now: float) -> None:
        (first, count), self._unsent = self._unsent, (0, 0)
        self._loop.watch_writable(self.fd, False)
        if self._session:
            self._loop.readers[self.fd] = self._session.on_readable
            self._session.send_blocks(first, count, now)

    def _on_stranger(self, on_stray: OnStray, now: float) -> None:
        """Somebody else writes to this port. The client of the transfer before is none: its packets are only late."""
        try:
            datagram, peer = self.door.recvfrom(LONGEST, socket.MSG_DONTWAIT)
        except OSError:
            return
        if self._session and peer != self._last_peer:
            on_stray(self._tell, datagram, peer, now)

    def _tell(self, datagram: bytes, peer: Peer) -> None:
        with suppress(OSError):
            self.door.sendto(datagram, socket.MSG_DONTWAIT, peer)


class ChannelPool:
    """Channels at rest, by local address, the longest rested first."""

    def __init__(self, loop: Loop, on_stray: OnStray) -> None:
        self._loop = loop
        self._on_stray = on_stray
        self._idle: dict[Local, deque[Channel]] = {}
        self._count = 0

    def take(self, local: Local, peer: Peer) -> Channel:
        """A channel from ``local`` to ``peer``; OSError if there is no such way."""
        idle = self._idle.get(local)
        if idle and idle[0].peer != peer:
            channel = idle.popleft()
            self._count -= 1
        else:
            channel = Channel(local, self._loop, self._on_stray)
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


def opened(local: Local) -> socket.socket:
    """A socket at ``local``, on a port that is its own."""
    return _bound(local, 0, shared=False)


def beside(sock: socket.socket, local: Local) -> socket.socket:
    """A second socket at the port of ``sock``. SO_REUSEPORT comes after the bind of the first: to a socket that has it
    before, the kernel may give a port that another such socket of ours has."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return _bound(local, sock.getsockname()[1], shared=True)


def _bound(local: Local, port: int, *, shared: bool) -> socket.socket:
    address, scope = local
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((address, port, 0, scope) if family == socket.AF_INET6 else (address, port))
    except OSError:
        sock.close()
        raise
    return sock
