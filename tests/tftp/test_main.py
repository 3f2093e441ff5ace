"""``python -m nearboot.tftp`` as its user meets it, and real clients fetching from it."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Start = Callable[..., tuple["subprocess.Popen[str]", int]]


@pytest.fixture
def start(root: Path) -> Iterator[Start]:
    """Run the command on a free port; the process, and its port from its first line."""
    processes: list[subprocess.Popen[str]] = []

    def started(*arguments: str) -> tuple[subprocess.Popen[str], int]:
        command = [sys.executable, "-m", "nearboot.tftp", str(root), "--host", "127.0.0.1", "--port", "0", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout is not None
        found = re.search(r"port=(\d+)", process.stdout.readline())
        assert found, process.communicate(timeout=10)
        return process, int(found[1])

    yield started
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nearboot.tftp", *arguments], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_0_and_a_summary(start: Start, number: signal.Signals) -> None:
    """systemd sends SIGTERM, a terminal SIGINT."""
    process, _ = start()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("stopped counters={")


def test_verbose_prints_a_line_for_each_request(start: Start, tmp_path: Path) -> None:
    """Key=value, with what was asked and how it went."""
    process, port = start("-v")
    assert fetch_curl(port, "cfg", tmp_path)
    subprocess.run(["curl", "-s", f"tftp://127.0.0.1:{port}/no%0Ape"], capture_output=True, timeout=20, check=False)
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert "outcome=completed file='cfg' client=127.0.0.1" in out
    assert r"outcome=not_found file='no\npe'" in out


def test_no_such_root_is_1_and_one_line(tmp_path: Path) -> None:
    """No traceback."""
    ended = run(str(tmp_path / "nowhere"), "--host", "127.0.0.1", "--port", "0")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "nowhere" in ended.stderr


def test_a_port_in_use_is_1_and_named(root: Path) -> None:
    """With address and port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        ended = run(str(root), "--host", "127.0.0.1", "--port", str(port))
    assert (ended.returncode, ended.stderr) == (
        1,
        f"nearboot.tftp: 127.0.0.1 port {port}: Address already in use\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("--port", "70000"),
        ("--port", "x"),
        ("--max-blksize", "7"),
        ("--rollover", "2"),
        ("--grace-s", "soon"),
        ("--allow", "10.0.0.1/8"),
        ("--requests-per-second", "-1"),
        ("--errors-per-second", "nan"),
        ("--unacked-kib", "-1"),
        ("--sessions", "0"),
        ("--sessions-per-client", "0"),
    ],
)
def test_wrong_arguments_are_2(root: Path, arguments: tuple[str, str]) -> None:
    """argparse's own code, with the flag in the message."""
    ended = run(str(root), *arguments)
    assert ended.returncode == 2
    assert arguments[0] in ended.stderr


def test_help_says_what_it_does() -> None:
    """All flags, and a sentence."""
    ended = run("--help")
    assert ended.returncode == 0
    assert "read-only" in ended.stdout
    assert all(flag in ended.stdout for flag in ("--host", "--port", "--max-blksize", "--max-windowsize", "--verbose"))


def test_flags_bound_what_is_granted(start: Start, tmp_path: Path) -> None:
    """A cap below what the client asks."""
    process, port = start("-v", "--max-windowsize", "8", "--max-blksize", "1000")
    assert fetch_atftp(port, "kernel", tmp_path)
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert "blksize=1000 windowsize=8" in out


def test_a_client_outside_the_prefixes_gets_silence(start: Start) -> None:
    """127.0.0.2 is allowed, 127.0.0.1 is not; the summary counts it."""
    process, port = start("--allow", "127.0.0.2/32", "--allow", "2001:db8::/32", "--requests-per-second", "100")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside, socket.socket(type=socket.SOCK_DGRAM) as inside:
        for sock, address in ((outside, "127.0.0.1"), (inside, "127.0.0.2")):
            sock.settimeout(10)
            sock.bind((address, 0))
            sock.sendto(b"\0\1empty\0octet\0", ("127.0.0.1", port))
        assert inside.recv(100) == b"\0\3\0\1"
        outside.setblocking(False)
        with pytest.raises(BlockingIOError):
            outside.recv(100)
    process.terminate()
    out, _ = process.communicate(timeout=20)
    assert '"not_allowed": 1' in out


