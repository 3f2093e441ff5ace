"""A real server on a free port of the loopback, and a client that speaks in packets; a data plane on a fake clock."""

from __future__ import annotations

import os
import queue
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nearboot.tftp import Limits, Pace, TftpServer, TransferEvent
from nearboot.tftp.channel_runner import Channel
from nearboot.tftp.engine import Peer
from nearboot.tftp.packet import Ack, Mode, Opcode, Packet, Request, encode, parse
from nearboot.tftp.request_runner import Reception
from nearboot.tftp.session_runner import Local
from nearboot.tftp.stats import Stats
from nearboot.tftp.store import StaticRoot
from nearboot.tftp.wheel import Wheel

Serve = Callable[..., "Served"]
Connect = Callable[..., "Wire"]


class Served:
    """A running server and its events."""

    def __init__(self, server: TftpServer, events: queue.SimpleQueue[TransferEvent]) -> None:
        self.server = server
        self.port = server.port
        self._events = events

    def event(self) -> TransferEvent:
        """The next event; fails when none comes."""
        return self._events.get(timeout=10)

    def has_no_event(self) -> bool:
        return self._events.empty()


class Wire:
    """A UDP socket with packets for bytes; ``other`` is the server's transfer ID once it has answered."""

    def __init__(self, sock: socket.socket, server: tuple[str, int]) -> None:
        self.sock = sock
        self.server = server
        self.other: tuple[str, int] = server

    def ask(self, filename: str, *options: tuple[str, str], mode: Mode = Mode.OCTET) -> None:
        self.sock.sendto(encode(Request(Opcode.RRQ, filename, mode, options)), self.server)

    def send(self, packet: Packet | bytes) -> None:
        self.sock.sendto(packet if isinstance(packet, bytes) else encode(packet), self.other)

    def ack(self, block: int) -> None:
        self.send(Ack(block))

    def receive(self) -> Packet:
        datagram, sender = self.sock.recvfrom(65536)
        self.other = (sender[0], sender[1])
        return parse(datagram)

    def is_silent(self) -> bool:
        """Whether nothing has come; ask only after something later was answered, so that no time need pass."""
        self.sock.setblocking(False)
        try:
            self.sock.recvfrom(65536)
        except BlockingIOError:
            return True
        finally:
            self.sock.settimeout(10)
        return False


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory to serve."""
    path = tmp_path / "root"
    path.mkdir()
    (path / "cfg").write_bytes(b"DEFAULT linux\n" * 70)
    (path / "kernel").write_bytes(bytes(range(256)) * 4000)
    (path / "empty").write_bytes(b"")
    return path


@pytest.fixture
def serve(root: Path) -> Iterator[Serve]:
    """Start servers: of ``root``, or with a handler; on 127.0.0.1, or elsewhere."""
    with ExitStack() as stack:

        def start(handler: object = None, **settings: object) -> Served:
            events: queue.SimpleQueue[TransferEvent] = queue.SimpleQueue()
            static = StaticRoot(root)
            patient = Limits(pace=Pace(timeout_s=5.0))  # a busy machine must not look like a lost packet
            arguments: dict[str, object] = {
                "host": "127.0.0.1",
                "port": 0,
                "on_event": events.put,
                "limits": patient,
            }
            if handler is None:
                arguments["fast"] = static.lookup
            server = TftpServer(handler, **(arguments | settings))  # type: ignore[arg-type]  # test settings by name
            server.start()
            stack.callback(server.stop, grace_s=0.0)
            return Served(server, events)

        yield start


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open a Wire to a port: ``connect(served.port, host=..., source=...)``."""
    with ExitStack() as stack:

        def opened(port: int, *, host: str = "127.0.0.1", source: str | None = None, source_port: int = 0) -> Wire:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            sock.settimeout(10)
            sock.bind((source or ("::1" if family == socket.AF_INET6 else "127.0.0.1"), source_port))
            return Wire(sock, (host, port))

        yield opened


TICK_S = 0.05


class FakeLoop:
    """What sessions see of a loop, with no epoll and no clock behind it."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[[float], Any]] = {}
        self.wheel: Wheel[Any] = Wheel(0.0, TICK_S)
        self.stats = Stats()

    def keep_ticking(self) -> None:
        """The test's clock always ticks."""

    def watch_writable(self, fd: int, wanted: bool) -> None:
        """A fake send never blocks."""


