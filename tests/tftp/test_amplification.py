"""What a forged request brings down on its victim, in bytes on the wire: a real server, veth, a capture of all frames.

Two namespaces of the test's own: the server, and an attacker who sends from addresses that are not his. Behind them is
nobody (a route into silence), or a host that answers with ICMP's "port unreachable". All cases run at once, for 8
seconds here, by which all copies are out; a minute, with the table:

    NEARBOOT_AMPLIFICATION_S=60 pytest tests/tftp/test_amplification.py -s
"""

from __future__ import annotations

import ctypes
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import pytest

from nearboot.tftp import Limits
from nearboot.tftp.packet import Ack, Data, Error, Mode, Opcode, Request, encode

pytestmark = pytest.mark.root

SECONDS = float(os.environ.get("NEARBOOT_AMPLIFICATION_S", "8"))
FLOOD = 10_000
SERVER, SERVER6 = "192.0.2.1", "2001:db8::1"
NEWNET = 0x40000000
ETH_P_ALL, OUTGOING, UDP = 0x0003, 4, 17
SO_RCVBUFFORCE = 33
IP_TRANSPARENT, IPV6_TRANSPARENT = (socket.IPPROTO_IP, 19), (socket.IPPROTO_IPV6, 75)
"""With it a socket may have an address that is not this host's."""
BUDGET = Limits().unacked_bytes


def rrq(name: str, *options: tuple[str, str]) -> bytes:
    return encode(Request(Opcode.RRQ, name, Mode.OCTET, options))


@dataclass(slots=True)
class Case:
    """Requests that are said to be from one address, and what came of them; bytes of UDP's payload and of frames."""

    name: str
    victim: str
    datagram: bytes
    count: int = 1
    left: int = field(init=False)
    requests: int = 0
    replies: Counter[int] = field(default_factory=Counter)
    payload: Counter[str] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.left = self.count

    def note(self, payload: bytes, frame: int, *, is_out: bool) -> None:
        way = "out" if is_out else "in"
        self.payload[way] += len(payload)
        self.frames[way] += frame
        if is_out:
            self.replies[payload[1]] += 1
        else:
            self.requests += 1

    def ratio(self, of: Counter[str]) -> float:
        return of["out"] / max(of["in"], 1)

    def line(self) -> str:
        kinds = " ".join(f"{number} {Opcode(kind).name}" for kind, number in sorted(self.replies.items()))
        return (
            f"{self.name:34} {self.requests:6} {self.payload['in']:8} {self.payload['out']:8} "
            f"{self.ratio(self.payload):6.2f} {self.frames['in']:8} {self.frames['out']:8} "
            f"{self.ratio(self.frames):6.2f}  {kinds or 'nothing'}"
        )


WITH_OPTIONS = {
    "EDK2's size probe": rrq("boot/grubx64.efi", ("tsize", "0"), ("blksize", "1468"), ("windowsize", "4")),
    "EDK2's read": rrq("boot/grubx64.efi", ("blksize", "1468"), ("windowsize", "4")),
    "iPXE": rrq("boot/grubx64.efi", ("blksize", "1432"), ("tsize", "0")),
    "PXELINUX": rrq("boot/grubx64.efi", ("tsize", "0"), ("blksize", "1408")),
    "shortest with a size": rrq("k", ("tsize", "0")),
    "U-Boot, window of 16": rrq("k", ("timeout", "5"), ("tsize", "0"), ("blksize", "1468"), ("windowsize", "16")),
    "impatient": rrq("k", ("timeout", "1"), ("tsize", "0"), ("windowsize", "64")),
}
PLAIN, ODD, MISSING = rrq("k"), rrq("k", ("nonsense", "1")), rrq("nope")


