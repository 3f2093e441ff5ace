"""Lines: sockets that many transfers share, served in batches.

A line is bound to an address that clients ask, and to a port of its own; the client's address and port tell its
transfers apart (RFC 1350 section 4). One system call brings up to 64 ACKs and one takes the answers out, so 32
lock-step clients cost a third less than with a socket, and a look-up in epoll, for each. A transfer costs no socket
here, so ten thousand at once are no matter; and who writes to the port without having a transfer there gets ERROR 5.

What comes late, for a transfer that is over, must not be taken for the next one's: a client port whose last transfer on
a line lost packets gets its next one elsewhere for a while (``has_room_for``).

    line = Line(("192.0.2.1", 0), loop, on_stray)
    seat = Seat(line, peer, name_of(peer))          # a Carrier for one session
"""

from __future__ import annotations

import socket
from contextlib import suppress

from nearboot.tftp.channel_runner import UDP_SEGMENT, OnStray, opened
from nearboot.tftp.content import HEADER
from nearboot.tftp.engine import Peer
from nearboot.tftp.mmsg_runner import SLOTS, Inbox, Outbox, Postbox, name_of, peer_of
from nearboot.tftp.runner import Loop
from nearboot.tftp.seat_runner import Messages, Seat
from nearboot.tftp.session_runner import ACK_0, Local, Session

