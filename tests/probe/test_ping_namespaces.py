"""Pinger and responder in namespaces of the test's own, with the lab's delaying link between them (no netem needed).

What is measured is compared with what the link does: its delay, and the frames that it says it has lost.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from probe_program import program

from nearboot.probe.ping_packet import UDPPINGER_PORT, PlainProbe, encode_plain

pytestmark = pytest.mark.root

HERE, THERE = "192.0.2.1", "192.0.2.2"
HERE6, THERE6 = "2001:db8::1", "2001:db8::2"
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")
NEWNET = 0x40000000
UPONG = str(Path(__file__).parent.parent / "peers" / "upong.py")
DELAY_MS = 10.0
TOLERANCE_MS = 2.0
"""Of the smallest round trip. The link's process adds 0.1 to 0.5 ms on an idle machine; this one has other work too."""


@dataclass(slots=True)
class Net:
    """Two namespaces and the link between; ``counts``: what the link has lost, once it is ended."""

    here: str
    there: str
    link: subprocess.Popen[str]

    def lost(self) -> int:
        """End the link and give the frames that it lost, both ways."""
        self.link.terminate()
        out, _ = self.link.communicate(timeout=20)
        return sum(map(int, re.findall(r" lost=(\d+)", out)))


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def net(*, delay_ms: float, loss: float = 0.0, v6: bool = False) -> Iterator[Net]:
    """The pinger's namespace and the responder's. Neighbours are known, so that probes alone are on the line."""
    names = [f"nb-ping-{end}-{os.getpid()}" for end in "ab"]
    with ExitStack() as stack:
        for name in names:
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
            without = f"net.ipv6.conf.default.disable_ipv6={0 if v6 else 1}"
            subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw", without], check=True)
        ends = [f"{name}/wire" for name in names]
        command = [sys.executable, "-m", "nearboot.lab.link_runner", "--a", ends[0], "--b", ends[1]]
        link = subprocess.Popen(
            [*command, "--delay-ms", str(delay_ms), "--loss", str(loss), "--seed", "7"],
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(_end, link)
        assert link.stdout and link.stdout.readline() == "link ready\n"
        for index, name in enumerate(names):
            other = 1 - index
            ip("-n", name, "link", "set", "wire", "address", MACS[index])
            ip("-n", name, "address", "add", f"{(HERE, THERE)[index]}/24", "dev", "wire")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", "wire", "up")
            ip("-n", name, "neighbour", "add", (HERE, THERE)[other], "lladdr", MACS[other], "dev", "wire")
            if v6:
                ip("-n", name, "address", "add", f"{(HERE6, THERE6)[index]}/64", "dev", "wire", "nodad")
        yield Net(names[0], names[1], link)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread is in the namespace."""
    setns = ctypes.CDLL(None, use_errno=True).setns
    with Path("/proc/thread-self/ns/net").open() as own, Path("/run/netns", namespace).open() as other:
        assert setns(other.fileno(), NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert setns(own.fileno(), NEWNET) == 0


def measured(namespace: str, targets: Path, *words: object, **environment: str) -> list[dict[str, float]]:
    """One round of the real pinger, as data."""
    run = [sys.executable, "-m", "nearboot", "probe", "run", "--location", "ams", "--targets", str(targets), "--once"]
    command = ["ip", "netns", "exec", namespace, *run, "-o", "json", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("key", ["", "0123456789abcdef0123456789abcdef"], ids=["plain", "signed"])
def test_the_links_delay_is_measured(tmp_path: Path, key: str) -> None:
    """10 ms each way, IPv4 and IPv6: the smallest round trip is 20 to 22 ms, and none is below the link's 20."""
    (tmp_path / "targets").write_text(f"fra {THERE}\nfra {THERE6}\n")
    signing = ["--key", "env:PROBE_KEY"] if key else []
    with (
        net(delay_ms=DELAY_MS, v6=True) as wire,
        program(tmp_path / "log", "serve", *signing, namespace=wire.there, PROBE_KEY=key),
    ):
        items = measured(wire.here, tmp_path / "targets", "--probes", 40, *signing, PROBE_KEY=key)
    print(items)
    assert [item["address"] for item in items] == [THERE, THERE6]
    for item in items:
        assert (item["sent"], item["received"]) == (40, 40)
        assert 2 * DELAY_MS <= item["min_ms"] <= 2 * DELAY_MS + TOLERANCE_MS
        assert item["min_ms"] <= item["rtt_ms"] <= item["p95_ms"]


def test_the_links_loss_is_measured(tmp_path: Path) -> None:
    """A link that drops a tenth of the pairs of frames: each that it says it lost is a lost probe, and no other is."""
    (tmp_path / "targets").write_text(f"fra {THERE}\n")
    each_way = 1 - 0.9**0.5
    with net(delay_ms=1, loss=each_way) as wire:
        with program(tmp_path / "log", "serve", "--answers-per-second", 0, namespace=wire.there):
            (item,) = measured(wire.here, tmp_path / "targets", "--probes", 1000, "--interval", 2.5, "--timeout", 5)
        lost = wire.lost()
    print(f"the link lost {lost} frames; {item['sent'] - item['received']:.0f} of {item['sent']} probes were lost")
    assert item["sent"] == 1000
    assert 0.07 < item["loss"] < 0.13
    assert lost - 1 <= item["sent"] - item["received"] <= lost, "the first probe does not count, but may be lost"


def forged(source: str, destination: str, payload: bytes) -> bytes:
    """An IPv4 packet between two responders' ports; the kernel fills in its checksum, UDP needs none."""
    udp = struct.pack("!HHHH", UDPPINGER_PORT, UDPPINGER_PORT, 8 + len(payload), 0) + payload
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, socket.IPPROTO_UDP, 0) + addresses + udp


