"""Single-port mode: all of a transfer goes over the server's port; real clients, one worker and two."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nearboot.tftp import Limits, Outcome, Pace
from nearboot.tftp.carrier_runner import Carriers
from nearboot.tftp.listener_runner import prepare
from nearboot.tftp.one_port_runner import OnePort
from nearboot.tftp.packet import Ack, Data, Error, Mode, Opcode, OptionAck, Request, encode, parse
from nearboot.tftp.runner import Loop

Start = Callable[..., Any]


@pytest.fixture(params=["1", "2"])
def port(request: pytest.FixtureRequest, program: Start, root: Path) -> int:
    """A server in single-port mode."""
    words = ["--host", "127.0.0.1", "--port", 0, "--single-port", "--workers", request.param]
    started = program("-m", "nearboot.tftp", root, *words)
    found = re.search(r" port=(\d+) ", started.line())
    assert found
    return int(found[1])


def fetch(words: list[str]) -> None:
    subprocess.run(words, timeout=120, check=True, capture_output=True)


CLIENTS: dict[str, Callable[[str, str, str], list[str]]] = {
    "curl": lambda port, name, out: ["curl", "-sSf", "-o", out, f"tftp://127.0.0.1:{port}/{name}"],
    "atftp": lambda port, name, out: ["atftp", "-g", "-r", name, "-l", out, "127.0.0.1", port],
    "atftp, windows": lambda port, name, out: [
        *["atftp", "--option", "blksize 1428", "--option", "windowsize 16"],
        *["-g", "-r", name, "-l", out, "127.0.0.1", port],
    ],
    "tftp-hpa": lambda port, name, out: ["tftp", "-m", "binary", "127.0.0.1", port, "-c", "get", name, out],
    "busybox": lambda port, name, out: ["busybox", "tftp", "-g", "-r", name, "-l", out, "127.0.0.1", port],
}


@pytest.mark.parametrize("client", CLIENTS)
def test_real_clients_fetch_over_the_one_port(port: int, root: Path, tmp_path: Path, client: str) -> None:
    """Of one block and of many."""
    for name in ("cfg", "kernel"):
        fetch(CLIENTS[client](str(port), name, str(tmp_path / "out")))
        assert (tmp_path / "out").read_bytes() == (root / name).read_bytes()


def test_all_of_a_transfer_comes_from_the_port_that_was_asked(port: int, root: Path) -> None:
    """A connected socket is the strictest firewall: it drops whatever comes from another port."""
    for _ in range(8):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.connect(("127.0.0.1", port))
            sock.send(encode(Request(Opcode.RRQ, "kernel", Mode.OCTET, (("blksize", "1428"),))))
            assert sock.recv(2000)[:2] == b"\0\6"
            sock.send(encode(Ack(0)))
            content = b""
            while True:
                block = parse(sock.recv(2000))
                assert isinstance(block, Data)
                content += block.payload
                sock.send(encode(Ack(block.block)))
                if len(block.payload) < 1428:
                    break
        assert content == (root / "kernel").read_bytes()


def test_errors_come_from_it_too(port: int) -> None:
    """A missing file."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.connect(("127.0.0.1", port))
        sock.send(encode(Request(Opcode.RRQ, "nope", Mode.OCTET, ())))
        assert sock.recv(2000)[:4] == b"\0\5\0\1"


def test_a_transfer_under_way_ends_whole_after_a_stop(program: Start, root: Path) -> None:
    """The port stays open for its ACKs, and no new transfer begins."""
    words = ["--host", "127.0.0.1", "--port", 0, "--single-port", "--workers", 2, "--grace-s", "60"]
    started = program("-m", "nearboot.tftp", root, *words)
    found = re.search(r" port=(\d+) ", started.line())
    assert found
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.connect(("127.0.0.1", int(found[1])))
        sock.send(encode(Request(Opcode.RRQ, "kernel", Mode.OCTET, ())))
        content = b""
        datagram = sock.recv(2000)
        started.process.send_signal(signal.SIGTERM)
        while True:
            block = parse(datagram)
            assert isinstance(block, Data)
            content += block.payload
            sock.send(encode(Ack(block.block)))
            if len(block.payload) < 512:
                break
            datagram = sock.recv(2000)
    assert content == (root / "kernel").read_bytes()
    assert started.end()[0] == 0


