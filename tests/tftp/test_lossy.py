"""Reads over a path that loses, doubles, reorders and delays: the whole data plane on a fake clock, seeded.

10,000 reads here, and 200 over real sockets with a relay between; the full size takes some minutes:

    NEARBOOT_LOSSY_READS=100000 NEARBOOT_RELAYED_READS=1000 pytest tests/tftp/test_lossy.py
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
from collections.abc import Callable
from pathlib import Path as FilePath
from random import Random
from typing import Any

import pytest

from nearboot.errors import PeerError
from nearboot.tftp import Limits, Pace, read
from nearboot.tftp.download import Download
from nearboot.tftp.packet import Error, encode

Plane = Callable[..., Any]
READS = int(os.environ.get("NEARBOOT_LOSSY_READS", "10000"))
RELAYED = int(os.environ.get("NEARBOOT_RELAYED_READS", "200"))
AT_ONCE = 100
ONE_WAY_S = 0.01
PATIENCE_S = 1.0
GIVEN_UP_S = 120.0
STRANGER = encode(Error(5, "unknown transfer ID"))


class Reader:
    """A client as RFC 1350 has it: keeps to the port that answered first, asks again when nothing comes."""

    def __init__(self, number: int, content: bytes, *, blksize: int, windowsize: int) -> None:
        self.peer = (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 2070)
        self.content = content
        self.download = Download(str(number), blksize=blksize, windowsize=windowsize)
        self.channel: Any = None
        """The server's transfer ID."""
        self.began = self.heard = 0.0

    def receive(self, channel: Any, datagram: bytes, now: float) -> bytes | None:
        """The answer to a datagram of the server. After the end it goes on to ACK, as a client should for a while."""
        if channel is not (self.channel or channel):
            return STRANGER if datagram[1] != 5 else None
        self.channel = channel
        before = self.download.progress
        try:
            return self.download.receive(datagram)
        finally:
            self.heard = now if self.download.progress > before else self.heard


class Path:
    """Both ways between the readers and a data plane."""

    def __init__(self, plane: Plane, *, rate: float, seed: int) -> None:
        self.random = Random(seed)
        self.rate = rate
        self.readers: dict[tuple[str, int], Reader] = {}
        self.queue: list[tuple[float, int, Callable[[], None]]] = []
        self.order = itertools.count()
        self.world = plane(on_sent=self.to_reader, fast=self.look_up, limits=Limits(requests_per_second=0))

    def look_up(self, request: Any) -> bytes:
        return self.readers[(request.client[0], request.client[1])].content

    def carry(self, arrive: Callable[[], None]) -> None:
        """Lost, doubled, late by more than a round trip: each as often as ``rate`` says."""
        copies = self.random.choices((0, 1, 2), (self.rate, 1 - 2 * self.rate, self.rate))[0]
        for _ in range(copies):
            late = self.random.random() * 5 * ONE_WAY_S if self.random.random() < self.rate else 0.0
            heapq.heappush(self.queue, (self.world.now + ONE_WAY_S + late, next(self.order), arrive))

    def to_reader(self, channel: Any, datagram: bytes) -> None:
        reader = self.readers.get(channel.peer)
        if reader:
            self.carry(lambda: self.arrive(reader, channel, datagram))

    def arrive(self, reader: Reader, channel: Any, datagram: bytes) -> None:
        answer = reader.receive(channel, datagram, self.world.now)
        if answer is not None:
            self.carry(lambda: channel.receive(answer) if channel.peer == reader.peer else None)

    def ask(self, reader: Reader, datagram: bytes) -> None:
        self.carry(lambda: self.world.request(datagram, reader.peer))

    def begin(self, reader: Reader) -> None:
        self.readers[reader.peer] = reader
        reader.began = reader.heard = self.world.now
        self.ask(reader, reader.download.request())

    def step(self) -> None:
        """A tick: what arrives in it, in order; then the clocks of both sides."""
        until = self.world.now + 0.05
        while self.queue and self.queue[0][0] <= until:
            at, _, arrive = heapq.heappop(self.queue)
            self.world.now = max(self.world.now, at)
            arrive()
        self.world.advance(until - self.world.now)
        for reader in self.readers.values():
            if not reader.download.done and self.world.now - reader.heard > PATIENCE_S:
                self.remind(reader)

    def remind(self, reader: Reader) -> None:
        reader.heard = self.world.now
        datagram, channel = reader.download.again(), reader.channel
        if channel is None:
            self.ask(reader, datagram)
        else:
            self.carry(lambda: channel.receive(datagram))

    def finished(self) -> list[Reader]:
        """Readers that have all; a while after, so that late packets find them still there."""
        done = [r for r in self.readers.values() if r.download.done and self.world.now - r.heard > PATIENCE_S]
        for reader in done:
            del self.readers[reader.peer]
        return done


def some_reader(number: int, random: Random) -> Reader:
    """Three of four read a small file, the rest a middling one, as boot programs ask."""
    size = random.choice((0, 1, 511, 512, 700, 1428, 2000, random.randrange(60_000)))
    blksize, windowsize = random.choice((512, 1024, 1428)), random.choice((1, 1, 4, 16))
    return Reader(number, random.randbytes(size), blksize=blksize, windowsize=windowsize)


