"""Requests at the server port, and what answers them, over real sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nearboot.errors import ProtocolError
from nearboot.tftp import FileContent, Limits, Mode, Outcome, ReadRequest
from nearboot.tftp.packet import Ack, Data, Error, Opcode, OptionAck, Request, encode
from nearboot.tftp.request_runner import refusal

Fixture = Callable[..., Any]


def test_the_handlers_bytes_are_served(serve: Fixture, connect: Fixture) -> None:
    """A rendered configuration; the handler sees who asked what, with options in order."""
    seen: list[ReadRequest] = []

    async def handler(request: ReadRequest) -> bytes:
        seen.append(request)
        return b"hello"

    wire = connect(serve(handler).port)
    wire.ask("menu.ipxe", ("BLKSIZE", "600"), ("tsize", "0"))
    assert wire.receive() == OptionAck((("blksize", "600"), ("tsize", "5")))
    wire.ack(0)
    assert wire.receive() == Data(1, b"hello")
    wire.ack(1)
    assert seen == [
        ReadRequest("menu.ipxe", Mode.OCTET, {"blksize": "600", "tsize": "0"}, wire.sock.getsockname()[:2], "127.0.0.1")
    ]
    assert list(seen[0].options) == ["blksize", "tsize"]


def test_a_handlers_file_is_served(serve: Fixture, connect: Fixture, root: Path) -> None:
    """By path and identity."""
    status = (root / "cfg").stat()

    async def handler(request: ReadRequest) -> FileContent:
        return FileContent(str(root / "cfg"), status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)

    wire = connect(serve(handler).port)
    wire.ask("x")
    assert wire.receive() == Data(1, (root / "cfg").read_bytes()[:512])


ERRORS = [
    pytest.param(FileNotFoundError("/srv/secret"), 1, Outcome.NOT_FOUND, id="not-found"),
    pytest.param(PermissionError("/srv/secret"), 2, Outcome.REFUSED, id="denied"),
    pytest.param(RuntimeError("/srv/secret"), 0, Outcome.FAILED, id="anything-else"),
    pytest.param(OSError(5, "I/O error", "/srv/secret"), 0, Outcome.FAILED, id="disk"),
]


@pytest.mark.parametrize("kind", ["handler", "fast"])
@pytest.mark.parametrize(("error", "code", "outcome"), ERRORS)
def test_errors_become_codes_and_no_path_leaks(
    serve: Fixture, connect: Fixture, *, kind: str, error: Exception, code: int, outcome: Outcome
) -> None:
    """U-Boot stops at ERROR 1 and 2 and begins again at any other; consoles show the text."""

    async def handler(request: ReadRequest) -> bytes:
        raise error

    def fast(request: ReadRequest) -> bytes:
        raise error

    served = serve(handler) if kind == "handler" else serve(handler, fast=fast)
    wire = connect(served.port)
    wire.ask("x")
    answer = wire.receive()
    assert isinstance(answer, Error)
    assert answer.code == code
    assert "secret" not in answer.message
    event = served.event()
    assert (event.outcome, event.filename, event.size) == (outcome, "x", None)
    assert "secret" in event.error or "I/O" in event.error


def test_what_a_handler_may_not_return_fails_the_request(serve: Fixture, connect: Fixture) -> None:
    """Our bug, told as ERROR 0, and the loop goes on."""

    async def handler(request: ReadRequest) -> Any:
        return "text"

    served = serve(handler)
    wire = connect(served.port)
    wire.ask("x")
    assert isinstance(wire.receive(), Error)
    assert "str" in served.event().error


def test_fast_leaves_to_the_handler_what_it_does_not_know(serve: Fixture, connect: Fixture) -> None:
    """None from the one is a question to the other."""

    async def handler(request: ReadRequest) -> bytes:
        return b"slow"

    wire = connect(serve(handler, fast=lambda request: b"fast" if request.filename == "f" else None).port)
    wire.ask("f")
    assert wire.receive() == Data(1, b"fast")
    other = connect(wire.server[1])
    other.ask("s")
    assert other.receive() == Data(1, b"slow")


def test_a_slow_handler_holds_up_nobody_and_repeats_wait_with_it(serve: Fixture, connect: Fixture) -> None:
    """Clients ask again after 0.1 s; that must not start the look-up again."""
    release, calls = threading.Event(), []

    async def handler(request: ReadRequest) -> bytes:
        calls.append(request.filename)
        if request.filename == "slow":
            await asyncio.to_thread(release.wait, 10)
        return request.filename.encode()

    served = serve(handler)
    slow, quick = connect(served.port), connect(served.port)
    slow.ask("slow")
    slow.ask("slow")
    quick.ask("quick")
    assert quick.receive() == Data(1, b"quick")
    release.set()
    assert slow.receive() == Data(1, b"slow")
    assert sorted(calls) == ["quick", "slow"]
    assert served.server.counters()["repeats"] == 1


def test_a_new_request_takes_the_place_of_a_look_up(serve: Fixture, connect: Fixture) -> None:
    """The client has given the first one up; its late answer goes nowhere."""
    release = threading.Event()

    async def handler(request: ReadRequest) -> bytes:
        if request.filename == "slow":
            await asyncio.to_thread(release.wait, 10)
        return request.filename.encode()

    served = serve(handler)
    wire = connect(served.port)
    wire.ask("slow")
    wire.ask("next")
    assert wire.receive() == Data(1, b"next")
    release.set()
    wire.ack(1)
    assert [served.event().outcome for _ in range(2)] == [Outcome.ABORTED_BY_CLIENT, Outcome.COMPLETED]
    assert wire.is_silent()


def test_a_repeated_request_gets_the_first_reply_again_from_the_same_port(serve: Fixture, connect: Fixture) -> None:
    """The reply was lost, or slow: one transfer, not two."""
    served = serve()
    wire = connect(served.port)
    wire.ask("cfg", ("tsize", "0"))
    first, port = wire.receive(), wire.other
    wire.ask("cfg", ("tsize", "0"))
    assert (wire.receive(), wire.other) == (first, port)
    assert served.server.counters()["active"] == 1


def test_a_request_from_the_port_of_a_moving_transfer_starts_anew(serve: Fixture, connect: Fixture) -> None:
    """Port reuse by U-Boot and UNDI: the old transfer ends, the new one comes from another port."""
    served = serve()
    wire = connect(served.port)
    wire.ask("kernel")
    assert isinstance(wire.receive(), Data)
    wire.ack(1)
    assert wire.receive() == Data(2, bytes(range(256)) * 2)
    wire.ask("cfg")
    answer = wire.receive()
    assert isinstance(answer, Data)
    assert answer.block == 1
    assert answer.payload.startswith(b"DEFAULT")
    event = served.event()
    assert (event.outcome, event.filename) == (Outcome.ABORTED_BY_CLIENT, "kernel")
    assert served.server.counters()["replaced"] == 1


def test_ports_used_one_after_the_other_serve_the_same_client_port(serve: Fixture, connect: Fixture) -> None:
    """Fifty reads from one port, each complete."""
    served = serve()
    wire = connect(served.port)
    for _ in range(50):
        wire.ask("empty")
        assert wire.receive() == Data(1, b"")
        wire.ack(1)
        assert served.event().outcome is Outcome.COMPLETED


def test_a_write_request_is_refused_with_error_2(serve: Fixture, connect: Fixture) -> None:
    """Read-only; U-Boot's tftpput stops at 2."""
    served = serve()
    wire = connect(served.port)
    wire.send(Request(Opcode.WRQ, "upload", Mode.OCTET))
    answer = wire.receive()
    assert isinstance(answer, Error)
    assert answer.code == 2
    event = served.event()
    assert (event.outcome, event.filename) == (Outcome.REFUSED, "upload")


