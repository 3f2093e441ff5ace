"""Streams over real sockets: bounded memory, slow and broken sources, clients that vanish; and close, always once."""

from __future__ import annotations

import asyncio
import hashlib
import queue
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.errors import PeerError
from nearboot.tftp import Limits, Mode, Outcome, Pace, ReadRequest, Stream, Tally, read
from nearboot.tftp.content import FrameCache, to_netascii
from nearboot.tftp.options import Terms
from nearboot.tftp.packet import Data, Error, OptionAck
from nearboot.tftp.runner import Loop
from nearboot.tftp.session_runner import Session
from nearboot.tftp.store import open_source
from nearboot.tftp.stream_runner import Netascii, StreamFrames, StreamThreads
from nearboot.tftp.transfer import UNKNOWN, State, Transfer

Fixture = Callable[..., Any]
MEGABYTE = 1 << 20


class Source:
    """A stream that counts what is done to it; ``parts`` are given one after another, cut to what is asked."""

    def __init__(self, parts: Iterator[bytes], size: int | None = None) -> None:
        self.parts = parts
        self.size = size
        self.rest = b""
        self.closed: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.tallies: list[Tally] = []

    def read(self, count: int) -> bytes:
        self.rest = self.rest or next(self.parts, b"")
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def stream(self, size: int | None = None) -> Stream:
        return Stream(self.read, size, lambda: self.closed.put("closed"), self.tallies.append)

    def was_closed_once(self) -> bool:
        return self.closed.get(timeout=10) == "closed" and self.closed.empty()


def of(source: Source, size: int | None = None) -> Callable[[ReadRequest], Any]:
    async def handler(request: ReadRequest) -> Stream:
        return source.stream(size)

    return handler


def ended(data: bytes) -> Iterator[bytes]:
    yield data


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 65_000, 300_000])
@pytest.mark.parametrize("windowsize", [1, 5])
def test_all_sizes_arrive_whole(serve: Fixture, size: int, windowsize: int) -> None:
    """Empty, exact multiples of blksize, across parts; the event has the size that was found."""
    data = bytes(index * 7 % 251 for index in range(size))
    source = Source(ended(data))
    served = serve(of(source))
    got = asyncio.run(read("127.0.0.1", served.port, "x", blksize=512, windowsize=windowsize, timeout_s=5.0))
    assert got == data
    event = served.event()
    assert (event.outcome, event.size, event.bytes_sent, event.error) == (Outcome.COMPLETED, size, size, "")
    assert source.was_closed_once()
    assert source.tallies[0].state is State.COMPLETED
    blocks = size // 512 + 1
    options = 1 + (windowsize > 1)
    assert (source.tallies[0].packets_sent, source.tallies[0].packets_acked) == (blocks + 1, blocks + 1)
    assert len(source.tallies[0].options) == options


@pytest.mark.parametrize("windowsize", [4, 64])
def test_forty_megabytes_pass_through_little_memory(serve: Fixture, connect: Fixture, windowsize: int) -> None:
    """From a generator, with the size announced; block numbers stay below 65,536 at 1,428 bytes."""
    chunk = bytes(range(256)) * 4096
    source = Source(chunk for _ in range(40))
    served = serve(of(source, 40 * MEGABYTE))
    wire = connect(served.port)
    wire.sock.setsockopt(1, 8, 4 << 20)
    tracemalloc.start()
    try:
        wire.ask("big", ("blksize", "1428"), ("windowsize", str(windowsize)), ("tsize", "0"))
        answer = wire.receive()
        assert answer.options[-1] == ("tsize", str(40 * MEGABYTE))
        digest, got, block = hashlib.sha256(), 0, 0
        wire.ack(0)
        while True:
            packet = wire.receive()
            block += 1
            assert packet.block == block
            digest.update(packet.payload)
            got += len(packet.payload)
            is_last = len(packet.payload) < 1428
            if is_last or block % windowsize == 0:
                wire.ack(block)
            if is_last:
                break
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (got, digest.digest()) == (40 * MEGABYTE, hashlib.sha256(chunk * 40).digest())
    assert peak < 4 * MEGABYTE
    assert served.event().retransmits == 0
    assert source.was_closed_once()


