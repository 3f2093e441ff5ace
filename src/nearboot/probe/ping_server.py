"""The responder: probes in, replies out, on bound sockets in a running asyncio loop; ``ping_answer`` decides which.

with PingServer(listening("::", 31338, workers=1), desk):
    await stop.wait()
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from functools import partial
from types import TracebackType

from nearboot.probe.ping_answer import Admitted, Desk, Refusal
from nearboot.probe.ping_socket_runner import ANCILLARY, SIZE, Message, arrival_ns, class_message, stamped
from nearboot.tftp.listener_runner import destination, plain_peer
from nearboot.tftp.one_port_runner import source_message

BATCH = 64
"""Datagrams taken at one wake-up."""


class PingServer:
    """A responder while it is entered; it closes the sockets at the end.

    The sockets are those of ``nearboot.tftp.listening``: they tell the address that a datagram was sent to, which the
    reply must come from.
    """

    def __init__(self, sockets: Sequence[socket.socket], desk: Desk) -> None:
        self.desk = desk
        self._sockets = [stamped(sock) for sock in sockets]
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> PingServer:
        self._loop = asyncio.get_running_loop()
        for sock in self._sockets:
            self._loop.add_reader(sock, partial(self._on_readable, sock))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sock in self._sockets:
            if self._loop:
                self._loop.remove_reader(sock)
            sock.close()

    def _on_readable(self, sock: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                datagram, ancillary, _, peer = sock.recvmsg(SIZE, ANCILLARY)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error for one of our replies
                self.desk.counts["receive_errors"] += 1
                return
            self._handle(sock, datagram, ancillary, peer)

    def _handle(
        self, sock: socket.socket, datagram: bytes, ancillary: list[Message], peer: tuple[str, int, int, int]
    ) -> None:
        host, port = plain_peer(peer)[:2]
        wall_ns = time.time_ns()
        received_ns = arrival_ns(ancillary, wall_ns)
        admitted = self.desk.admit(datagram, host, port, now=time.monotonic(), wall_ns=wall_ns)
        if isinstance(admitted, Refusal):
            return
        how = self._how(sock, admitted, ancillary, is_4=":" not in host)
        if how is None:
            return
        reply = self.desk.reply(admitted, received_ns, time.time_ns())
        try:
            sock.sendmsg([reply], how, 0, peer)
        except OSError:
            self.desk.counts["send_errors"] += 1

    def _how(
        self, sock: socket.socket, admitted: Admitted, ancillary: list[Message], *, is_4: bool
    ) -> list[Message] | None:
        """From which address and in which class a reply goes; None: the request was sent to many at once."""
        told = [each for message in ancillary if (each := destination(*message))]
        if not told:
            self.desk.counts["multicast"] += 1
            return None
        source = source_message(sock.family == socket.AF_INET6, told[0])
        return [source, class_message(admitted.probe.tclass, is_4=is_4)]
