"""What is under way is seen from outside: who reads what, how far, on which terms."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from nearboot.tftp import LiveState, ReadRequest, Stream

Fixture = Callable[..., Any]


def test_a_transfer_moves_before_the_watchers_eyes(serve: Fixture, connect: Fixture) -> None:
    """Opening after the OACK, sending after an ACK, gone after the last word."""
    served, before = serve(), datetime.now(UTC)
    wire = connect(served.port)
    wire.ask("kernel", ("blksize", "1000"), ("windowsize", "2"))
    wire.receive()
    (seen,) = served.server.transfers()
    assert (seen.client, seen.server, seen.filename) == (wire.sock.getsockname(), "127.0.0.1", "kernel")
    assert (seen.state, seen.size, seen.bytes_acked) == (LiveState.OPENING, 1_024_000, 0)
    assert (seen.blksize, seen.windowsize, seen.retransmits) == (1000, 2, 0)
    assert before - timedelta(seconds=1) < seen.started_at <= datetime.now(UTC) + timedelta(seconds=1)
    for acked, block in ((0, 2), (2, 4)):
        wire.ack(acked)
        while wire.receive().block != block:
            pass
    (seen,) = served.server.transfers()
    assert (seen.state, seen.bytes_acked) == (LiveState.SENDING, 2000)
    wire.send(b"\0\5\0\0enough\0")
    served.event()
    assert served.server.transfers() == ()


def test_a_request_that_waits_for_its_content_is_seen(serve: Fixture, connect: Fixture) -> None:
    """Its terms are not known yet; the defaults stand for them."""
    begun = threading.Event()

    async def handler(request: ReadRequest) -> bytes:
        begun.set()
        await asyncio.Event().wait()
        return b""

    served = serve(handler)
    wire = connect(served.port)
    wire.ask("slow")
    assert begun.wait(10)
    seen = served.server.transfers()
    assert [(each.filename, each.state, each.size) for each in seen] == [("slow", LiveState.WAITING, None)]


def test_a_stream_has_the_size_that_it_announces(serve: Fixture, connect: Fixture) -> None:
    """Without one, none: what was read so far is not its size."""

    async def handler(request: ReadRequest) -> Stream:
        return Stream(bytes, 5000 if request.filename == "sized" else None, lambda: None)

    served = serve(handler)
    for name, size in (("sized", 5000), ("endless", None)):
        wire = connect(served.port)
        wire.ask(name)
        wire.receive()
        (seen,) = [each for each in served.server.transfers() if each.filename == name]
        assert (seen.size, seen.state) == (size, LiveState.OPENING)


def test_the_cache_counts_what_it_had(serve: Fixture, connect: Fixture) -> None:
    """The first reader of a file brings it in, the second finds it."""
    served = serve()
    for hits, misses in ((0, 1), (1, 1)):
        wire = connect(served.port)
        wire.ask("cfg")
        wire.receive()
        counters = served.server.counters()
        assert (counters["cache_hits"], counters["cache_misses"]) == (hits, misses)