@pytest.mark.parametrize("seed", [7])
def test_every_read_over_a_bad_path_is_complete_and_correct(plane: Plane, seed: int) -> None:
    """5 % lost, 5 % doubled, 5 % out of order, each way: no byte wrong, nobody stuck, no session left over."""
    path = Path(plane, rate=0.05, seed=seed)
    started = done = 0
    while done < READS:
        while started < READS and len(path.readers) < AT_ONCE:
            path.begin(some_reader(started, path.random))
            started += 1
        try:
            path.step()
        except PeerError as error:
            pytest.fail(f"after {done} reads: {error}")
        for reader in path.finished():
            assert reader.download.content() == reader.content, reader.download.filename
            done += 1
        for reader in path.readers.values():
            assert path.world.now - reader.began < GIVEN_UP_S, f"read {reader.download.filename} is stuck"
    path.world.advance(60)
    assert len(path.world.reception.table) == 0
    counted = path.world.loop.stats.snapshot()
    print(
        f"{done} reads whole and correct, none stuck; { ({name: count for name, count in counted.items() if count}) }"
    )
    assert counted["completed"] > 0.99 * READS, "a client that has all may leave the server in doubt, rarely"
    assert counted["retransmits"] > READS / 2, "the path was bad indeed"
    assert (counted["faults"], counted["failed"], counted["over_unacked"]) == (0, 0, 0)


def test_over_a_good_path_nothing_is_sent_twice(plane: Plane) -> None:
    """The same readers, nothing lost: the retransmissions above are the path's."""
    path = Path(plane, rate=0.0, seed=1)
    for number in range(AT_ONCE):
        path.begin(some_reader(number, path.random))
    readers = list(path.readers.values())
    while path.readers:
        path.step()
        path.finished()
    assert all(reader.download.content() == reader.content for reader in readers)
    counted = path.world.loop.stats.snapshot()
    assert (counted["completed"], counted["retransmits"], counted["repeats"]) == (AT_ONCE, 0, 0)


class Relay(asyncio.DatagramProtocol):
    """A bad path between real sockets for one read: the client talks to its port, ``far`` is its side to the server."""

    def __init__(self, far: Far, *, rate: float, seed: int) -> None:
        self.far = far
        self.far.relay = self
        self.rate = rate
        self.random = Random(seed)
        self.client: Any = None
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.client = addr
        self.carry(lambda: self.far.to_server(data))

    def carry(self, arrive: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(self.random.choices((0, 1, 2), (self.rate, 1 - 2 * self.rate, self.rate))[0]):
            late = 0.005 if self.random.random() < self.rate else 0.0
            loop.call_later(late, lambda: None if self.transport.is_closing() else arrive())

    def close(self) -> None:
        self.far.transport.close()
        self.transport.close()


class Far(asyncio.DatagramProtocol):
    """Keeps to the port of the server that answered first, as a client does."""

    relay: Relay

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.transport: Any = None
        self.other: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def to_server(self, data: bytes) -> None:
        self.transport.sendto(data, self.server if data[1] == 1 else self.other)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.other = self.other or addr
        if addr == self.other:
            self.relay.carry(lambda: self.relay.transport.sendto(data, self.relay.client))
        elif not self.transport.is_closing():
            self.transport.sendto(STRANGER, addr)


def test_reads_through_a_bad_relay_are_complete_and_correct(serve: Callable[..., Any], root: FilePath) -> None:
    """The real server, the real client, real sockets; 5 % lost, doubled and late in each direction."""
    random = Random(3)
    files = {f"f{number}": random.randbytes(random.choice((0, 700, 1428, 20_000, 60_000))) for number in range(20)}
    for name, content in files.items():
        (root / name).write_bytes(content)
    patient = Pace(timeout_s=0.2, longest_wait_s=1.0, opening_sends=20, resends=50)
    served = serve(limits=Limits(pace=patient), on_event=None)

    async def relayed(number: int) -> None:
        loop, local = asyncio.get_running_loop(), ("127.0.0.1", 0)
        _, far = await loop.create_datagram_endpoint(lambda: Far(("127.0.0.1", served.port)), local_addr=local)
        transport, relay = await loop.create_datagram_endpoint(
            lambda: Relay(far, rate=0.05, seed=number), local_addr=local
        )
        port, name = transport.get_extra_info("sockname")[1], f"f{number % 20}"
        try:
            got = await read("127.0.0.1", port, name, windowsize=(1, 4, 16)[number % 3], timeout_s=0.2, retries=50)
        finally:
            relay.close()
        assert got == files[name], name

    async def reads() -> None:
        turns = asyncio.Semaphore(25)

        async def one(number: int) -> None:
            async with turns:
                await relayed(number)

        await asyncio.gather(*(one(number) for number in range(RELAYED)))

    asyncio.run(reads())
    counted = served.server.counters()
    print(f"{RELAYED} reads whole and correct; { ({name: count for name, count in counted.items() if count}) }")
    assert counted["faults"] == 0
    assert counted["retransmits"] > RELAYED / 10, "the path was bad indeed"
