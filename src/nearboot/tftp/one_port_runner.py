"""All on one port: the server's own socket as a line, for containers and NAT that let nothing else through.

RFC 1350 wants a port for each side of each transfer; with one port at the server, the client's address and port alone
tell transfers apart. A client that begins anew from its port soon after is therefore served at once, and a late packet
of its last transfer, if it fits, is taken for one of the next: blocks are the same where the file is.

    line = OnePort(sock, loop, reception.on_datagram); reception.carriers.one_ports = (line,)
"""

from __future__ import annotations

import socket
import struct
from functools import cache
from ipaddress import ip_address

from nearboot.tftp.engine import Peer
from nearboot.tftp.line_runner import Line
from nearboot.tftp.listener_runner import IP_PKTINFO, OnDatagram, destination, plain_peer
from nearboot.tftp.mmsg_runner import name_of, peer_of
from nearboot.tftp.packet import Opcode
from nearboot.tftp.runner import Loop
from nearboot.tftp.seat_runner import Message, Messages, Seat
from nearboot.tftp.session_runner import Local, Session

REQUESTS = frozenset({Opcode.RRQ.to_bytes(2, "big"), Opcode.WRQ.to_bytes(2, "big")})


class Asked(tuple[str, int]):
    """The address that a client asked, and the door where: a server may have the same address at two ports."""

    door: OnePort


class OnePort(Line):
    """The server's socket with all transfers on it."""

    def __init__(self, sock: socket.socket, loop: Loop, on_datagram: OnDatagram) -> None:
        address = sock.getsockname()
        local = (address[0], address[3] if len(address) == 4 else 0)
        self._is_asking = ip_address(address[0].split("%")[0]).is_unspecified
        self._on_datagram = on_datagram
        self._is_open = True
        super().__init__(local, loop, self._no_stray, sock, control=self._is_asking)

    def take(self, local: Local, peer: Peer) -> Seat:
        """A seat for a client that asked ``local``; OSError where its port has a transfer from another address."""
        far = self._far(peer)
        name = name_of(far)
        if name in self.sessions:
            raise OSError(f"client {peer[0]} port {peer[1]} has a transfer from another address of this server")
        return Seat(self, far, name, self._source(local))

    def answer(self, local: Local, peer: Peer, datagram: bytes) -> None:
        """Send one ERROR."""
        self.tell(datagram, self._far(peer), self._source(local))

    def catch_up(self, now: float) -> None:
        """Nothing: all comes here, in order."""

    def close_door(self) -> None:
        """Take no more requests; transfers go on."""
        self._is_open = False

    def _far(self, peer: Peer) -> Peer:
        """The peer as this socket has it: IPv4 is mapped where it is one for both."""
        if self.sock.family == socket.AF_INET6 and len(peer) == 2:
            return f"::ffff:{peer[0]}", peer[1], 0, 0
        return peer

    def _source(self, local: Local) -> Messages:
        """Replies leave from the address that was asked."""
        return (source_message(self.sock.family == socket.AF_INET6, local[:2]),) if self._is_asking else ()

    def _on_other(self, slot: int, session: Session, datagram: bytes, now: float) -> None:
        if datagram[:2] in REQUESTS:
            self._request(slot, datagram, session.channel.peer, now)
        else:
            session.on_other(datagram, now)

    def _on_nobody(self, slot: int, name: bytes, now: float) -> None:
        datagram = self._inbox.datagram(slot)
        if datagram[:2] in REQUESTS or not self._is_late(name):
            self._request(slot, datagram, peer_of(name), now)

    def _request(self, slot: int, datagram: bytes, far: Peer, now: float) -> None:
        local = self._asked(slot) if self._is_asking else self.local
        if self._is_open and local:
            asked = Asked(local)
            asked.door = self
            self._on_datagram(datagram, plain_peer(far) if self._is_asking else far, asked, now)

    def _asked(self, slot: int) -> Local | None:
        for level, kind, info in self._inbox.controls(slot):
            if local := destination(level, kind, info):
                return local
        return None

    def _no_stray(self, *_: object) -> None:
        """Whoever writes to the server's port is no stranger."""


#  in_pktinfo:  ifindex 4 | local address 4 | destination 4         in6_pktinfo:  destination 16 | ifindex 4
@cache
def source_message(is_6: bool, local: Local) -> Message:
    """Send from ``local``; a socket for both families takes mapped addresses."""
    address, scope = local
    if not is_6:
        return socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=I4s4s", 0, socket.inet_aton(address), bytes(4))
    packed = socket.inet_pton(socket.AF_INET6, address if ":" in address else f"::ffff:{address}")
    return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("=16sI", packed, scope)