def all_cases() -> dict[str, Case]:
    cases: list[Case] = []

    def add(name: str, datagram: bytes, *, count: int = 1, network: str = "203.0.113.") -> None:
        cases.append(Case(name, f"{network}{len(cases) + 10:{'x' if ':' in network else 'd'}}", datagram, count))

    for name, datagram in WITH_OPTIONS.items():
        add(f"options: {name}", datagram)
    add("options, v6: iPXE", WITH_OPTIONS["iPXE"], network="2001:db8:bad::")
    add("options, ICMP comes back: iPXE", WITH_OPTIONS["iPXE"], network="192.0.2.")
    add("plain", PLAIN)
    add("plain: an unknown option", ODD)
    add("plain, v6", PLAIN, network="2001:db8:bad::")
    add("plain, ICMP comes back", PLAIN, network="192.0.2.")
    add("error: no such file", MISSING)
    add("error: a write", encode(Request(Opcode.WRQ, "x", Mode.OCTET)))
    add("nothing: ERROR", encode(Error(4, "x")))
    add("nothing: ACK", encode(Ack(1)))
    add("nothing: DATA", encode(Data(1, bytes(512))))
    add("flood: plain", PLAIN, count=FLOOD)
    add("flood: options", WITH_OPTIONS["shortest with a size"], count=FLOOD)
    add("flood: no such file", MISSING, count=FLOOD)
    add("flood, v6: plain", PLAIN, count=FLOOD, network="2001:db8:bad::")
    return {each.victim: each for each in cases}


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread is in the namespace, and what it opens or starts stays there."""
    setns = ctypes.CDLL(None, use_errno=True).setns
    with Path("/proc/thread-self/ns/net").open() as own, Path("/run/netns", namespace).open() as other:
        assert setns(other.fileno(), NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert setns(own.fileno(), NEWNET) == 0


@pytest.fixture
def namespaces() -> Iterator[tuple[str, str]]:
    """The server's and the attacker's, with a veth between; forged addresses lie behind the attacker."""
    here, there = f"nb-amp-s-{os.getpid()}", f"nb-amp-a-{os.getpid()}"
    with ExitStack() as stack:
        for name in (here, there):
            subprocess.run(["ip", "netns", "add", name], check=True)
            stack.callback(subprocess.run, ["ip", "netns", "delete", name], check=True)
            without = ["sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"]  # v6 addresses work at once
            subprocess.run(["ip", "netns", "exec", name, *without], check=True)
        wires = ["ip", "-n", here, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", there]
        subprocess.run(wires, check=True)
        set_up(here, [f"{SERVER}/24", f"{SERVER6}/64"])
        # Those that ICMP answers for are the attacker's own; the rest are nobody's.
        set_up(
            there, [f"{v}/24" for v in ("192.0.2.254", *all_cases()) if v.startswith("192.0.2.")] + ["2001:db8::9/64"]
        )
        for network, via in (("203.0.113.0/24", "192.0.2.254"), ("2001:db8:bad::/64", "2001:db8::9")):
            subprocess.run(["ip", "-n", here, "route", "add", network, "via", via], check=True)
        yield here, there


def set_up(namespace: str, addresses: list[str]) -> None:
    for address in addresses:
        nodad = ["nodad"] if ":" in address else []
        subprocess.run(["ip", "-n", namespace, "address", "add", address, "dev", "wire", *nodad], check=True)
    for link in ("lo", "wire"):
        subprocess.run(["ip", "-n", namespace, "link", "set", link, "up"], check=True)


@pytest.fixture(params=["", "--workers 2", "--single-port"])
def flags(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(namespaces: tuple[str, str], flags: str, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """``python -m nearboot.tftp`` with its default limits, and its port."""
    (tmp_path / "boot").mkdir()
    (tmp_path / "k").write_bytes(bytes(1 << 20))
    (tmp_path / "boot" / "grubx64.efi").write_bytes(bytes(1 << 20))
    command = [sys.executable, "-m", "nearboot.tftp", str(tmp_path), "--port", "0", *flags.split()]
    with inside(namespaces[0]):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"port=(\d+)", process.stdout.readline())
    assert found
    yield process, int(found[1])
    if process.poll() is None:
        process.kill()
    process.communicate(timeout=10)


@pytest.fixture
def capture(namespaces: tuple[str, str]) -> Iterator[socket.socket]:
    """All frames at the server's end of the wire."""
    with inside(namespaces[0]):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
    sock.bind(("wire", ETH_P_ALL))
    sock.setblocking(False)
    yield sock
    sock.close()


def warm_up(port: int, there: str) -> None:
    """Ask from the attacker's own addresses until there is an answer: each end has found the other's MAC then."""
    for family, host in ((socket.AF_INET, SERVER), (socket.AF_INET6, SERVER6)):
        with inside(there), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            for _ in range(100):
                with suppress(TimeoutError):
                    sock.sendto(MISSING, (host, port))
                    sock.recv(100)
                    break
            else:
                pytest.fail(f"no answer from {host}")


