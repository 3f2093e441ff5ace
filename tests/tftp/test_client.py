"""``read`` against our server, against nobody, and among strangers."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nearboot.errors import PeerError, ProtocolError
from nearboot.tftp import read, read_to
from nearboot.tftp.packet import Ack, Data, Error, OptionAck, encode, parse

Fixture = Callable[..., Any]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
@pytest.mark.parametrize(("blksize", "windowsize"), [(512, 1), (1428, 16), (65464, 4)])
def test_a_file_is_read(serve: Fixture, root: Path, host: str, blksize: int, windowsize: int) -> None:
    """Both families, by address and by name."""
    content = os.urandom(700_001)
    (root / "image").write_bytes(content)
    served = serve(host="127.0.0.1" if host == "127.0.0.1" else "::")
    got = asyncio.run(read(host, served.port, "image", blksize=blksize, windowsize=windowsize))
    assert got == content
    assert served.event().bytes_sent == len(content)


def test_a_missing_file_is_a_peer_error(serve: Fixture) -> None:
    """The server's own word."""
    with pytest.raises(PeerError, match="ERROR 1"):
        asyncio.run(read("127.0.0.1", serve().port, "nope"))


def test_silence_is_a_peer_error_after_the_retries() -> None:
    """Each try waits twice as long."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        with pytest.raises(PeerError, match="no reply to 3 packets"):
            asyncio.run(read("127.0.0.1", mute.getsockname()[1], "f", timeout_s=0.01, retries=2))
        mute.setblocking(False)
        assert len({mute.recv(1000) for _ in range(3)}) == 1


def test_a_name_that_does_not_resolve_is_a_peer_error() -> None:
    """Said by name."""
    with pytest.raises(PeerError, match="no such host"):
        asyncio.run(read("no such host", 69, "f"))


class Script:
    """A server that follows ``play(sock, client)`` in a thread."""

    def __init__(self, play: Callable[[socket.socket, Any], None]) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(10)
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=lambda: play(self.sock, self.sock.recvfrom(1000)[1]))

    def __enter__(self) -> Script:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.thread.join()
        self.sock.close()


def test_a_stranger_gets_error_5_and_the_transfer_goes_on() -> None:
    """RFC 1350 section 4."""
    told: list[object] = []

    def play(sock: socket.socket, client: Any) -> None:
        sock.sendto(encode(OptionAck((("tsize", "3"),))), client)
        assert parse(sock.recv(100)) == Ack(0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.settimeout(10)
            stranger.sendto(encode(Data(1, b"bad")), client)
            told.append(parse(stranger.recv(100)))
        sock.sendto(encode(Data(1, b"abc")), client)
        assert parse(sock.recv(100)) == Ack(1)

    with Script(play) as server:
        assert asyncio.run(read("127.0.0.1", server.port, "f")) == b"abc"
    assert isinstance(told[0], Error)
    assert told[0].code == 5


def test_a_broken_oack_is_told_to_the_server() -> None:
    """ERROR 8, as EDK2 and U-Boot do."""
    told: list[object] = []

    def play(sock: socket.socket, client: Any) -> None:
        sock.sendto(encode(OptionAck((("blksize", "9000"),))), client)
        told.append(parse(sock.recv(100)))

    with Script(play) as server, pytest.raises(ProtocolError, match="blksize=9000"):
        asyncio.run(read("127.0.0.1", server.port, "f"))
    assert isinstance(told[0], Error)
    assert told[0].code == 8


def test_a_peer_that_repeats_itself_is_given_up() -> None:
    """Packets without progress do not put the time-out off."""

    def play(sock: socket.socket, client: Any) -> None:
        for _ in range(200):
            sock.sendto(encode(Data(1, bytes(512))), client)
            sock.recv(100)
            if stopped.is_set():
                return

    stopped = threading.Event()
    with Script(play) as server:
        with pytest.raises(PeerError, match="no further DATA"):
            asyncio.run(read("127.0.0.1", server.port, "f", timeout_s=0.02, retries=0))
        stopped.set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"end", ("127.0.0.1", server.port))


def test_a_file_is_streamed_and_its_progress_told(serve: Fixture, root: Path) -> None:
    """Block by block to the sink, nothing held; the size is known from the first call on."""
    content = os.urandom(100_000)
    (root / "image").write_bytes(content)
    parts: list[bytes] = []
    told: list[tuple[int, int | None]] = []
    done = asyncio.run(
        read_to(
            parts.append,
            "127.0.0.1",
            serve().port,
            "image",
            windowsize=8,
            on_progress=lambda *progress: told.append(progress),
        )
    )
    assert b"".join(parts) == content
    assert (done.received_bytes, done.blksize, done.windowsize, done.content()) == (100_000, 1428, 8, b"")
    assert told[0] == (0, 100_000)
    assert told[-1] == (100_000, 100_000)
    assert [received for received, _ in told] == sorted(received for received, _ in told)


def test_a_sink_that_fails_ends_the_read(serve: Fixture) -> None:
    """A full disk is the caller's to tell; the server hears at once that nobody reads any more."""
    served = serve()

    def full(data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        asyncio.run(read_to(full, "127.0.0.1", served.port, "kernel"))
    assert "aborted by the client" in served.event().error