def test_other_packets_at_the_server_port_get_silence(serve: Fixture, connect: Fixture) -> None:
    """No reflector: DATA, ACK, ERROR, OACK, garbage and an empty datagram are dropped."""
    served = serve()
    stray = connect(served.port)
    for datagram in (encode(Data(1, b"x")), encode(Ack(1)), encode(Error(0, "x")), b"\0\6a\0b\0", b"junk", b"", b"\0"):
        stray.send(datagram)
    wire = connect(served.port)
    wire.ask("empty")
    assert wire.receive() == Data(1, b"")
    assert stray.is_silent()
    assert served.server.counters()["unexpected"] == 7


@pytest.mark.parametrize("datagram", [b"\0\1no-mode", b"\0\1a\0binary\0", b"\0\1a\0octet\0blksize\0"])
def test_a_broken_request_gets_error_4(serve: Fixture, connect: Fixture, datagram: bytes) -> None:
    """The client hears that it is at fault."""
    served = serve()
    wire = connect(served.port)
    wire.send(datagram)
    answer = wire.receive()
    assert isinstance(answer, Error)
    assert answer.code == 4
    assert served.server.counters()["malformed"] == 1


def test_netascii_is_converted_and_has_no_windows(serve: Fixture, connect: Fixture) -> None:
    """RFC 1350; tsize is the size on the wire."""

    async def handler(request: ReadRequest) -> bytes:
        return b"a\nb\r"

    wire = connect(serve(handler).port)
    wire.ask("x", ("tsize", "0"), ("windowsize", "4"), mode=Mode.NETASCII)
    assert wire.receive() == OptionAck((("tsize", "6"),))
    wire.ack(0)
    assert wire.receive() == Data(1, b"a\r\nb\r\0")