def forge(case: Case, port: int, there: str) -> None:
    """Send the next request of a case from a port of its own."""
    is_v6 = ":" in case.victim
    source = 1024 + (case.count - case.left) * 6 % 64_000
    with inside(there), socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(*(IPV6_TRANSPARENT if is_v6 else IP_TRANSPARENT), 1)
        sock.bind((case.victim, source))
        sock.sendto(case.datagram, (SERVER6 if is_v6 else SERVER, port))
    case.left -= 1


def udp_of(frame: bytes) -> tuple[str, str, bytes] | None:
    """Source, destination and payload of a frame that carries UDP."""
    kind = frame[12:14]
    if kind == b"\x08\x00" and frame[23] == UDP:
        start = 14 + (frame[14] & 15) * 4
        source, destination = frame[26:30], frame[30:34]
    elif kind == b"\x86\xdd" and frame[20] == UDP:
        start, source, destination = 54, frame[22:38], frame[38:54]
    else:
        return None
    (length,) = struct.unpack_from("!H", frame, start + 4)
    return str(ip_address(source)), str(ip_address(destination)), frame[start + 8 : start + length]


def drain(capture: socket.socket, cases: dict[str, Case]) -> None:
    """Take down all frames that have come so far."""
    while True:
        try:
            frame, (_, _, kind, *_) = capture.recvfrom(65536)
        except BlockingIOError:
            return
        found = udp_of(frame)
        if found is None:
            continue
        source, destination, payload = found
        case = cases.get(destination if kind == OUTGOING else source)
        if case is not None:
            case.note(payload, len(frame), is_out=kind == OUTGOING)


def run(cases: dict[str, Case], capture: socket.socket, send: Callable[[Case], None]) -> float:
    """Floods are spread over the first three quarters of the time, single requests go at once; the seconds taken."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < SECONDS or any(case.left for case in cases.values()):
        share = min(1.0, passed / SECONDS / 0.75)
        for case in cases.values():
            due = case.count if case.count == 1 else int(share * case.count)
            while case.count - case.left < due:
                send(case)
        select.select([capture], [], [], 0.05)
        drain(capture, cases)
    return passed


def dropped_frames(capture: socket.socket) -> int:
    """PACKET_STATISTICS: what the capture could not hold."""
    _, drops = struct.unpack("II", capture.getsockopt(263, 6, 8))
    return int(drops)


def test_what_forged_requests_bring_to_their_victims(
    namespaces: tuple[str, str], server: tuple[subprocess.Popen[str], int], capture: socket.socket, flags: str
) -> None:
    """With options OACKs alone, 4 times the bytes at most; without, three copies of a block; floods end at a budget."""
    process, port = server
    cases = all_cases()
    warm_up(port, namespaces[1])
    took = run(cases, capture, lambda case: forge(case, port, namespaces[1]))
    print(f"\n{flags or 'one worker'}, {took:.0f} s; bytes of UDP payload, and of whole Ethernet frames")
    print(f"{'case':34} {'asked':>6} {'in':>8} {'out':>8} {'ratio':>6} {'in':>8} {'out':>8} {'ratio':>6}  replies")
    for case in cases.values():
        print(case.line())
    assert dropped_frames(capture) == 0
    for case in cases.values():
        assert case.requests == case.count, case.name
        check(case, took)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    workers = 2 if "workers" in flags else 1
    assert out.count('"faults": 0') == workers
    for name in ("over_unacked", "over_errors"):
        assert len(re.findall(rf'"{name}": [1-9]', out)) == workers, out


def check(case: Case, took: float) -> None:
    match case.name.split(":")[0].split(",")[0]:
        case "options":
            assert set(case.replies) == {Opcode.OACK}, case.line()
            assert case.replies.total() <= 3
            assert max(case.ratio(case.payload), case.ratio(case.frames)) <= 4, case.line()
        case "plain":
            assert set(case.replies) == {Opcode.DATA}, case.line()
            assert case.replies.total() <= 3
            assert case.payload["out"] <= 3 * 516
        case "error":
            assert case.replies == {Opcode.ERROR: 1}, case.line()
            assert case.ratio(case.frames) <= 2
        case "nothing":
            assert not case.replies, case.line()
        case "flood" if case.datagram == MISSING:
            burst, rate = Limits().errors_per_second * 5, Limits().errors_per_second
            assert case.replies.total() <= burst + rate * took
        case "flood":
            assert case.payload["out"] <= BUDGET / 2 + BUDGET / 2 * took / 60
