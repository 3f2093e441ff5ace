"""A real server on a free port of the loopback, and a client that speaks in packets."""

from __future__ import annotations

import queue
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nearboot.tftp import Limits, Pace, TftpServer, TransferEvent
from nearboot.tftp.packet import Ack, Mode, Opcode, Packet, Request, encode, parse
from nearboot.tftp.store import StaticRoot

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