def test_without_a_size_tsize_is_not_answered(serve: Fixture, connect: Fixture) -> None:
    """RFC 2349: nothing is better than a lie."""
    wire = connect(serve(of(Source(ended(b"abc")))).port)
    wire.ask("x", ("tsize", "0"), ("blksize", "600"))
    assert wire.receive() == OptionAck((("blksize", "600"),))
    wire.ack(0)
    assert wire.receive() == Data(1, b"abc")


def test_a_slow_source_sends_each_block_when_it_is_there(serve: Fixture, connect: Fixture) -> None:
    """Also within a window; nothing is sent twice while it is late, and the client is not given up."""
    feed: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    source = Source(iter(feed.get, None))
    served = serve(of(source), limits=Limits(pace=Pace(timeout_s=0.06, longest_wait_s=0.06, resends=50)))
    wire = connect(served.port)
    wire.ask("x", ("windowsize", "4"))
    assert isinstance(wire.receive(), OptionAck)
    wire.ack(0)
    for block in (1, 2):
        feed.put(bytes([block]) * 512)
        assert wire.receive() == Data(block, bytes([block]) * 512)
    wire.ack(2)
    feed.put(b"")
    while not (isinstance(packet := wire.receive(), Data) and packet.payload == b""):
        pass  # a window sent again, if this machine was slow
    assert packet.block == 3
    wire.ack(3)
    assert source.was_closed_once()


def test_time_spent_waiting_for_the_source_is_not_the_clients(serve: Fixture, connect: Fixture) -> None:
    """Three sends are all that an unknown client gets, but none were sent while there was nothing to send."""
    gate = threading.Event()

    def parts() -> Iterator[bytes]:
        gate.wait(10)
        yield b"late"

    sources = {"x": Source(parts()), "other": Source(ended(b"other"))}

    async def handler(request: ReadRequest) -> Stream:
        return sources[request.filename].stream()

    served = serve(handler, limits=Limits(pace=Pace(timeout_s=0.05, opening_sends=1)))
    ticking, wire = connect(served.port), connect(served.port)
    wire.ask("x")
    ticking.ask("other", ("blksize", "600"))
    assert isinstance(ticking.receive(), OptionAck)
    assert served.event().filename == "other"  # its OACK timed out: more time than one wait has gone by
    gate.set()
    assert wire.receive() == Data(1, b"late")


def test_an_error_in_the_middle_is_error_0_with_a_fixed_text(serve: Fixture, connect: Fixture) -> None:
    """What was read before it is still sent; no text of ours reaches the client."""

    def parts() -> Iterator[bytes]:
        yield b"a" * 1024
        raise RuntimeError("/srv/secret")

    source = Source(parts())
    served = serve(of(source))
    wire = connect(served.port)
    wire.ask("x")
    for block in (1, 2):
        assert wire.receive() == Data(block, b"a" * 512)
        wire.ack(block)
    assert wire.receive() == Error(0, "transfer failed")
    event = served.event()
    assert (event.outcome, "secret" in event.error) == (Outcome.FAILED, True)
    assert source.was_closed_once()
    assert source.tallies[0].state is State.FAILED


@pytest.mark.parametrize(("size", "said"), [(2000, "only 1000"), (999, "at least 1000")])
def test_a_stream_of_another_size_than_announced_fails(serve: Fixture, size: int, said: str) -> None:
    """A cut stream must not pass for a whole file."""
    source = Source(ended(b"x" * 1000))
    served = serve(of(source, size))
    with pytest.raises(PeerError, match="ERROR 0"):
        asyncio.run(read("127.0.0.1", served.port, "x", timeout_s=5.0))
    assert said in served.event().error
    assert source.was_closed_once()


