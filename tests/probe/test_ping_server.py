"""The responder on real sockets: both families, its traffic class, noise, and packets that would loop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from nearboot.probe.ping_answer import Desk, Terms
from nearboot.probe.ping_packet import Key, PlainProbe, SignedProbe, encode_plain, encode_signed, parse
from nearboot.probe.ping_server import PingServer
from nearboot.tftp import listening

KEY = Key.of(b"0123456789abcdef")
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
FUZZ = 3000
LONG_S = 10.0


@asynccontextmanager
async def responder(terms: Terms, host: str = "::") -> AsyncIterator[Desk]:
    """A responder on a free port; its desk knows the port."""
    sockets = listening(host, 0, workers=1)
    desk = Desk(terms, sockets[0].getsockname()[1])
    with PingServer(sockets, desk):
        yield desk


def port_of(desk: Desk) -> int:
    return desk._own_port


async def exchange(
    sock: socket.socket, datagram: bytes, address: tuple[str, int]
) -> tuple[bytes, list[tuple[int, int, bytes]]]:
    sock.setblocking(False)
    sock.sendto(datagram, address)
    readable = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sock, readable.set)
    try:
        await asyncio.wait_for(readable.wait(), LONG_S)
    finally:
        loop.remove_reader(sock)
    reply, ancillary, _, peer = sock.recvmsg(200, 200)
    assert peer[:2] == address, "the reply comes from the address that was asked"
    return reply, ancillary


@pytest.mark.parametrize("family", LOOPBACK, ids=["v4", "v6"])
def test_probes_of_both_families_come_back_in_their_class(family: socket.AddressFamily) -> None:
    """One dual-stack socket; the reply has the class that the probe names, as upong's."""

    async def main() -> None:
        async with responder(Terms()) as desk:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                if family == socket.AF_INET:
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
                else:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
                before_us = time.time_ns() // 1000
                probe = PlainProbe(77, 88, tclass=0xB8)
                reply, ancillary = await exchange(sock, encode_plain(probe), (LOOPBACK[family], port_of(desk)))
                answer = parse(reply)
                assert isinstance(answer, PlainProbe)
                assert (answer.signature, answer.sent_us, answer.tclass) == (77, 88, 0xB8)
                assert 0 <= (answer.received_us - before_us) % (1 << 32) <= (answer.answered_us - before_us) % (1 << 32)
                assert ancillary[0][2][0] == 0xB8

    asyncio.run(main())


def test_the_turnaround_includes_the_wait_in_the_socket() -> None:
    """The kernel's stamp is from when the probe came in, not from when a busy responder came to read it."""

    async def main() -> None:
        async with responder(Terms(keys=(KEY,)), "127.0.0.1") as desk:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                address = "127.0.0.1", port_of(desk)
                sock.sendto(encode_signed(SignedProbe(1, 1, time.time_ns()), KEY), address)
                until_ns = time.time_ns() + 30_000_000
                while time.time_ns() < until_ns:
                    pass  # the responder's loop is busy
                probe = SignedProbe(1, 2, time.time_ns())
                first, _ = await exchange(sock, encode_signed(probe, KEY), address)
                answer = parse(first, (KEY,))
                assert isinstance(answer, SignedProbe) and answer.sequence == 1
                assert answer.turnaround_ns >= 25_000_000

    asyncio.run(main())


def test_the_responder_survives_noise() -> None:
    """Thousands of odd datagrams: nothing but the true probes among them is answered, none with more than it had."""
    chance = Random(20261122)

    def odd(number: int) -> bytes:
        probe = encode_signed(SignedProbe(5, number + 1, time.time_ns(), hop=chance.randrange(2)), KEY)
        kinds: list[Callable[[], bytes]] = [
            lambda: chance.randbytes(chance.randrange(0, 100)),
            lambda: chance.randbytes(chance.choice((0, 1, 31, 32, 33, 63, 64, 65, 1400))),
            lambda: probe[: chance.randrange(64)],
            lambda: probe + chance.randbytes(chance.randrange(1, 50)),
            lambda: probe[:-1] + bytes([probe[-1] ^ 1]),
            lambda: probe,
        ]
        return chance.choice(kinds)()

    async def main() -> None:
        async with responder(Terms(keys=(KEY,), plain=True, answers_per_second=0), "127.0.0.1") as desk:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                address = "127.0.0.1", port_of(desk)
                sock.connect(address)
                sock.setblocking(False)
                sizes: list[int] = []
                for number in range(FUZZ):
                    datagram = odd(number)
                    sock.send(datagram)
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                    try:
                        reply = sock.recv(2000)
                    except BlockingIOError:
                        continue
                    sizes.append(len(reply))
                    assert len(reply) == len(datagram)
                assert len(sizes) == desk.counts["answered"] > FUZZ / 20
                assert sum(desk.counts.values()) == FUZZ

    asyncio.run(main())


@pytest.mark.parametrize("terms", [Terms(), Terms(keys=(KEY,), plain=True)], ids=["plain", "both kinds"])
def test_a_packet_between_two_responders_dies(terms: Terms) -> None:
    """The forged packet that UdpPinger's responders send to each other for ever, in both directions, and a reply."""

    async def main() -> None:
        async with responder(terms, "127.0.0.1") as one:
            sockets = listening("127.0.0.2", port_of(one), workers=1)  # the same port, as in a fleet
            other = Desk(terms, port_of(one))
            with PingServer(sockets, other):
                request = encode_plain(PlainProbe(1, 2))
                reply = encode_plain(PlainProbe(1, 2, 3, 4))
                for datagram in (request, reply):
                    # What a forger would send in its name leaves by the first responder's own socket.
                    sockets[0].sendto(datagram, ("127.0.0.1", port_of(one)))
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    for _ in range(10):  # what loops would have gone round meanwhile, and be counted
                        await exchange(sock, request, ("127.0.0.1", port_of(one)))
                counts = {name: count for name, count in one.counts.items() if count}
                assert counts == {"server_port": 2, "answered": 10}
                assert sum(other.counts.values()) == 0

    asyncio.run(main())


def test_a_reply_that_cannot_be_sent_is_counted() -> None:
    """And the responder goes on: a broadcast address as a sender needs a right that it does not have."""

    async def main() -> None:
        async with responder(Terms(), "127.0.0.1") as desk:
            server = PingServer([], desk)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                told = (socket.IPPROTO_IP, 8, bytes(4) + socket.inet_aton("127.0.0.1") * 2)
                peer = ("255.255.255.255", 25000, 0, 0)
                server._handle(sock, encode_plain(PlainProbe(1, 2)), [told], peer[:2])  # type: ignore[arg-type]  # as IPv4's sockets give it
            assert desk.counts["send_errors"] == 1

    asyncio.run(main())