ONE_PORT = Limits(single_port=True, pace=Pace(timeout_s=5.0))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.3", "::1"])
@pytest.mark.parametrize("windowsize", ["1", "16"])
def test_on_a_wildcard_replies_leave_from_the_address_asked(
    serve: Start, connect: Start, root: Path, address: str, windowsize: str
) -> None:
    """IPv4 clients of a socket for both families too, and windows that the kernel cuts."""
    (root / "image").write_bytes(bytes(range(256)) * 300)
    served = serve(host="::", limits=ONE_PORT)
    wire = connect(served.port, host=address)
    wire.sock.connect((address, served.port))
    wire.sock.send(encode(Request(Opcode.RRQ, "image", Mode.OCTET, (("blksize", "1024"), ("windowsize", windowsize)))))
    assert wire.sock.recv(2000)[:2] == b"\0\6"
    wire.sock.send(encode(Ack(0)))
    content = b""
    while len(content) < 300 * 256:
        for _ in range(min(int(windowsize), 76 - len(content) // 1024)):
            block = parse(wire.sock.recv(2000))
            assert isinstance(block, Data)
            content += block.payload
        wire.sock.send(encode(Ack(block.block)))
        if block.block == 75:
            break
    assert content == (root / "image").read_bytes()[: len(content)]
    assert served.server.counters()["faults"] == 0


def test_a_request_that_comes_twice_begins_one_transfer(serve: Start, connect: Start) -> None:
    """At the port of transfers it is a request still."""
    served = serve(limits=ONE_PORT)
    wire = connect(served.port)
    for _ in range(2):
        wire.ask("kernel", ("blksize", "1024"))
        assert isinstance(wire.receive(), OptionAck)
    wire.ack(0)
    assert wire.receive().block == 1
    counted = served.server.counters()
    assert (counted["requests"], counted["repeats"], counted["active"]) == (2, 1, 1)


def test_a_client_may_ask_something_else_from_its_port(serve: Start, connect: Start) -> None:
    """U-Boot and old ROMs come back with few ports: at once, and in the middle of a transfer."""
    served = serve(limits=ONE_PORT)
    wire = connect(served.port)
    wire.ask("kernel", ("blksize", "1024"))
    wire.receive()
    wire.ack(0)
    wire.receive()
    for _ in range(3):
        wire.ask("cfg", ("blksize", "1024"))
        assert isinstance(wire.receive(), OptionAck)
        wire.ack(0)
        assert wire.receive() == Data(1, b"DEFAULT linux\n" * 70)
        wire.ack(1)
    assert {served.event().outcome for _ in range(4)} == {Outcome.ABORTED_BY_CLIENT, Outcome.COMPLETED}


def test_a_client_port_has_one_transfer_whatever_address_it_asked(serve: Start, connect: Start) -> None:
    """Nothing else tells them apart: the second is refused, the first goes on."""
    served = serve(host="0.0.0.0", limits=ONE_PORT)
    wire = connect(served.port)
    wire.ask("kernel", ("blksize", "1024"))
    wire.receive()
    wire.sock.sendto(encode(Request(Opcode.RRQ, "cfg", Mode.OCTET, ())), ("127.0.0.9", served.port))
    assert isinstance(wire.receive(), Error)
    wire.other = wire.server
    wire.ack(0)
    assert wire.receive().block == 1


def passed(host: str) -> socket.socket:
    """A server's socket, for one family alone."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    prepare(sock)
    sock.bind((host, 0))
    return sock


@pytest.mark.parametrize(
    ("hosts", "asked"),
    [
        pytest.param(("::", "0.0.0.0"), ("::1", "127.0.0.1"), id="a socket for each family"),
        pytest.param(("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), id="two ports at an address"),
        pytest.param(("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), id="a wildcard address and one within"),
    ],
)
def test_replies_leave_by_the_socket_that_was_asked(
    serve: Start, connect: Start, hosts: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    """systemd passes several: of one family each (BindIPv6Only=ipv6-only), or at two ports."""
    sockets = [passed(host) for host in hosts]
    ports = [sock.getsockname()[1] for sock in sockets]
    serve(limits=ONE_PORT, sockets=sockets)
    for host, port in zip(asked, ports, strict=True):
        wire = connect(port, host=host)
        wire.sock.connect((host, port))
        for name, first in (("cfg", b"\0\6"), ("nope", b"\0\5")):
            wire.sock.send(encode(Request(Opcode.RRQ, name, Mode.OCTET, (("blksize", "1024"),))))
            assert wire.sock.recv(2000)[:2] == first


def test_carriers_close_their_ports_once() -> None:
    """A last tick may come twice before a loop ends."""
    loop = Loop()
    carriers = Carriers(loop, lambda *_: None)
    carriers.one_ports = (OnePort(passed("127.0.0.1"), loop, lambda *_: None),)
    for _ in range(2):
        carriers.close()
    loop.close()


def test_a_server_at_a_mapped_address_serves_over_one_port(serve: Start, connect: Start) -> None:
    """Its clients stay mapped, as its own address is."""
    served = serve(host="::ffff:127.0.0.1", limits=ONE_PORT)
    wire = connect(served.port)
    wire.ask("cfg", ("blksize", "1024"))
    assert isinstance(wire.receive(), OptionAck)
    wire.ack(0)
    assert wire.receive() == Data(1, b"DEFAULT linux\n" * 70)
    wire.ack(1)
    assert served.event().outcome is Outcome.COMPLETED


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_client_that_closes_its_port_is_noticed(serve: Start, connect: Start, address: str) -> None:
    """Both families of a socket for both: ICMP's and ICMPv6's errors are queued."""
    served = serve(host="::", limits=ONE_PORT)
    wire = connect(served.port, host=address)
    wire.ask("kernel", ("blksize", "512"))
    wire.receive()
    wire.ack(0)
    wire.sock.close()
    assert "closed its port" in served.event().error
