"""The pinger: rounds of probes over many source ports, in a running asyncio loop.

A port is a line: routers that choose among equal paths by the ports (ECMP) send each line its own way, so a round walks
over all of them. Ports that are taken are left out, as UdpPinger does.

    with Lines(base=25000, count=32) as lines:
        done = await run_round(lines, targets, Pacing(probes=20, spread_s=56), key=key, chance=SystemRandom())
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from random import Random
from types import TracebackType

from nearboot.probe.ping_pace import Shot, shots
from nearboot.probe.ping_packet import Key
from nearboot.probe.ping_round import Round, Target
from nearboot.probe.ping_socket_runner import ANCILLARY, DSCP, SIZE, arrival_ns, stamped

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
MAX_PORT = 65535
RECEIVE_QUEUE = 1 << 20

OnDatagram = Callable[[bytes, tuple[str, int], int, int, int], None]
"""What came in: datagram, peer, line, monotonic ns at which it was read, ns that it had waited."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """How a round is spread. ``timeout_s``: how long the last probe's reply is waited for; later ones are lost."""

    probes: int = 20
    spread_s: float = 50.0
    rate: float = 500.0
    timeout_s: float = 2.0
    first: int = 0
    warm_up: bool = True


class Lines:
    """The sockets of a pinger, while it is entered: those of each family that the machine has.

    ``base``: the first source port; 0, or where all of them are taken: any that are free. OSError where there are none.
    """

    def __init__(self, *, base: int, count: int, tclass: int = 0) -> None:
        self.sockets: Mapping[int, list[socket.socket]] = {}
        self.tclass = tclass & DSCP
        self._base, self._count = base, count
        self._stack = ExitStack()

    def __enter__(self) -> Lines:
        problems: list[OSError] = []
        self.sockets = {
            family: self._bound(family, self._base, problems) or self._bound(family, 0, problems) for family in FAMILIES
        }
        if not any(self.sockets.values()):
            raise problems[-1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def counts(self) -> dict[int, int]:
        """How many lines each family has."""
        return {family: len(sockets) for family, sockets in self.sockets.items()}

    def listen(self, on_datagram: OnDatagram | None) -> None:
        """Hand each datagram that comes in to a function; None: to nobody any more."""
        loop = asyncio.get_running_loop()
        for sockets in self.sockets.values():
            for line, sock in enumerate(sockets):
                if on_datagram:
                    loop.add_reader(sock, partial(_read, sock, line, on_datagram))
                else:
                    loop.remove_reader(sock)

    def _bound(self, family: int, base: int, problems: list[OSError]) -> list[socket.socket]:
        found = []
        for number in range(self._count):
            port = base + number if base else 0
            if port > MAX_PORT:
                break
            try:
                found.append(self._stack.enter_context(_line(family, port, self.tclass)))
            except OSError as error:
                problems.append(error)
        return found


async def run_round(
    lines: Lines, targets: Sequence[Target], pacing: Pacing, *, key: Key | None, chance: Random
) -> Round:
    """Probe all targets once through, wait for the last replies, and give the round with its tallies."""
    round_ = Round(targets, key=key, chance=chance, tclass=lines.tclass)

    def on_datagram(datagram: bytes, peer: tuple[str, int], line: int, now_ns: int, waited_ns: int) -> None:
        round_.take(datagram, peer, line, now_ns=now_ns, waited_ns=waited_ns)

    lines.listen(on_datagram)
    try:
        began = time.monotonic()
        for shot in shots(
            targets,
            probes=pacing.probes,
            lines=lines.counts,
            spread_s=pacing.spread_s,
            rate=pacing.rate,
            chance=chance,
            first=pacing.first,
            warm_up=pacing.warm_up,
        ):
            wait_s = began + shot.at_s - time.monotonic()
            await asyncio.sleep(max(0.0, wait_s))
            _send(round_, shot, lines)
        await _last_replies(round_, time.monotonic() + pacing.timeout_s)
    finally:
        lines.listen(None)
    return round_


async def _last_replies(round_: Round, until: float) -> None:
    while round_.under_way and (left_s := until - time.monotonic()) > 0:
        await asyncio.sleep(min(left_s, 0.02))


def _send(round_: Round, shot: Shot, lines: Lines) -> None:
    target, sock = shot.target, lines.sockets[shot.target.family][shot.line]
    made = round_.ask(target, shot.line, wall_ns=time.time_ns(), counts=shot.counts)
    address = target.host, target.port
    round_.leave(made, now_ns=time.monotonic_ns())
    try:
        sock.sendto(made.datagram, address)
    except OSError as error:
        round_.failed(made, error.strerror or str(error))


def _read(sock: socket.socket, line: int, on_datagram: OnDatagram) -> None:
    while True:
        try:
            datagram, ancillary, _, peer = sock.recvmsg(SIZE, ANCILLARY)
        except BlockingIOError:
            return
        now_ns, wall_ns = time.monotonic_ns(), time.time_ns()
        on_datagram(datagram, peer[:2], line, now_ns, wall_ns - arrival_ns(ancillary, wall_ns))


def _line(family: int, port: int, tclass: int) -> socket.socket:
    sock = socket.socket(FAMILIES[family], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tclass)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tclass)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_QUEUE)
        stamped(sock)
        sock.bind(("", port))
    except OSError:
        sock.close()
        raise
    return sock
