"""The server port: datagrams with their sender and the address they were sent to.

On a wildcard address the kernel is asked for the destination of each datagram (IP_PKTINFO, IPV6_RECVPKTINFO), since
the reply must come from it. IPv4 clients of a dual-stack socket appear as IPv4, never as ``::ffff:``.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address

from nearboot.tftp.engine import Peer
from nearboot.tftp.request import unmapped
from nearboot.tftp.runner import RECEIVE_BUFFER, Loop
from nearboot.tftp.session_runner import Local

IP_PKTINFO = 8
"""linux/in.h; the socket module has no name for it."""
BATCH = 16
"""Requests taken at one wake-up, so that a flood of them does not starve the transfers."""
RECEIVE_QUEUE = 4 << 20
"""A rack powers on at once; the kernel's default of 208 kB holds some 270 requests."""
ANCILLARY = socket.CMSG_SPACE(32)

OnDatagram = Callable[[bytes, Peer, Local, float], None]


class Listener:
    """A bound server socket in a loop."""

    def __init__(self, sock: socket.socket, loop: Loop, on_datagram: OnDatagram) -> None:
        self._sock = sock
        self._loop = loop
        self._on_datagram = on_datagram
        address = sock.getsockname()
        self._local: Local = (address[0], address[3] if len(address) == 4 else 0)
        self._batch = self._batch_asking if ip_address(address[0].split("%")[0]).is_unspecified else self._batch_bound
        loop.watch(sock.fileno(), self._on_readable)

    def close_door(self) -> None:
        """Take no more requests."""
        self._loop.unwatch(self._sock.fileno(), self._sock.close)

    def _on_readable(self, now: float) -> None:
        try:
            self._batch(now)
        except BlockingIOError:
            return
        except OSError:
            self._loop.stats.send_errors += 1  # an ICMP error for one of our replies

    def _batch_bound(self, now: float) -> None:
        recvfrom, local, on_datagram = self._sock.recvfrom, self._local, self._on_datagram
        for _ in range(BATCH):
            datagram, peer = recvfrom(RECEIVE_BUFFER)
            on_datagram(datagram, peer, local, now)

    def _batch_asking(self, now: float) -> None:
        for _ in range(BATCH):
            datagram, ancillary, _, peer = self._sock.recvmsg(RECEIVE_BUFFER, ANCILLARY)
            for level, kind, info in ancillary:
                local = destination(level, kind, info)
                if local:
                    self._on_datagram(datagram, plain_peer(peer), local, now)


def bound(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """A server socket on ``host`` (a name, an address, ``::`` for both families); OSError says what is wrong."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        prepare(sock)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def prepare(sock: socket.socket) -> None:
    """What the listener needs of a socket, bound or not: destinations, a long queue, no waiting."""
    sock.setblocking(False)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_QUEUE)


#  in_pktinfo:  ifindex 4 | local address 4 | destination 4         in6_pktinfo:  destination 16 | ifindex 4
def destination(level: int, kind: int, info: bytes) -> Local | None:
    """Where a datagram was sent to; None for a broadcast or multicast (RFC 1123 section 4.2.3.4) and for other
    messages."""
    if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
        return (socket.inet_ntoa(info[4:8]), 0) if info[4:8] == info[8:12] else None
    if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
        if info[0] == 0xFF:
            return None
        is_link_local = info[0] == 0xFE and info[1] & 0xC0 == 0x80
        scope = int.from_bytes(info[16:20], "little" if LITTLE else "big") if is_link_local else 0
        return unmapped(socket.inet_ntop(socket.AF_INET6, info[:16])), scope
    return None


def plain_peer(peer: Peer) -> Peer:
    """A v4-mapped peer as IPv4; others as they are."""
    return (unmapped(peer[0]), peer[1]) if peer[0].startswith("::ffff:") else peer


LITTLE = socket.htons(1) != 1