def test_a_source_that_is_broken_from_the_start_is_closed(serve: Fixture) -> None:
    """Whether its error comes before the transfer begins, or behind."""

    def parts() -> Iterator[bytes]:
        raise RuntimeError("no such backend")
        yield b""

    for _ in range(20):
        source = Source(parts())
        served = serve(of(source))
        with pytest.raises(PeerError, match="ERROR 0: transfer failed"):
            asyncio.run(read("127.0.0.1", served.port, "x", timeout_s=5.0))
        assert source.was_closed_once()
        assert [tally.state for tally in source.tallies] == [State.FAILED]


def test_a_source_that_gives_nothing_is_given_up(serve: Fixture, connect: Fixture) -> None:
    """The client hears of it, and the stream is closed when its read returns at last."""
    gate = threading.Event()

    def parts() -> Iterator[bytes]:
        gate.wait(10)
        yield b"too late"

    source = Source(parts())
    served = serve(of(source), limits=Limits(pace=Pace(timeout_s=0.05, give_up_s=0.1)))
    wire = connect(served.port)
    wire.ask("x")
    assert wire.receive() == Error(0, "transfer failed")
    assert "gave nothing" in served.event().error
    assert source.closed.empty()
    gate.set()
    assert source.was_closed_once()


def test_a_client_that_vanishes_closes_the_stream(serve: Fixture, connect: Fixture) -> None:
    """By its closed port, and by silence."""
    gone, silent = Source(iter(lambda: b"x" * 512, b"")), Source(iter(lambda: b"x" * 512, b""))
    sources = {"gone": gone, "silent": silent}

    async def handler(request: ReadRequest) -> Stream:
        return sources[request.filename].stream()

    served = serve(handler, limits=Limits(pace=Pace(timeout_s=0.06, longest_wait_s=0.06)))
    wire = connect(served.port)
    wire.ask("gone")
    wire.receive()
    wire.ack(1)
    wire.receive()
    wire.sock.close()
    assert gone.was_closed_once()
    wire = connect(served.port)
    wire.ask("silent")
    wire.receive()
    assert silent.was_closed_once()
    assert {served.event().outcome, served.event().outcome} <= {Outcome.ABORTED_BY_CLIENT, Outcome.TIMED_OUT}


def test_a_clients_error_is_in_the_tally(serve: Fixture, connect: Fixture) -> None:
    """A size probe: what the code was."""
    source = Source(ended(b"x" * 5000), 5000)
    served = serve(of(source, 5000))
    wire = connect(served.port)
    wire.ask("x", ("tsize", "0"))
    wire.receive()
    wire.send(Error(8, "User aborted the transfer"))
    assert source.was_closed_once()
    (tally,) = source.tallies
    assert (tally.state, tally.error_code, tally.options) == (State.ABORTED, 8, (("tsize", "5000"),))
    assert (tally.packets_sent, tally.packets_acked, tally.bytes_sent) == (1, 0, 0)


def test_a_lost_window_is_sent_again_from_the_buffer(serve: Fixture, connect: Fixture) -> None:
    """The source is not read again: it cannot be."""
    data = bytes(range(256)) * 2000
    served = serve(of(Source(ended(data))), limits=Limits(pace=Pace(timeout_s=0.06, longest_wait_s=0.06)))
    wire = connect(served.port)
    wire.ask("x", ("blksize", "1024"), ("windowsize", "64"))
    wire.receive()
    wire.ack(0)
    first = [wire.receive() for _ in range(64)]
    wire.ack(40)
    again = [wire.receive() for _ in range(24)]
    assert [packet for packet in again if packet.block == 41][:1] == [first[40]]


def test_netascii_turns_line_ends_as_they_pass(serve: Fixture, connect: Fixture) -> None:
    """And has no size, since nobody knows it yet."""
    wire = connect(serve(of(Source(ended(b"a\nb\r" * 300), 1200), 1200)).port)
    wire.ask("x", ("tsize", "0"), ("blksize", "4000"), mode=Mode.NETASCII)
    assert wire.receive() == OptionAck((("blksize", "4000"),))
    wire.ack(0)
    assert wire.receive() == Data(1, b"a\r\nb\r\0" * 300)