def fetch_curl(port: int, name: str, into: Path) -> bytes:
    subprocess.run(["curl", "-sSf", "-o", into / "out", f"tftp://127.0.0.1:{port}/{name}"], timeout=120, check=True)
    return (into / "out").read_bytes()


def fetch_atftp(port: int, name: str, into: Path) -> bytes:
    options = ["--option", "blksize 1428", "--option", "windowsize 16"]
    command = ["atftp", *options, "-g", "-r", name, "-l", str(into / "out"), "127.0.0.1", str(port)]
    subprocess.run(command, timeout=120, check=True, capture_output=True)
    return (into / "out").read_bytes()


def fetch_atftp_plain(port: int, name: str, into: Path) -> bytes:
    command = ["atftp", "-g", "-r", name, "-l", str(into / "out"), "127.0.0.1", str(port)]
    subprocess.run(command, timeout=120, check=True, capture_output=True)
    return (into / "out").read_bytes()


def fetch_hpa(port: int, name: str, into: Path) -> bytes:
    command = ["tftp", "-m", "binary", "127.0.0.1", str(port), "-c", "get", name, str(into / "out")]
    subprocess.run(command, timeout=120, check=True, capture_output=True)
    return (into / "out").read_bytes()


def fetch_busybox(port: int, name: str, into: Path) -> bytes:
    command = ["busybox", "tftp", "-g", "-r", name, "-l", str(into / "out"), "127.0.0.1", str(port)]
    subprocess.run(command, timeout=120, check=True, capture_output=True)
    return (into / "out").read_bytes()


CLIENTS = [fetch_curl, fetch_atftp, fetch_atftp_plain, fetch_hpa, fetch_busybox]


@pytest.mark.parametrize("fetch", CLIENTS)
def test_real_clients_fetch(start: Start, root: Path, tmp_path: Path, fetch: Callable[[int, str, Path], bytes]) -> None:
    """Four programs that others wrote: one of a block, one of many, one that ends on a full block."""
    _, port = start()
    (root / "exact").write_bytes(os.urandom(512 * 40))
    for name in ("cfg", "kernel", "exact"):
        assert fetch(port, name, tmp_path) == (root / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("fetch", CLIENTS)
def test_real_clients_fetch_past_the_rollover(
    start: Start, root: Path, tmp_path: Path, fetch: Callable[[int, str, Path], bytes]
) -> None:
    """40 MB are more than 65,535 blocks of 512 bytes."""
    content = os.urandom(40_000_000)
    (root / "initrd").write_bytes(content)
    _, port = start()
    assert hashlib.sha256(fetch(port, "initrd", tmp_path)).digest() == hashlib.sha256(content).digest()


def test_real_clients_hear_of_a_missing_file(start: Start, tmp_path: Path) -> None:
    """ERROR 1 as curl (68) and busybox report it."""
    _, port = start()
    ended = subprocess.run(["curl", "-s", f"tftp://127.0.0.1:{port}/nope"], timeout=20, check=False)
    assert ended.returncode == 68  # CURLE_TFTP_NOTFOUND
    command = ["busybox", "tftp", "-g", "-r", "nope", "-l", str(tmp_path / "out"), "127.0.0.1", str(port)]
    said = subprocess.run(command, timeout=20, check=False, capture_output=True, text=True)
    assert said.returncode != 0
    assert "file not found" in said.stderr.lower()


def test_a_prefix_with_host_bits_is_told_so(root: Path) -> None:
    """A mistyped prefix is the usual one: what is wrong with it, and what one looks like."""
    ended = run(str(root), "--allow", "10.0.0.1/8")
    assert ended.returncode == 2
    assert ended.stderr.endswith(
        "argument --allow: 10.0.0.1/8 has host bits set; expected such as 10.0.0.0/8 or 2001:db8::/32\n"
    )
