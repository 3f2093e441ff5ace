"""Which way a transfer goes to its client: a channel of its own when it is alone, else a seat on a shared line.

Also what is known of the way: the largest block that one frame carries. Where all is to go over the server's own port
(``one_ports``), there is no other way.

    carriers = Carriers(loop, on_stray)
    carrier = carriers.take(local, peer, now, alone=True); ...; carriers.release(carrier, now)
"""

from __future__ import annotations

import socket
from contextlib import suppress

from nearboot.tftp.channel_runner import Channel, ChannelPool, OnStray, opened
from nearboot.tftp.engine import Peer
from nearboot.tftp.line_runner import Line
from nearboot.tftp.mmsg_runner import IS_SUPPORTED, name_of
from nearboot.tftp.one_port_runner import Asked, OnePort
from nearboot.tftp.options import V4_OVERHEAD, V6_OVERHEAD
from nearboot.tftp.runner import Loop
from nearboot.tftp.seat_runner import Seat
from nearboot.tftp.session_runner import Carrier, Local

MAX_LINES = 4
"""For each local address: a client port finds another line when it has been on one a short while ago."""
IP_MTU, IPV6_MTU = 14, 24
"""linux/in.h, linux/in6.h: the MTU of a connected socket's route."""
MTU_AGE_S = 10.0


class Carriers:
    """All carriers of one loop."""

    def __init__(self, loop: Loop, on_stray: OnStray) -> None:
        self._loop = loop
        self._on_stray = on_stray
        self._pool = ChannelPool(loop, on_stray)
        self._lines: dict[Local, list[Line]] = {}
        self._ways = Ways()
        self.one_ports: tuple[OnePort, ...] = ()

    def take(self, local: Local, peer: Peer, now: float, *, alone: bool) -> Carrier:
        """A way from ``local`` to ``peer``; OSError if there is none. ``alone``: no other transfer is under way."""
        if isinstance(local, Asked):
            return local.door.take(local, peer)
        if alone or not IS_SUPPORTED:
            return self._pool.take(local, peer)
        name = name_of(peer)
        lines = self._lines.setdefault(local, [])
        for line in lines:
            if line.has_room_for(name, now):
                return Seat(line, peer, name)
        if len(lines) == MAX_LINES:
            return self._pool.take(local, peer)
        lines.append(Line(local, self._loop, self._on_stray))
        return Seat(lines[-1], peer, name)

    def release(self, carrier: Carrier, now: float, *, is_clean: bool = False) -> None:
        """Give it back; ``is_clean`` says that nothing of its client can still come."""
        if isinstance(carrier, Seat):
            carrier.leave()
        elif isinstance(carrier, Channel):
            self._pool.release(carrier, now, is_clean=is_clean)

    def mtu_blksize(self, local: Local, peer: Peer) -> int:
        """The largest block that reaches the client in one frame; OSError if there is no way to it."""
        return self._ways.mtu_blksize(local, peer)

    def answer(self, local: Local, peer: Peer, datagram: bytes, now: float) -> None:
        """Send one ERROR, from any port; OSError if there is no way. That it is lost changes nothing."""
        if isinstance(local, Asked):
            local.door.answer(local, peer, datagram)
            return
        lines = self._lines.get(local)
        if lines:
            lines[0].tell(datagram, peer)
            return
        channel = self._pool.take(local, peer)
        with suppress(OSError):
            channel.send(datagram, socket.MSG_DONTWAIT)
        self._pool.release(channel, now)

    def on_tick(self, now: float) -> None:
        """Set timers, close what has rested for long, forget what may have changed."""
        for lines in (self.one_ports, *self._lines.values()):
            for line in lines:
                line.on_tick(now)
        self._pool.trim(now)
        self._ways.trim(now)

    def close(self) -> None:
        self._pool.close()
        self._ways.close()
        for one_port in self.one_ports:
            one_port.close()
        self.one_ports = ()
        for lines in self._lines.values():
            for line in lines:
                line.close()
        self._lines.clear()


class Ways:
    """The MTUs of the routes to clients, each known for ``MTU_AGE_S``; asking takes 3 µs."""

    def __init__(self) -> None:
        self._socks: dict[Local, socket.socket] = {}
        self._mtus: dict[tuple[str, str], int] = {}
        self._until = 0.0

    def mtu_blksize(self, local: Local, peer: Peer) -> int:
        way = (local[0], peer[0])
        blksize = self._mtus.get(way)
        if blksize is None:
            blksize = self._mtus[way] = self._ask(local, peer)
        return blksize

    def trim(self, now: float) -> None:
        if now >= self._until:
            self._mtus.clear()
            self._until = now + MTU_AGE_S

    def close(self) -> None:
        for sock in self._socks.values():
            sock.close()
        self._socks.clear()

    def _ask(self, local: Local, peer: Peer) -> int:
        sock = self._socks.get(local)
        if sock is None:
            sock = self._socks[local] = opened(local)
        sock.connect(peer)
        if sock.family == socket.AF_INET:
            return sock.getsockopt(socket.IPPROTO_IP, IP_MTU) - V4_OVERHEAD
        return sock.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU) - V6_OVERHEAD