@given(st.binary(max_size=400), st.lists(st.integers(1, 50), min_size=1))
def test_netascii_by_parts_is_netascii_of_the_whole(data: bytes, counts: list[int]) -> None:
    """However it is asked for."""
    source = Source(ended(data))
    reads = Netascii(source.read)
    got = b""
    while part := reads.read(counts[len(got) % len(counts)]):
        got += part
    assert got == to_netascii(data)


def test_a_stream_that_comes_too_late_is_closed(serve: Fixture, connect: Fixture) -> None:
    """Its client has asked for another file from the same port meanwhile."""
    gate, late = threading.Event(), Source(ended(b"late"))

    async def handler(request: ReadRequest) -> Stream | bytes:
        if request.filename == "next":
            return b"next"
        await asyncio.to_thread(gate.wait, 10)
        return late.stream()

    wire = connect(serve(handler).port)
    wire.ask("late")
    wire.ask("next")
    assert wire.receive() == Data(1, b"next")
    gate.set()
    assert late.was_closed_once()
    assert late.tallies == []


def test_a_fast_look_up_cannot_give_a_stream(serve: Fixture, connect: Fixture) -> None:
    """Nobody could read it: an ERROR, and the loop goes on."""
    wire = connect(serve(None, fast=lambda request: Source(ended(b"x")).stream()).port)
    wire.ask("x")
    assert isinstance(wire.receive(), Error)


class Channel:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.fd = 99
        self.control = None
        self.sent: list[bytes] = []

    def send(self, datagram: bytes, flags: int) -> int:
        self.sent.append(bytes(datagram))
        return len(datagram)

    def segment(self, size: int) -> int:
        return 64

    def address(self, view: memoryview) -> int:
        return 0

    def carry(self, session: object, deadline: float) -> None:
        """No wheel turns here."""


@pytest.mark.parametrize("size", [0, 5, 8, 20])
def test_a_source_faster_than_the_first_reply_ends_in_time(size: int) -> None:
    """The end is known before the transfer begins: its last ACK is the last."""
    source, loop = Source(ended(b"x" * size)), Loop()
    threads = StreamThreads()
    frames = FrameCache(1 << 20, open_source).frames(threads.opened(source.stream(), netascii=False), 8)
    assert isinstance(frames, StreamFrames)
    frames.begin(1)
    while frames.blocks == UNKNOWN:
        came = threading.Event()
        frames.when_ready(frames.ready + 1, came.set)
        assert came.wait(10)
    transfer = Transfer(frames.blocks, now=0.0, pace=Pace())
    session = Session(
        Channel(),  # type: ignore[arg-type]  # a fake of what a session calls
        transfer,
        frames,
        Terms(8),
        loop=loop,
        key=(("192.0.2.1", 2070), "192.0.2.2"),
        datagram=b"",
        request=ReadRequest("f", Mode.OCTET, {}, ("192.0.2.1", 2070), "192.0.2.2"),
        on_end=lambda session, now: None,
    )
    session.begin(0.0)
    for block in range(1, size // 8 + 2):
        assert not transfer.ended
        transfer.ack(block, 0.0)
    assert transfer.state is State.COMPLETED
    loop.close()
    threads.close()


def test_a_stop_closes_what_is_open_and_what_nobody_served() -> None:
    """Once each, whoever comes first: the stop, or the content's end."""
    threads, sources = StreamThreads(), [Source(ended(b"x")) for _ in range(3)]
    kept = threads.opened(sources[0].stream(), netascii=False)
    dropped = threads.opened(sources[1].stream(), netascii=False)
    del dropped
    assert sources[1].was_closed_once()
    threads.close()
    assert sources[0].was_closed_once()
    del kept
    assert sources[0].closed.empty()
    late = threads.opened(sources[2].stream(), netascii=False)
    del late
    assert sources[2].was_closed_once()
    threads.close()


def test_a_function_that_fails_ends_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the next stream is closed."""
    threads, source = StreamThreads(), Source(ended(b"x"))

    def broken() -> None:
        raise RuntimeError("close failed")

    threads.opened(Stream(source.read, None, broken), netascii=False)
    threads.opened(source.stream(), netascii=False)
    assert source.was_closed_once()
    threads.close()
    assert "a stream's function failed" in caplog.text