@contextmanager
def upong(namespace: str, host: str) -> Iterator[subprocess.Popen[str]]:
    command = ["ip", "netns", "exec", namespace, sys.executable, UPONG, host, str(UDPPINGER_PORT)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout and process.stdout.readline().startswith("upong ready")
        yield process
    finally:
        _end(process)


def answered(process: subprocess.Popen[str]) -> int:
    process.terminate()
    out, _ = process.communicate(timeout=20)
    return int(out.rpartition("=")[2])


def send_forged(namespace: str, source: str, destination: str) -> None:
    with inside(namespace), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(forged(source, destination, encode_plain(PlainProbe(1, 2))), (destination, 0))


def ping_through(wire: Net, tmp_path: Path) -> None:
    """A whole round in both directions' time: what loops on a line of 2 ms goes round dozens of times meanwhile."""
    (tmp_path / "targets").write_text(f"fra {THERE}\n")
    (item,) = measured(wire.here, tmp_path / "targets", "--probes", 10)
    assert item["received"] == 10


def test_udppingers_own_responders_loop_for_ever(tmp_path: Path) -> None:
    """What the next tests would show if ours did: one forged packet, and both answer each other again and again."""
    with net(delay_ms=1) as wire, upong(wire.here, HERE) as one, upong(wire.there, THERE) as other:
        send_forged(wire.here, HERE, THERE)
        ping_through(wire, tmp_path)
        assert answered(one) > 20
        assert answered(other) > 20


@pytest.mark.parametrize("forger_is", ["here", "there"])
def test_a_forged_packet_between_responders_dies(tmp_path: Path, forger_is: str) -> None:
    """It is said to come from one responder's port, and goes to the other: ours, at both ends."""
    with (
        net(delay_ms=1) as wire,
        program(tmp_path / "a.log", "serve", namespace=wire.here) as one,
        program(tmp_path / "b.log", "serve", namespace=wire.there) as other,
    ):
        if forger_is == "here":
            send_forged(wire.here, HERE, THERE)
        else:
            send_forged(wire.there, THERE, HERE)
        ping_through(wire, tmp_path)
        one.end()
        other.end()
    counts = "\n".join(
        re.findall(r"probes (.*=.*)", (tmp_path / "a.log").read_text() + (tmp_path / "b.log").read_text())
    )
    assert counts.count("server_port=1") == 1
    assert "answered=11" in counts, "ten probes and the first one"


def test_a_forged_packet_to_udppingers_responder_dies_at_ours(tmp_path: Path) -> None:
    """It answers once, to our port; ours leaves that alone."""
    with (
        net(delay_ms=1) as wire,
        program(tmp_path / "log", "serve", namespace=wire.here) as ours,
        upong(wire.there, THERE) as other,
    ):
        send_forged(wire.here, HERE, THERE)
        ping_through(wire, tmp_path)
        assert answered(other) == 1 + 11
        ours.end()
    assert "probes server_port=1\n" in (tmp_path / "log").read_text()
