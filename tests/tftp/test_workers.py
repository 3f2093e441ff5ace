"""Several workers on one port, as their clients and systemd meet them: ``python -m nearboot.tftp --workers 2``."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nearboot.tftp.packet import Ack, Data, Error, Mode, Opcode, Request, encode, parse

Start = Callable[..., Any]

CLIENTS = 16
KILLS = 6
READS = 200
"""Between two kills."""
RESEND_S = 1.0
ATTEMPTS = 20
CONTENT = bytes(range(250)) * 5  # three blocks
RRQ = encode(Request(Opcode.RRQ, "small", Mode.OCTET, ()))


class Readers:
    """Clients that read a small file again and again, each time from a new port, until they are told to stop."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self.counts: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, reads: int) -> None:
        """Until so many more reads are whole."""
        with self._changed:
            wanted = self.counts["whole"] + reads
            assert self._changed.wait_for(lambda: self.counts["whole"] >= wanted, timeout=120), self.counts

    def _count(self, what: str) -> None:
        with self._changed:
            self.counts[what] += 1
            self._changed.notify()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._count("requests")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(RESEND_S)
                sock.bind(("127.0.0.1", 0))
                self._count(self._read(sock))

    def _read(self, sock: socket.socket) -> str:
        """How a read ends: ``whole``; ``cut off``, when its worker died after the first answer; or ``lost``."""
        block, transfer = self._ask(sock)
        if block is None:
            return "lost"
        content = b""
        while block is not None:
            content += block.payload
            sock.sendto(encode(Ack(block.block)), transfer)
            if len(block.payload) < 512:
                return "whole" if content == CONTENT else "corrupt"
            block = self._next(sock, block, transfer)
        return "cut off"

    def _ask(self, sock: socket.socket) -> tuple[Data | None, tuple[str, int]]:
        """Send the request, always from this port, until it is answered."""
        for attempt in range(ATTEMPTS):
            sock.sendto(RRQ, self._server)
            if attempt:
                self._count("sent again")
            try:
                datagram, transfer = sock.recvfrom(2000)
            except TimeoutError:
                continue
            found = parse(datagram)
            assert isinstance(found, Data), found
            return found, transfer
        return None, self._server

    def _next(self, sock: socket.socket, last: Data, transfer: tuple[str, int]) -> Data | None:
        """The block after ``last``; None where nobody sends it any more."""
        for _ in range(4):
            try:
                datagram, sender = sock.recvfrom(2000)
            except TimeoutError:
                sock.sendto(encode(Ack(last.block)), transfer)
                continue
            found = parse(datagram)
            if sender == transfer and isinstance(found, Data) and found.block == last.block + 1:
                return found
            if isinstance(found, Error):
                return None
        return None


@pytest.fixture
def serve(program: Start, root: Path) -> Start:
    """Start the server with two workers; the program, and its port."""
    (root / "small").write_bytes(CONTENT)

    def start(*words: str, **more: Any) -> tuple[Any, int]:
        started = program(
            "-m", "nearboot.tftp", root, "--host", "127.0.0.1", "--port", 0, "--workers", 2, *words, **more
        )
        return started, port_of(started)

    return start


def port_of(started: Any) -> int:
    found = re.search(r" port=(\d+) ", started.line())
    assert found
    return int(found[1])


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def counters(out: str) -> list[dict[str, int]]:
    """What the workers said of themselves at their end."""
    return [json.loads(text) for text in re.findall(r"stopped worker=\d+ counters=(.*)", out)]


