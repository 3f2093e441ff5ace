"""The server as a whole: start, stop, events, many clients at once."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nearboot.tftp import Outcome, ReadRequest, StaticRoot, TftpServer, TransferEvent, read
from nearboot.tftp.packet import Data, Error, encode

Fixture = Callable[..., Any]


def test_many_clients_read_at_once(serve: Fixture, root: Path) -> None:
    """A hundred, of three files, each its own bytes; all events told."""
    files = {f"f{number}": os.urandom(200_000 + number) for number in range(3)}
    for name, content in files.items():
        (root / name).write_bytes(content)
    served = serve()

    async def everything() -> list[bytes]:
        reads = [
            read("127.0.0.1", served.port, f"f{number % 3}", windowsize=1 + number % 16, timeout_s=5.0)
            for number in range(100)
        ]
        return await asyncio.gather(*reads)

    for number, content in enumerate(asyncio.run(everything())):
        assert content == files[f"f{number % 3}"]
    outcomes = [served.event().outcome for _ in range(100)]
    assert outcomes.count(Outcome.COMPLETED) == 100
    assert served.server.counters()["faults"] == 0


def test_an_event_tells_the_whole_transfer(serve: Fixture, connect: Fixture, root: Path) -> None:
    """Who, what, how, how long."""
    served = serve()
    asyncio.run(read("127.0.0.1", served.port, "/cfg", blksize=600, windowsize=2))
    event = served.event()
    size = (root / "cfg").stat().st_size
    assert (event.filename, event.server, event.client[0]) == ("/cfg", "127.0.0.1", "127.0.0.1")
    assert (event.outcome, event.size, event.bytes_sent, event.error) == (Outcome.COMPLETED, size, size, "")
    assert (event.blksize, event.windowsize, event.retransmits) == (600, 2, 0)
    assert event.started_at.tzinfo is not None
    assert 0 <= event.duration_s < 10
    assert event.finished_at >= event.started_at


def test_counters_add_up(serve: Fixture) -> None:
    """What metrics are made of."""
    served = serve()
    asyncio.run(read("127.0.0.1", served.port, "kernel"))
    with pytest.raises(Exception, match="ERROR 1"):
        asyncio.run(read("127.0.0.1", served.port, "nope"))
    for _ in range(2):
        served.event()
    counters = served.server.counters()
    assert (counters["requests"], counters["completed"], counters["not_found"]) == (2, 1, 1)
    assert (counters["bytes_sent"], counters["active"]) == (1_024_000, 0)
    assert counters["cached_bytes"] > 1_024_000


def test_a_data_plane_that_is_stuck_does_not_respond(root: Path) -> None:
    """A fast look-up that blocks stops everything, which can be asked for; so does a stop."""
    static, begun, go_on = StaticRoot(root), threading.Event(), threading.Event()

    def fast(request: ReadRequest) -> Any:
        begun.set()
        go_on.wait(10)
        return static.lookup(request)

    server = TftpServer(None, host="127.0.0.1", port=0, fast=fast)
    assert not server.responds()
    with server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert server.responds(10)
        sock.sendto(b"\0\1cfg\0octet\0", ("127.0.0.1", server.port))
        assert begun.wait(10)
        assert not server.responds(0.01)
        go_on.set()
        assert server.responds(10)
        sock.sendto(b"\0\5\0\0x\0", ("127.0.0.1", server.port))
    assert not server.responds()


def test_stop_lets_transfers_end(root: Path) -> None:
    """No new ones are taken, the one under way is finished, and its event is told before stop returns."""
    events: list[TransferEvent] = []
    server = TftpServer(None, host="127.0.0.1", port=0, fast=StaticRoot(root).lookup, on_event=events.append)
    server.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(b"\0\1kernel\0octet\0", ("127.0.0.1", server.port))
        datagram, peer = sock.recvfrom(600)
        stopping = threading.Thread(target=server.stop, kwargs={"grace_s": 30.0})
        stopping.start()
        parts = []
        while True:
            parts.append(datagram[4:])
            sock.sendto(b"\0\4" + datagram[2:4], peer)
            if len(datagram) < 516:
                break
            datagram = sock.recv(600)
        stopping.join(timeout=20)
        assert not stopping.is_alive()
    assert b"".join(parts) == (root / "kernel").read_bytes()
    assert [event.outcome for event in events] == [Outcome.COMPLETED]
    with bound_again(server.port):
        pass


def bound_again(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    return sock


def test_stop_without_grace_fails_what_is_left_and_says_so(root: Path) -> None:
    """To the client by ERROR 0, to the events, and to a look-up that never ended."""
    events: list[TransferEvent] = []

    async def handler(request: ReadRequest) -> bytes:
        if request.filename == "never":
            await asyncio.Event().wait()
        return bytes(2000)

    server = TftpServer(handler, host="127.0.0.1", port=0, on_event=events.append)
    server.start()
    one, two = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    with one, two:
        one.settimeout(10)
        two.sendto(b"\0\1never\0octet\0", ("127.0.0.1", server.port))
        one.sendto(b"\0\1some\0octet\0", ("127.0.0.1", server.port))
        assert one.recv(600) == encode(Data(1, bytes(512)))
        server.stop(grace_s=0.0)
        assert one.recv(600) == encode(Error(0, "transfer failed"))
    assert sorted((event.filename, event.outcome, event.error) for event in events) == sorted(
        [("never", Outcome.FAILED, "the server stopped"), ("some", Outcome.FAILED, "the server stopped")],
        key=lambda row: row[0],
    )


def test_stop_twice_and_stop_without_start_are_harmless(root: Path) -> None:
    """As a ``finally`` may do."""
    server = TftpServer(StaticRoot(root).read, host="127.0.0.1", port=0, on_event=print)
    server.stop()
    server.stop()
    with TftpServer(None, host="127.0.0.1", port=0, fast=StaticRoot(root).lookup) as other:
        assert other.port > 0
    other.stop()


def test_a_port_in_use_is_an_oserror_and_leaves_nothing_open(root: Path) -> None:
    """At construction, before any thread."""
    threads = threading.active_count()
    with (
        TftpServer(StaticRoot(root).read, host="127.0.0.1", port=0) as server,
        pytest.raises(OSError, match="in use"),
    ):
        TftpServer(StaticRoot(root).read, host="127.0.0.1", port=server.port, on_event=print)
    assert threading.active_count() == threads


def test_without_a_handler_what_fast_does_not_know_is_not_found(root: Path) -> None:
    """ERROR 1."""
    with (
        TftpServer(None, host="127.0.0.1", port=0, fast=lambda request: None) as server,
        pytest.raises(Exception, match="ERROR 1"),
    ):
        asyncio.run(read("127.0.0.1", server.port, "x"))


def test_events_do_not_hold_up_the_data(root: Path) -> None:
    """A receiver that blocks: reads go on, and stop waits until it has heard all."""
    release, seen = threading.Event(), []

    def on_event(event: TransferEvent) -> None:
        release.wait(10)
        seen.append(event.filename)

    server = TftpServer(None, host="127.0.0.1", port=0, fast=StaticRoot(root).lookup, on_event=on_event)
    server.start()
    for _ in range(5):
        asyncio.run(read("127.0.0.1", server.port, "cfg"))
    assert seen == []
    release.set()
    server.stop()
    assert seen == ["cfg"] * 5
