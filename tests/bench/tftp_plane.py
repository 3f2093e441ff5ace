"""What the TFTP data plane costs above the bare system calls.

    python tests/bench/bench_tftp.py plane

Server and client take turns in one thread on the loopback, so that nothing waits and nothing is scheduled: the figures
are work alone. Ratios count, not microseconds: ``bare`` does the same packets with no state, no timers, no checks.
Here (2 cores, Python 3.11): an ACK in lock-step 1.3 to 1.5 times bare, for a window of 16 1.10, a whole 1 kB file 1.5
(look-up, admission and negotiation included), framing 6 to 9 times a plain read of
the file, once for each file and blksize.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nearboot.tftp import Limits, StaticRoot
from nearboot.tftp.content import FrameCache
from nearboot.tftp.packet import Mode, Opcode, Request, encode
from nearboot.tftp.request_runner import Reception
from nearboot.tftp.runner import Loop
from nearboot.tftp.store import file_content, open_source

ROUNDS = 7
BLKSIZE = 1428
HERE = ("127.0.0.1", 0)
Measure = Callable[[], float]
"""Gives seconds."""


def plane(folder: Path) -> dict[str, Any]:
    """Microseconds of each kind of work, ours and bare."""
    (folder / "image").write_bytes(os.urandom(8_000_000))
    (folder / "cfg").write_bytes(os.urandom(1000))
    measures: tuple[tuple[str, Measure, Measure], ...] = (
        ("ack, lock-step", lambda: acks(folder, 1), lambda: bare_acks(1)),
        ("ack, window 16", lambda: acks(folder, 16), lambda: bare_acks(16)),
        ("1 kB file", lambda: files(folder), bare_files),
        ("framing, per MB", lambda: framing(folder), lambda: copying(folder)),
    )
    return {name: {"us": best(ours) * 1e6, "bare_us": best(bare) * 1e6} for name, ours, bare in measures}


def as_text(result: dict[str, Any]) -> str:
    return "\n".join(
        f"{name:18} {each['us']:9.2f} µs   bare {each['bare_us']:9.2f} µs   ratio {each['us'] / each['bare_us']:.2f}"
        for name, each in result.items()
    )


def best(measure: Measure) -> float:
    """Seconds a unit, the least of the rounds: the machine's other work only ever adds."""
    return min(measure() for _ in range(ROUNDS))


class Client:
    """A socket that ACKs, and a reception in this thread for it."""

    def __init__(self, root: Path) -> None:
        self.loop = Loop()
        self.reception = Reception(
            self.loop, limits=Limits(), fast=StaticRoot(root).lookup, handlers=None, wants_events=False
        )

    def ask(self, sock: socket.socket, name: str, windowsize: int) -> None:
        options = (("blksize", str(BLKSIZE)), ("tsize", "0"), ("windowsize", str(windowsize)))
        datagram = encode(Request(Opcode.RRQ, name, Mode.OCTET, options[: 3 if windowsize > 1 else 2]))
        self.reception.on_datagram(datagram, sock.getsockname(), HERE, time.monotonic())
        _, peer = sock.recvfrom(2000)
        sock.connect(peer)

    def turn(self, sock: socket.socket) -> None:
        """The server's turn, without epoll: this client's session alone has something to read."""
        session = self.reception.table.get((sock.getsockname(), HERE[0]))
        assert session is not None
        self.loop.readers[session.channel.fd](time.monotonic())  # type: ignore[union-attr]  # not waiting

    def close(self) -> None:
        self.reception.close("done", time.monotonic())
        self.loop.close()


def client_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind(HERE)
    sock.settimeout(5)
    return sock


def acks(root: Path, windowsize: int) -> float:
    """Seconds from an ACK to the window sent for it."""
    client, spent, count = Client(root), 0.0, 0
    with client_socket() as sock:
        client.ask(sock, "image", windowsize)
        framed(client.reception.cache, root)
        session = client.reception.table.get((sock.getsockname(), HERE[0]))
        reader = client.loop.readers[session.channel.fd]  # type: ignore[union-attr]  # not waiting
        for block in range(0, 8_000_000 // BLKSIZE - windowsize, windowsize):
            sock.send(b"\0\4" + block.to_bytes(2, "big"))
            begun = time.perf_counter()
            reader(begun)
            spent += time.perf_counter() - begun
            count += 1
            for _ in range(windowsize):
                sock.recv(2000)
    client.close()
    return spent / count


def bare_acks(windowsize: int) -> float:
    """The same system calls: read four bytes, send a slice."""
    view, frame = memoryview(os.urandom(8_100_000)), BLKSIZE + 4
    spent, count = 0.0, 0
    with client_socket() as sock, client_socket() as server:
        server.connect(sock.getsockname())
        sock.connect(server.getsockname())
        server.setblocking(False)
        if windowsize > 1:
            server.setsockopt(socket.IPPROTO_UDP, 103, frame)
        fd = server.fileno()
        for block in range(0, 8_000_000 // BLKSIZE - windowsize, windowsize):
            sock.send(b"\0\4" + (block & 0xFFFF).to_bytes(2, "big"))
            begun = time.perf_counter()
            os.read(fd, 256)
            server.send(view[block * frame : (block + windowsize) * frame])
            spent += time.perf_counter() - begun
            count += 1
            for _ in range(windowsize):
                sock.recv(2000)
    return spent / count


def files(root: Path, count: int = 500) -> float:
    """Seconds of server work for a whole read of one block: request, OACK, ACK, DATA, ACK."""
    client, spent = Client(root), 0.0
    for _ in range(count):
        with client_socket() as sock:
            begun = time.perf_counter()
            client.ask(sock, "cfg", 1)
            spent += time.perf_counter() - begun
            for block in (0, 1):
                sock.send(b"\0\4" + block.to_bytes(2, "big"))
                begun = time.perf_counter()
                client.turn(sock)
                spent += time.perf_counter() - begun
                if block == 0:
                    sock.recv(2000)
    client.close()
    return spent / count


def bare_files(count: int = 500) -> float:
    """A socket made, bound, connected, two sends and two reads on it, closed."""
    spent = 0.0
    for _ in range(count):
        with client_socket() as sock:
            begun = time.perf_counter()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
                server.bind(HERE)
                server.connect(sock.getsockname())
                server.send(b"\0\6blksize\x001428\0tsize\x001000\0")
                _, peer = sock.recvfrom(2000)
                sock.connect(peer)
                sock.send(b"\0\4\0\0")
                server.recv(600)
                server.send(bytes(1004))
                sock.send(b"\0\4\0\1")
                server.recv(600)
                spent += time.perf_counter() - begun
    return spent / count


def framing(root: Path) -> float:
    """Seconds to frame a megabyte of a file that is in the page cache."""
    begun = time.perf_counter()
    framed(FrameCache(1 << 30, open_source), root)
    return (time.perf_counter() - begun) / 8


def framed(cache: FrameCache, root: Path) -> None:
    frames = cache.frames(file_content(root / "image"), BLKSIZE)
    block = 1
    while block <= frames.blocks:
        block = frames.segment(block).end


def copying(root: Path) -> float:
    """Seconds to read a megabyte of it into fresh memory."""
    begun = time.perf_counter()
    (root / "image").read_bytes()
    return (time.perf_counter() - begun) / 8