class FakeChannel(Channel):
    """A channel whose sends go to the test; what it receives comes through a real descriptor, which sessions read."""

    def __init__(self, local: Local, peer: Peer, plane: FakePlane) -> None:
        self.local, self.peer = local, peer
        self.pair = plane.pairs.pop() if plane.pairs else plane.new_pair()
        self.fd = self.pair[0].fileno()
        self.sock = SimpleNamespace(setsockopt=self._set)  # type: ignore[assignment]  # all that is used
        self.send = self._sent  # type: ignore[assignment]  # a fake
        self.is_live = True
        self._plane = plane
        self._cut = 0
        self._segment = 0
        self._session = None
        self._unsent = (0, 0)
        self._timer_at = float("inf")
        self._loop = plane.loop  # type: ignore[assignment]  # a fake

    def _sent(self, data: memoryview, flags: int = 0) -> None:
        size = self._cut or len(data) or 1
        for at in range(0, len(data) or 1, size):
            self._plane.on_sent(self, bytes(data[at : at + size]))

    def _set(self, level: int, option: int, size: int) -> None:
        """UDP_SEGMENT is the only one: sends are cut so from here on."""
        self._cut = size

    def receive(self, datagram: bytes) -> None:
        """A datagram of the client arrives; dropped where the transfer is over, as the kernel would."""
        if self.is_live:
            self.pair[1].send(datagram)
            self._loop.readers[self.fd](self._plane.now)


class FakePlane:
    """The whole data plane but its sockets, on a clock that the test moves; also its own carriers.

    ``on_sent(channel, datagram)`` is called for each datagram that leaves.
    """

    def __init__(self, *, on_sent: Callable[[FakeChannel, bytes], None], **settings: Any) -> None:
        self.now = 0.0
        self.on_sent = on_sent
        self.made: list[tuple[socket.socket, socket.socket]] = []
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        """Those that no channel has now."""
        self.loop = FakeLoop()
        arguments: dict[str, Any] = {"limits": Limits(), "fast": None, "handlers": None, "wants_events": False}
        self.reception = Reception(self.loop, **(arguments | settings))  # type: ignore[arg-type]  # a fake loop
        self.reception.carriers = self  # type: ignore[assignment]  # a fake

    def request(self, datagram: bytes, peer: Peer) -> None:
        """A datagram arrives at the server port."""
        self.reception.on_datagram(datagram, peer, ("192.0.2.1", 0), self.now)

    def advance(self, seconds: float) -> None:
        """Let time pass, tick by tick."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(self.now + TICK_S, until)
            for item in self.loop.wheel.due(self.now):
                deadline = item.on_timer(self.now)
                if deadline is not None:
                    self.loop.wheel.add(item, deadline)
            self.reception.on_tick(self.now)

    def take(self, local: Local, peer: Peer, now: float, *, alone: bool) -> FakeChannel:
        return FakeChannel(local, peer, self)

    def mtu_blksize(self, local: Local, peer: Peer) -> int:
        return 1468

    def answer(self, local: Local, peer: Peer, datagram: bytes, now: float) -> None:
        channel = FakeChannel(local, peer, self)
        channel.send(datagram)
        self.release(channel, now)

    def release(self, channel: FakeChannel, now: float, *, is_clean: bool = False) -> None:
        if channel.is_live:
            channel.rest(now)
            channel.is_live = False
            self.pairs.append(channel.pair)

    def on_tick(self, now: float) -> None:
        """Nothing rests here."""

    def new_pair(self) -> tuple[socket.socket, socket.socket]:
        self.made.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
        return self.made[-1]

    def close(self) -> None:
        for one, other in self.made:
            one.close()
            other.close()


@pytest.fixture
def plane() -> Iterator[Callable[..., FakePlane]]:
    """Make fake data planes: ``plane(fast=lookup, on_sent=wire.append, limits=Limits())``."""
    made: list[FakePlane] = []

    def make(**settings: Any) -> FakePlane:
        made.append(FakePlane(**settings))
        return made[-1]

    yield make
    for each in made:
        each.on_sent = lambda channel, datagram: None
        each.reception.close("the test is over", each.now)
        each.close()


class Program:
    """A Python program of a test, as a process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def line(self) -> str:
        """The next line that it prints; fails where it ends instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            pytest.fail(f"the program has ended: {self.process.communicate(timeout=10)}")
        return line.rstrip("\n")

    def end(self, number: int | None = None) -> tuple[int, str, str]:
        """Wait for its end, after a signal where one is given: exit code, the rest of stdout, stderr."""
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    """Start programs: ``program(source)``, or ``program("-m", "nearboot.tftp", ...)``; ends them with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: object, env: dict[str, str] | None = None, **more: Any) -> Program:
        words = words if len(words) > 1 else ("-c", *words)
        command = [sys.executable, *(str(word) for word in words)]
        environment = {key: value for key, value in os.environ.items() if key != "NOTIFY_SOCKET"} | (env or {})
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, **more))
        return Program(started[-1])

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()  # its workers end with it
        process.communicate(timeout=60)


@pytest.fixture
def ended() -> Callable[[int], bool]:
    """Wait until a process that is not ours is gone: ``ended(pid)``."""

    def wait(pid: int) -> bool:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([fd], [], [], 30)[0])
        finally:
            os.close(fd)

    return wait
