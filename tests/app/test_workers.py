"""``nearboot serve tftp`` with several workers: one book, killed workers, given-up root, and what systemd is told."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nearboot.app.database import reading
from nearboot.config import Config
from nearboot.errors import PeerError
from nearboot.inventory import boot_store
from nearboot.model import EventKind
from nearboot.tftp.client import read

Daemon = Callable[..., Any]

READS = 300
CONFIG = "pxelinux.cfg/01-52-54-00-00-00-01"


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder that other users reach, as they do not reach pytest's."""
    with tempfile.TemporaryDirectory(prefix="nearboot-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def words(fleet: Config) -> list[object]:
    """How the daemon is started."""
    return ["--host", "127.0.0.1", "--port", 0, "--root", fleet.root, "--boot-server", "there-boot", "--workers", 2]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def _read_all(port: int, count: int) -> list[bytes | BaseException]:
    paths = [CONFIG, "/deb/initrd.gz", "nearboot-health"]
    slots = asyncio.Semaphore(16)

    async def one(path: str) -> bytes:
        async with slots:
            return await read("127.0.0.1", port, path, timeout_s=2, retries=10)

    return await asyncio.gather(*(one(paths[number % 3]) for number in range(count)), return_exceptions=True)


def test_the_events_of_all_workers_reach_the_book(fleet: Config, daemon: Daemon, words: list[object]) -> None:
    """Several processes write one SQLite file at once, and none of them finds it locked for too long."""
    tftp = daemon("tftp", *words)
    assert " workers=2 " in tftp.ready
    found = asyncio.run(_read_all(tftp.port, READS))
    assert not [each for each in found if isinstance(each, BaseException)]
    assert tftp.end() == 0
    with reading(fleet) as session:
        events = [event for event in boot_store.events(session) if event.kind is EventKind.TFTP_READ]
    assert len(events) == READS
    assert {(event.outcome, event.server, event.boot_server) for event in events} == {("ok", "lo-01", "there-boot")}
    log = tftp.log.read_text()
    assert "lost" not in log and "dropped" not in log and "locked" not in log


def test_a_killed_worker_is_followed_and_its_clients_are_served(
    fleet: Config, daemon: Daemon, words: list[object]
) -> None:
    """Its successor has a database connection of its own."""
    tftp = daemon("tftp", *words)
    for pid in children(tftp.process.pid):
        os.kill(pid, signal.SIGKILL)
        found = asyncio.run(_read_all(tftp.port, 30))
        assert not [each for each in found if isinstance(each, BaseException)]
    assert tftp.end() == 0
    assert tftp.log.read_text().count("died: killed by SIGKILL; the next starts in 0.0 s") == 2


@pytest.mark.parametrize("backend", ["sqlite"])
def test_metrics_are_the_sum_over_the_workers(daemon: Daemon, words: list[object]) -> None:
    """They have a process of their own, whose address is in the ready line."""
    tftp = daemon("tftp", *words, "--metrics-listen", "127.0.0.1:0")
    asyncio.run(_read_all(tftp.port, 30))
    url = tftp.ready.split(" metrics=")[1].split()[0]
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert 'nearboot_tftp_requests_total{outcome="completed"} 30.0' in answer.read().decode()
    assert len(children(tftp.process.pid)) == 3
    assert tftp.end() == 0


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Hears what daemons of this test tell it."""
    name = f"nearboot-app-test-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        sock.settimeout(30)
        yield sock


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(["tftp"], id="tftp"),
        pytest.param(["tftp", "--workers", "2"], id="workers"),
        pytest.param(["http"], id="http"),
    ],
)
def test_systemd_is_told(fleet: Config, daemon: Daemon, systemd: socket.socket, kind: list[str]) -> None:
    """Ready when all serve, and that it stops; once each."""
    started = daemon(*kind, "--host", "127.0.0.1", "--port", 0, "--root", fleet.root)
    ready, status = systemd.recv(1000).decode().split("\n")
    assert ready == "READY=1"
    assert status.startswith(f"STATUS={kind[0]} on 127.0.0.1 port {started.port} ")
    assert started.end() == 0
    assert systemd.recv(1000) == b"STOPPING=1"
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(1000)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_transfer_under_way_ends_whole_after_a_stop(fleet: Config, daemon: Daemon, words: list[object]) -> None:
    """``tftp.grace_s`` seconds are given to it; its event is written."""
    tftp = daemon("tftp", *words)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(30)
        sock.sendto(b"\0\1deb/vmlinuz\0octet\0", ("127.0.0.1", tftp.port))
        block, transfer = sock.recvfrom(2000)
        tftp.process.terminate()
        got = b""
        while True:
            got += block[4:]
            sock.sendto(b"\0\4" + block[2:4], transfer)
            if len(block) < 516:
                break
            block = sock.recv(2000)
    assert got == (fleet.root / "deb" / "vmlinuz").read_bytes()
    tftp.process.wait(60)
    assert tftp.process.returncode == 0
    with reading(fleet) as session:
        assert [(event.subject, event.outcome) for event in boot_store.events(session) if event.subject] == [
            ("deb/vmlinuz", "ok")
        ]


SHOWN = """
mkdir -p "$1/held"; mount --bind "$2" "$1/held"; mount -t tmpfs -o mode=755 tmpfs "$3"; mkdir -p "$2"
mount --move "$1/held" "$2"; shift 3; exec "$@"
"""


def _readable_python(folder: Path) -> list[object]:
    """The words before a command whose Python other users are to read: it may lie in root's home.

    In a mount namespace of its own the closed folder above it is an open one that has Python alone.
    """
    prefix = Path(sys.base_prefix)
    closed = [parent for parent in reversed(prefix.parents) if not parent.stat().st_mode & 0o001]
    if not closed:
        return []
    namespace = ["unshare", "--mount", "--propagation", "private"]
    return [*namespace, "sh", "-e", "-c", SHOWN, "sh", folder, prefix, closed[0]]


@pytest.mark.root
@pytest.mark.parametrize("backend", ["sqlite"])
def test_root_is_given_up_and_the_book_is_kept(
    fleet: Config, nearboot: Callable[..., Any], words: list[object], tmp_path: Path
) -> None:
    """The database belongs to the user, and nothing that the daemon makes belongs to root."""
    nobody = pwd.getpwnam("nobody")
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    words += ["--user", "nobody", "--metrics-listen", ""]
    command = [*_readable_python(tmp_path), sys.executable, "-m", "nearboot", "serve", "tftp", *words]
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tftp:
        assert tftp.stdout is not None
        ready = tftp.stdout.readline().decode()
        try:
            port = int(ready.split(" port ")[1].split()[0])
            pids = [tftp.pid, *children(tftp.pid)]
            found = asyncio.run(_read_all(port, 6))
            statuses = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
        finally:
            tftp.terminate()
            _, err = tftp.communicate(timeout=60)
    assert tftp.returncode == 0, err
    assert len(statuses) == 3
    for status in statuses:
        assert f"Uid:\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}\n" in status
        assert "CapEff:\t0000000000000000\n" in status and "NoNewPrivs:\t1\n" in status
    assert not [each for each in found if isinstance(each, BaseException)]
    with reading(fleet) as session:
        assert len([event for event in boot_store.events(session) if event.kind is EventKind.TFTP_READ]) == 6
    assert {path.stat().st_uid for path in (tmp_path / "state").rglob("*")} <= {nobody.pw_uid}


@pytest.mark.root
@pytest.mark.parametrize("backend", ["sqlite"])
def test_what_the_user_cannot_use_is_told(nearboot: Callable[..., Any], words: list[object], tmp_path: Path) -> None:
    """With its owner, before anything is served."""
    command = [*_readable_python(tmp_path), sys.executable, "-m", "nearboot", "serve", "tftp", *words]
    command = [str(word) for word in (*command, "--user", "nobody")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    line = ran.stderr.splitlines()[-1]
    assert line.startswith(f"nearboot: {tmp_path} cannot be written by user 'nobody': it is root's, mode 0")
    assert f"; {tmp_path}/nearboot.db cannot be written" in line


@pytest.mark.root
@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_closed_folder_above_it_is_told(nearboot: Callable[..., Any], words: list[object], tmp_path: Path) -> None:
    """Whether there is anything in it, the user cannot see."""
    tmp_path.chmod(0o700)
    command = [sys.executable, "-m", "nearboot", "serve", "tftp", *words, "--user", "nobody"]
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f"; {tmp_path}/nearboot.db: Permission denied, for user 'nobody'" in ran.stderr.splitlines()[-1]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_port_in_use_is_told_with_several_workers_too(daemon: Daemon, words: list[object]) -> None:
    """SO_REUSEPORT must not let a second daemon take half of the clients."""
    tftp = daemon("tftp", *words)
    again = [str(tftp.port) if word == 0 else str(word) for word in words]
    command = [sys.executable, "-m", "nearboot", "serve", "tftp", *again]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    message = f"nearboot: TFTP cannot listen on 127.0.0.1 port {tftp.port}: Address already in use"
    assert ran.stderr.splitlines()[-1] == message


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_metrics_address_in_use_is_told(nearboot: Callable[..., Any], words: list[object]) -> None:
    """It is another process that finds out; the daemon does not go up without it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        command = [sys.executable, "-m", "nearboot", "serve", "tftp", *map(str, words), "--metrics-listen", listen]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert "tftp.metrics_listen: cannot listen on 127.0.0.1 port" in ran.stderr.splitlines()[-1]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_an_address_that_no_interface_has_is_told(nearboot: Callable[..., Any], words: list[object]) -> None:
    """Nothing was started."""
    ran = nearboot("serve", "tftp", *words, "--host", "192.0.2.1", code=1)
    assert ran.err.splitlines()[-1].startswith("nearboot: TFTP cannot listen on 192.0.2.1 port 0: ")


def test_silence_is_an_error_of_the_reader() -> None:
    """The reads above are not whole by mistake: one that nobody answers raises."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(PeerError):
            asyncio.run(read("127.0.0.1", silent.getsockname()[1], "x", timeout_s=0.01, retries=1))