def test_mode_mail_is_refused(serve: Fixture, connect: Fixture) -> None:
    """RFC 1350 calls it obsolete."""
    wire = connect(serve().port)
    wire.ask("cfg", mode=Mode.MAIL)
    answer = wire.receive()
    assert isinstance(answer, Error)
    assert answer.code == 4


def test_requests_over_the_cap_are_dropped(serve: Fixture, connect: Fixture) -> None:
    """In silence: the client asks again later, and U-Boot would loop on an ERROR."""
    served = serve(limits=Limits(sessions_per_client=2))
    wires = [connect(served.port) for _ in range(3)]
    for wire in wires:
        wire.ask("kernel")
    assert [isinstance(wire.receive(), Data) for wire in wires[:2]] == [True, True]
    other = connect(served.port, source="127.0.0.9")
    other.ask("empty")
    assert other.receive() == Data(1, b"")
    assert wires[2].is_silent()
    assert served.server.counters()["over_client"] == 1


def test_a_file_that_is_replaced_is_served_anew(serve: Fixture, connect: Fixture, root: Path) -> None:
    """Revalidated at each request, without a restart."""
    served = serve()
    for content in (b"one", b"two!", b"3"):
        (root / "new").write_bytes(content)
        (root / "new").replace(root / "state")
        wire = connect(served.port)
        wire.ask("state")
        assert wire.receive() == Data(1, content)
        wire.ack(1)


REFUSALS = [
    pytest.param(NotADirectoryError(20, "x"), Outcome.NOT_FOUND, id="a-file-as-a-directory"),
    pytest.param(OSError(36, "File name too long"), Outcome.NOT_FOUND, id="name-too-long"),
    pytest.param(OSError(40, "Too many symbolic links"), Outcome.REFUSED, id="symlink-swapped-in"),
    pytest.param(ProtocolError("x"), Outcome.REFUSED, id="mode"),
    pytest.param(OSError(24, "Too many open files"), Outcome.FAILED, id="out-of-files"),
]


@pytest.mark.parametrize(("error", "outcome"), REFUSALS)
def test_refusals(error: Exception, outcome: Outcome) -> None:
    """The kind of no, by errno where the class does not tell."""
    assert refusal(error)[0] is outcome