def test_no_request_is_lost_while_workers_are_killed(serve: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """A request that a dead worker has not answered waits in its socket, which its successor takes over."""
    started, port = serve("--sessions-per-client", "10000")
    with Readers(port) as readers:
        for number in range(KILLS):
            readers.wait_for(READS)
            os.kill(children(started.pid)[number % 2], signal.SIGKILL)
        readers.wait_for(READS)
    code, out, err = started.end(signal.SIGTERM)
    counts = readers.counts
    with capsys.disabled():
        print(f"\n{KILLS} kills: {dict(counts)}")
    assert code == 0
    assert err.count("killed by SIGKILL") == KILLS
    assert counts["whole"] >= READS * (KILLS + 1)
    assert (counts["lost"], counts["corrupt"]) == (0, 0)
    assert counts["whole"] + counts["cut off"] == counts["requests"]
    assert counts["cut off"] <= KILLS * CLIENTS
    assert len(counters(out)) == 2


def test_clients_are_spread_over_the_workers(serve: Start) -> None:
    """And none of them is in two hands."""
    started, port = serve()
    with Readers(port) as readers:
        readers.wait_for(1000)
    _, out, _ = started.end(signal.SIGTERM)
    completed = [each["completed"] for each in counters(out)]
    assert sum(completed) == readers.counts["whole"] == readers.counts["requests"]
    assert min(completed) > 0.25 * sum(completed)


def test_a_transfer_under_way_ends_whole_after_a_stop(serve: Start, root: Path) -> None:
    """No new one is begun meanwhile: the kernel tells its client at once."""
    content = (root / "kernel").read_bytes()
    started, port = serve("--grace-s", "60")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, socket.socket(type=socket.SOCK_DGRAM) as late:
        sock.settimeout(30)
        sock.sendto(encode(Request(Opcode.RRQ, "kernel", Mode.OCTET, ())), ("127.0.0.1", port))
        datagram, transfer = sock.recvfrom(2000)
        started.process.terminate()
        late.connect(("127.0.0.1", port))
        late.settimeout(0.2)
        while not refused(late):
            pass
        got = b""
        while True:
            block = parse(datagram)
            assert isinstance(block, Data)
            got += block.payload
            sock.sendto(encode(Ack(block.block)), transfer)
            if len(block.payload) < 512:
                break
            datagram = sock.recv(2000)
    code, out, err = started.end()
    assert (code, err) == (0, "")
    assert got == content
    assert sum(each["completed"] for each in counters(out)) >= 1


def test_a_port_in_use_is_told(program: Start, serve: Start, root: Path) -> None:
    """Two servers of one user on one port would each have half of the clients."""
    _, port = serve()
    second = program("-m", "nearboot.tftp", root, "--host", "127.0.0.1", "--port", port, "--workers", 2)
    assert second.end() == (1, "", f"nearboot.tftp: 127.0.0.1 port {port}: Address already in use\n")


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What systemd hears; its name is the ``env`` of a program."""
    name = f"nearboot-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        sock.settimeout(30)
        yield sock, {"NOTIFY_SOCKET": "@" + name}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_systemd_is_told_of_ready_watchdog_and_stop(serve: Start, systemd: Any, workers: str) -> None:
    """By the parent alone, since systemd hears the main process only."""
    sock, env = systemd
    started, port = serve("--workers", workers, env=env | {"WATCHDOG_USEC": "100000"})
    heard = [sock.recv(1000).decode() for _ in range(4)]
    ready = next(text for text in heard if text.startswith("READY=1\n"))
    assert f" on 127.0.0.1 port {port} " in ready
    assert heard.count("WATCHDOG=1") == 3
    assert started.end(signal.SIGTERM)[0] == 0
    sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            heard.append(sock.recv(1000).decode())
    assert heard.count("STOPPING=1") == 1


LAUNCH = """
import os, sys
high = [os.dup2(int(fd), 100 + number) for number, fd in enumerate(sys.argv[1].split(","))]
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number, inheritable=True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(high))}
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sockets_that_systemd_passed_are_served(program: Start, root: Path, workers: str) -> None:
    """One for IPv4 and one for IPv6, shared by all workers; --host and --port are not used."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four, socket.socket(socket.AF_INET6, type=2) as six:
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        four.bind(("0.0.0.0", 0))
        six.bind(("::", 0))
        fds = (four.fileno(), six.fileno())
        words = ["-m", "nearboot.tftp", root, "--port", "1", "--workers", workers]
        started = program("-c", LAUNCH, ",".join(map(str, fds)), *words, pass_fds=fds)
        assert f"host=0.0.0.0 port={four.getsockname()[1]} " in started.line()
        for passed, host in ((four, "127.0.0.1"), (six, "::1")):
            for _ in range(4):
                with socket.socket(passed.family, socket.SOCK_DGRAM) as client:
                    client.settimeout(30)
                    client.sendto(b"\0\1empty\0octet\0", (host, passed.getsockname()[1]))
                    data, transfer = client.recvfrom(2000)
                    assert (data, transfer[0]) == (b"\0\3\0\1", host)
                    client.sendto(encode(Ack(1)), transfer)
        assert started.end(signal.SIGTERM)[0] == 0


@pytest.mark.root
@pytest.mark.parametrize("workers", ["1", "2"])
def test_root_is_given_up_by_all_processes(program: Start, workers: str) -> None:
    """After the port is bound; what the user may not read is not served."""
    nobody = pwd.getpwnam("nobody").pw_uid
    with tempfile.TemporaryDirectory(prefix="nearboot-") as name:  # other users do not reach pytest's own
        Path(name).chmod(0o755)
        Path(name, "small").write_bytes(CONTENT)
        Path(name, "secret").write_bytes(CONTENT)
        Path(name, "secret").chmod(0o600)
        words = ["--host", "127.0.0.1", "--port", "0", "--workers", workers, "--user", "nobody:daemon"]
        started = program("-m", "nearboot.tftp", name, *words)
        port = port_of(started)
        pids = [started.pid, *children(started.pid)]
        assert len(pids) == (1 if workers == "1" else 3)
        for pid in pids:
            status = Path(f"/proc/{pid}/status").read_text()
            assert f"Uid:\t{nobody}\t{nobody}\t{nobody}\t{nobody}\n" in status
            assert "Gid:\t1\t1\t1\t1\n" in status
            assert "CapEff:\t0000000000000000\n" in status
            assert "NoNewPrivs:\t1\n" in status
        assert first(port, "small")[:4] == b"\0\3\0\1"
        assert first(port, "secret")[:4] == b"\0\5\0\2"
        assert started.end(signal.SIGTERM)[0] == 0


def test_a_user_that_is_not_there_is_told(program: Start, root: Path) -> None:
    """One line."""
    ran = program("-m", "nearboot.tftp", root, "--host", "127.0.0.1", "--port", 0, "--user", "no-such-user")
    assert ran.end() == (1, "", "nearboot.tftp: no user named 'no-such-user' on this machine\n")


def refused(sock: socket.socket) -> bool:
    """Whether the kernel says that nobody listens there."""
    try:
        sock.send(b"\0\1empty\0octet\0")
        sock.recv(100)
    except ConnectionRefusedError:
        return True
    except TimeoutError:
        pass
    return False


def first(port: int, name: str) -> bytes:
    """The first answer to a request."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(30)
        sock.sendto(encode(Request(Opcode.RRQ, name, Mode.OCTET, ())), ("127.0.0.1", port))
        datagram, transfer = sock.recvfrom(2000)
        sock.sendto(b"\0\5\0\0enough\0", transfer)
        return datagram
