"""The pinger on real sockets, against the real responder, a silent port, and an upong written from its source."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random

import pytest

from nearboot.probe.ping_answer import Desk, Terms
from nearboot.probe.ping_client import Lines, Pacing, run_round
from nearboot.probe.ping_packet import Key
from nearboot.probe.ping_round import Round, Target
from nearboot.probe.ping_server import PingServer
from nearboot.tftp import listening

KEY = Key.of(b"0123456789abcdef")
QUICK = Pacing(probes=40, spread_s=0.2, rate=2000, timeout_s=5)


async def pinged(terms: Terms, key: Key | None, pacing: Pacing = QUICK) -> tuple[Round, Desk]:
    """A round over IPv4 and IPv6 with the responder in the same loop."""
    sockets = listening("::", 0, workers=1)
    port = sockets[0].getsockname()[1]
    desk = Desk(terms, port)
    targets = [Target("fra", "four", "127.0.0.1", port), Target("fra", "six", "::1", port)]
    with PingServer(sockets, desk), Lines(base=0, count=4) as lines:
        return await run_round(lines, targets, pacing, key=key, chance=Random(1)), desk


@pytest.mark.parametrize(("terms", "key"), [(Terms(), None), (Terms(keys=(KEY,)), KEY)], ids=["plain", "signed"])
def test_all_probes_come_back(terms: Terms, key: Key | None) -> None:
    """Over both families, and the first to each does not count."""
    round_, desk = asyncio.run(pinged(terms, key))
    assert desk.counts["answered"] == 2 * (QUICK.probes + 1)
    for tally in round_.tallies.values():
        assert tally.sent == len(tally.rtts_ns) == QUICK.probes
        assert min(tally.rtts_ns) > 0
    assert round_.counts == {"taken": 2 * QUICK.probes, "unused": 2}


def test_without_the_key_there_is_no_answer() -> None:
    """Not one byte; all probes are lost."""
    round_, desk = asyncio.run(pinged(Terms(keys=(KEY,)), None, Pacing(probes=3, spread_s=0, timeout_s=0.2)))
    assert desk.counts["answered"] == 0
    assert [(tally.sent, tally.rtts_ns) for tally in round_.tallies.values()] == [(3, [])] * 2


def test_source_ports_that_are_taken_are_left_out() -> None:
    """And where all are, by another pinger, any that are free will do."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", 0))
        base = other.getsockname()[1]
        with Lines(base=base, count=3) as lines:
            ports = [sock.getsockname()[1] for sock in lines.sockets[4]]
            assert base not in ports and ports
        with Lines(base=base, count=1) as lines:
            assert lines.sockets[4][0].getsockname()[1] != base
            assert lines.sockets[6][0].getsockname()[1] == base, "IPv6 has ports of its own"


@contextmanager
def upong(ports: set[int]) -> Iterator[int]:
    """A responder as UdpPinger's is: any 32 bytes are echoed whole, with its two times in their places.

    ``ports``: gets the ports that it was asked from.
    """
    with ExitStack() as stack:
        sock = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
        sock.bind(("::", 0))

        def serve() -> None:
            while True:
                datagram, peer = sock.recvfrom(32)
                if len(datagram) < 32:
                    return
                ports.add(peer[1])
                now = (time.time_ns() // 1000 % (1 << 32)).to_bytes(4, "big")
                sock.sendto(datagram[:8] + now + now + datagram[16:], peer)

        thread = threading.Thread(target=serve)
        thread.start()
        port = sock.getsockname()[1]
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as stop:
                stop.sendto(b"", ("::1", port))
            thread.join()


def test_udppingers_responder_is_understood() -> None:
    """And it is asked from eight source ports in turn."""

    async def main(port: int) -> Round:
        with Lines(base=0, count=8) as lines:
            return await run_round(lines, [Target("p", "n", "127.0.0.1", port)], QUICK, key=None, chance=Random(2))

    ports: set[int] = set()
    with upong(ports) as port:
        (tally,) = asyncio.run(main(port)).tallies.values()
    assert len(tally.rtts_ns) == tally.sent == QUICK.probes
    assert len(ports) == 8


def test_what_cannot_be_sent_is_told() -> None:
    """A broadcast address needs a right; that is no loss."""

    async def main() -> Round:
        target = Target("p", "n", "255.255.255.255", 31338)
        with Lines(base=0, count=1) as lines:
            return await run_round(lines, [target], Pacing(3, 0, 1000, 0.1), key=None, chance=Random(3))

    (tally,) = asyncio.run(main()).tallies.values()
    assert (tally.sent, tally.unsent, tally.problem) == (0, 3, "Permission denied")
