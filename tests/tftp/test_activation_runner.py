"""Sockets of one SO_REUSEPORT group, sockets that systemd passed, and who gets which."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from nearboot.errors import ConfigError
from nearboot.tftp.activation_runner import close_all, listening, passed_socket, passed_sockets, shared_out
from nearboot.tftp.listener_runner import IP_PKTINFO

SHOW = """
import os
from nearboot.tftp.activation_runner import passed_sockets
for sock in passed_sockets():
    print(sock.fileno(), sock.getsockname()[1], sock.getblocking(), sock.get_inheritable())
    sock.close()
print(sorted(name for name in os.environ if name.startswith("LISTEN_")), passed_sockets())
"""


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def udp(stack: ExitStack, host: str = "127.0.0.1") -> socket.socket:
    sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sock.bind((host, 0))
    return sock


@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
def test_each_worker_has_a_socket_of_its_own_on_one_port(stack: ExitStack, host: str) -> None:
    """Clients are spread over them by the kernel, each port to one worker."""
    sockets = listening(host, 0, workers=3)
    stack.callback(close_all, sockets)
    port = sockets[0].getsockname()[1]
    assert [sock.getsockname()[1] for sock in sockets] == [port] * 3
    for _ in range(60):
        client = udp(stack)
        client.sendto(b"1", ("127.0.0.1", port))
        client.sendto(b"2", ("127.0.0.1", port))
    heard = [take(sock) for sock in sockets]
    assert sum(map(len, heard)) == 120
    assert all(heard), "60 clients leave none of three workers out"
    assert all(each.count(peer) == 2 for each in heard for peer in each)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("others", [1, 2])
def test_a_port_that_another_server_has_is_in_use(stack: ExitStack, workers: int, others: int) -> None:
    """SO_REUSEPORT alone would let a second server of the same user in, and half of the clients would be gone."""
    sockets = listening("127.0.0.1", 0, workers=others)
    stack.callback(close_all, sockets)
    with pytest.raises(OSError, match="in use"):
        listening("127.0.0.1", sockets[0].getsockname()[1], workers=workers)


def test_passed_sockets_are_taken_once(stack: ExitStack) -> None:
    """From file descriptor 3 on, by the process they are meant for; a child of it hears of none."""
    sockets = [udp(stack), udp(stack)]
    ran = activated(SHOW, sockets)
    ports = [sock.getsockname()[1] for sock in sockets]
    assert ran.stdout.splitlines() == [f"3 {ports[0]} False False", f"4 {ports[1]} False False", "[] []"]


def test_sockets_of_another_process_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """LISTEN_PID tells: a shell between systemd and us passes the variables on, not the meaning."""
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "2")
    assert passed_sockets() == []


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_passed_socket_of_another_kind_is_told(stack: ExitStack, kind: socket.SocketKind) -> None:
    """ListenStream= in place of ListenDatagram=, or one that is not bound."""
    sock = socket.socket(socket.AF_INET, kind)
    fd = sock.detach()
    with pytest.raises(ConfigError, match=f"expected a bound UDP socket .* {fd}, found AF_INET SOCK_"):
        passed_socket(fd)


def test_a_descriptor_that_is_no_socket_is_told(stack: ExitStack) -> None:
    """Named by its number."""
    reader, writer = os.pipe()
    stack.callback(os.close, writer)
    stack.callback(os.close, reader)
    with pytest.raises(ConfigError, match=f"file descriptor {reader}: "):
        passed_socket(reader)


def test_a_passed_socket_tells_destinations(stack: ExitStack) -> None:
    """As those that are bound here: the reply must leave from the address that was asked."""
    sock = udp(stack, "0.0.0.0")
    passed = passed_socket(os.dup(sock.fileno()))
    stack.enter_context(passed)
    assert passed.getsockopt(socket.IPPROTO_IP, IP_PKTINFO) == 1
    assert passed.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= udp(stack).getsockopt(
        socket.SOL_SOCKET, socket.SO_RCVBUF
    )


def test_one_socket_is_shared_by_all_workers(stack: ExitStack) -> None:
    """And every worker serves every address."""
    one, other = udp(stack), udp(stack)
    assert shared_out([one, other], workers=2) == [(one, other), (one, other)]


@pytest.mark.parametrize(
    ("sockets", "workers", "expected"),
    [
        pytest.param(2, 2, [[0], [1]], id="one each"),
        pytest.param(2, 3, [[0], [1], [0]], id="too few"),
        pytest.param(3, 2, [[0, 2], [1]], id="too many: none is left out"),
        pytest.param(1, 1, [[0]], id="one"),
    ],
)
def test_sockets_of_one_group_are_shared_out(
    stack: ExitStack, sockets: int, workers: int, expected: list[list[int]]
) -> None:
    """As many each as it takes."""
    group = listening("127.0.0.1", 0, workers=sockets)
    stack.callback(close_all, group)
    assert [[group.index(sock) for sock in share] for share in shared_out(group, workers=workers)] == expected


def take(sock: socket.socket) -> list[object]:
    """Who has sent what is queued."""
    heard: list[object] = []
    while True:
        try:
            heard.append(sock.recvfrom(100)[1])
        except BlockingIOError:
            return heard


LAUNCH = """
import os, sys
fds = [os.dup(int(fd)) for fd in sys.argv[2].split(",")]
high = [os.dup2(fd, 100 + number) for number, fd in enumerate(fds)]
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number, inheritable=True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": "tftp"}
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""


def activated(program: str, sockets: list[socket.socket]) -> subprocess.CompletedProcess[str]:
    """Run a program as systemd would, with sockets from descriptor 3 on."""
    fds = [sock.fileno() for sock in sockets]
    command = [sys.executable, "-c", LAUNCH, program, ",".join(map(str, fds))]
    return subprocess.run(command, pass_fds=fds, capture_output=True, text=True, check=True, timeout=60)