BUFFER = 16 << 20
"""All transfers of a line share it; a window of 64 blocks takes some 150 kB until the network card is done."""
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
"""asm-generic/socket.h: past net.core.wmem_max, for those with CAP_NET_ADMIN."""
IP_RECVERR, IPV6_RECVERR = 11, 25
"""linux/in.h, linux/in6.h: ICMP errors are queued with the address that they are about."""
ACCOUNTS = frozenset({(int(socket.IPPROTO_IP), IP_RECVERR), (int(socket.IPPROTO_IPV6), IPV6_RECVERR)})
QUEUED_ERROR = int(socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
LEAST_BATCH = 16
"""A batch is a quarter of the clients or this: while it is answered, the others can be at work on theirs."""
BUSY = 8
"""As many datagrams at once mean that more are there by now: the next call of epoll is spared."""
ROUNDS = 4
LATE_S = 5.0
MAX_LATE = 16384

Generations = tuple[set[bytes], set[bytes]]


class Line:
    """One shared socket in a loop. ``sessions``: by the names of their clients."""

    def __init__(
        self, local: Local, loop: Loop, on_stray: OnStray, sock: socket.socket | None = None, *, control: bool = False
    ) -> None:
        self.sock = sock or opened(local)
        enlarge(self.sock)
        self.sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)  # on an IPv6 socket: about its mapped clients
        if self.sock.family == socket.AF_INET6:
            self.sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        self.can_segment = can_segment(self.sock)
        self.local = local
        self.sessions: dict[bytes, Session] = {}
        self.unsent: dict[Session, tuple[int, int]] = {}
        self._fd = self.sock.fileno()
        self._inbox, self._outbox = Inbox(self.sock.family, control=control), Outbox(self.sock.family)
        self._postbox = Postbox(self.sock.family)
        self._pending: list[Session] = []
        """Whose blocks are in the outbox; they hold the memory that is sent from."""
        self._newcomers: list[Seat] = []
        self._held: list[memoryview] = []
        self._is_controlled = False
        self._late: Generations = (set(), set())
        """Who had a transfer here a short while ago; the younger ones first."""
        self._soiled: Generations = (set(), set())
        """Those of them for whom something may still be on its way."""
        self._late_until = 0.0
        self._loop = loop
        self._on_stray = on_stray
        loop.watch(self._fd, self.on_readable)

    def has_room_for(self, name: bytes, now: float) -> bool:
        """Whether nothing of an earlier transfer with this client port can still be on its way."""
        self._forget(now)
        return name not in self.sessions and name not in self._soiled[0] and name not in self._soiled[1]

    def begin(self, seat: Seat, session: Session) -> None:
        """Its timer is set at the next tick: most small transfers are over by then, and the wheel is spared them."""
        self.sessions[seat.name] = session
        self._loop.crowd += 1
        self._newcomers.append(seat)
        self._loop.keep_ticking()

    def on_tick(self, now: float) -> None:
        """Set the timers of transfers that have begun since the last one."""
        self._forget(now)
        newcomers, self._newcomers = self._newcomers, []
        for seat in newcomers:
            deadline = seat.deadline
            if deadline is not None:
                self._loop.wheel.add(seat, deadline)

    def end(self, seat: Seat, session: Session) -> None:
        self._loop.crowd -= 1
        self.sessions.pop(seat.name, None)
        if self.unsent.pop(session, None) and not self.unsent:
            self._loop.watch_writable(self._fd, False)
        self._late[0].add(seat.name)
        if not session.transfer.is_clean:
            self._soiled[0].add(seat.name)

    def post(self, seat: Seat, data: bytes | memoryview) -> int:
        """Send with others, when this turn of the loop ends."""
        if not self._postbox.count:
            self._loop.at_end.append(self._send_posts)
        self._postbox.put(seat.name, data, seat.control)
        if self._postbox.is_full:
            self._send_posts()
        return len(data)

    def tell(self, datagram: bytes, peer: Peer, source: Messages = ()) -> None:
        """Send something once to somebody who has no transfer here; that it is lost changes nothing."""
        for _ in range(2):  # the first error may be about what another client got
            with suppress(OSError):
                self.sock.sendmsg([datagram], source, socket.MSG_DONTWAIT, peer)
                return

    def close(self) -> None:
        self._loop.unwatch(self._fd, self.sock.close)

    def catch_up(self, now: float) -> None:
        """Read what has come; for whoever is not called by this line."""
        self.on_readable(now)

    def wait_for_room(self, session: Session, first: int, count: int) -> None:
        if not self.unsent:
            self._loop.watch_writable(self._fd, True)
        self.unsent[session] = (first, count)

    def on_readable(self, now: float) -> None:
        """A batch of ACKs comes in, their windows go out."""
        if self.unsent:
            self._send_unsent(now)
        most = min(SLOTS, max(LEAST_BATCH, len(self.sessions) >> 2))
        for turn in range(ROUNDS):
            try:
                count = self._inbox.receive(self._fd, most)
            except OSError:
                self._read_errors(now)  # ICMP's, and told in full there
                continue
            if count:
                try:
                    self._answer(count, now)
                finally:
                    self._flush(now)  # also after a fault: nothing may stay in the outbox
            elif turn == 0:
                self._read_errors(now)
            if count < BUSY:
                return

    def _answer(self, count: int, now: float) -> None:
        """The hot path, ``Session.on_readable`` for many; every line of it is paid for each block of each client."""
        inbox, find, pending = self._inbox, self.sessions.get, self._pending
        headers, vectors = self._outbox.headers, self._outbox.vectors
        at = 0
        for name, head, place in zip(inbox.names(count), inbox.heads(count), inbox.places, strict=False):
            session = find(name)
            if session is None:
                self._on_nobody(inbox.places.index(place), name, now)
                continue
            todo = session.ack(head - ACK_0, now)
            if todo is None:
                self._on_nothing(inbox.places.index(place), session, now)
                continue
            first, blocks = todo
            start = (first - session.first) * session.frame
            stop = start + blocks * session.frame
            if start < 0 or stop > session.stop:
                self._flush(now)  # a session in there may turn to another segment
                at = 0
                session.send_blocks(first, blocks, now)
                continue
            if stop > session.length:  # noqa: PLR1730  # min() costs 60 ns here
                stop = session.length
            headers[at << 2] = place
            if session.control:
                headers[(at << 2) + 4], headers[(at << 2) + 5] = session.control
                self._is_controlled = True
            vectors[at] = session.base + start
            vectors[at + 1] = stop - start
            pending.append(session)
            at += 2

    def _flush(self, now: float) -> None:
        """Send what is in the outbox, and leave it empty."""
        try:
            self._send_pending(now)
        finally:
            if self._is_controlled:
                self._outbox.clear_controls(len(self._pending))
                self._is_controlled = False
            self._pending.clear()
            self._held.clear()

    def _send_pending(self, now: float) -> None:
        pending, done = self._pending, 0
        if self.unsent:
            self._put_off(pending)
            done = len(pending)
        while done < len(pending):
            try:
                done += self._outbox.send(self._fd, done, len(pending) - done)
            except BlockingIOError:
                self._put_off(pending[done:])
                break
            except OSError:
                self._held += [each.view for each in pending]  # what follows may turn one to another segment
                session = pending[done]
                done += 1
                if not session.transfer.ended:
                    session.send_blocks(*session.transfer.outstanding, now)  # the error may be about another's packet

    def _put_off(self, pending: list[Session]) -> None:
        for session in pending:
            if not session.transfer.ended:
                self.wait_for_room(session, *session.transfer.outstanding)

    def _send_posts(self) -> None:
        self._loop.stats.send_errors += self._postbox.send(self._fd)

    def _send_unsent(self, now: float) -> None:
        """There is room again, perhaps."""
        waiting, self.unsent = self.unsent, {}
        self._loop.watch_writable(self._fd, False)
        for session, (first, count) in waiting.items():
            session.send_blocks(first, count, now)

    def _on_nothing(self, slot: int, session: Session, now: float) -> None:
        """An ACK that nothing follows, or no ACK."""
        if session.transfer.ended:
            session.end_if_over(now)
        else:
            datagram = self._inbox.datagram(slot)
            if len(datagram) < HEADER or not is_ack(datagram):
                self._on_other(slot, session, datagram, now)

    def _on_other(self, slot: int, session: Session, datagram: bytes, now: float) -> None:
        """Something else from somebody who has a transfer here."""
        session.on_other(datagram, now)

    def _on_nobody(self, slot: int, name: bytes, now: float) -> None:
        """From somebody who has no transfer here."""
        if not self._is_late(name):
            self._on_stray(self.tell, self._inbox.datagram(slot), peer_of(name), now)

    def _is_late(self, name: bytes) -> bool:
        return name in self._late[0] or name in self._late[1]

    def _forget(self, now: float) -> None:
        """The clients of transfers that ended so long ago, or so many transfers ago."""
        if now >= self._late_until or len(self._late[0]) > MAX_LATE:
            self._late, self._soiled = (set(), self._late[0]), (set(), self._soiled[0])
            self._late_until = now + LATE_S

    def _read_errors(self, now: float) -> None:
        """ICMP errors that wait. "Port unreachable" is the end of its client's transfer."""
        with suppress(OSError):
            while True:
                _, control, _, peer = self.sock.recvmsg(0, 512, QUEUED_ERROR)
                session = self.sessions.get(name_of(peer))
                if session and any(is_refusal(*message) for message in control):
                    session.on_gone(now)


#  struct sock_extended_err:  errno 4 | origin 1 | type 1 | code 1 | pad 1 | ...
def is_refusal(level: int, kind: int, data: bytes) -> bool:
    """Whether this is the kernel's account of an ICMP message that says that nobody listens at the port."""
    return (level, kind) in ACCOUNTS and int.from_bytes(data[:4], "little") == 111  # ECONNREFUSED


def is_ack(datagram: bytes) -> bool:
    return 0 <= int.from_bytes(datagram[:HEADER], "big") - ACK_0 <= 65535


def can_segment(sock: socket.socket) -> bool:
    """Whether the kernel has UDP_SEGMENT (Linux 4.18)."""
    try:
        sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)
    except OSError:
        return False
    return True


def enlarge(sock: socket.socket) -> None:
    """Room for what a rack sends at once; as much as this process may have."""
    for option, forced in ((socket.SO_SNDBUF, SO_SNDBUFFORCE), (socket.SO_RCVBUF, SO_RCVBUFFORCE)):
        try:
            sock.setsockopt(socket.SOL_SOCKET, forced, BUFFER)
        except OSError:
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
