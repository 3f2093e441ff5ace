"""What the TFTP benchmarks run: the load generator, the limit, nearboot's server and its peers, as processes.

Servers and load are given processors of their own, the first and the second that this process may use.
"""

from __future__ import annotations

import getpass
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HOST = "127.0.0.1"
TFTP_PORT = 69
READY_S = 15.0
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, LOAD_CPU = CPUS[0], CPUS[-1]


class MissingError(Exception):
    """A server cannot run here; says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A file to serve, and its CRC-32."""

    name: str
    crc: str

    @classmethod
    def of(cls, root: Path, name: str, size: int) -> Sample:
        """Made of chance under ``root``."""
        content = os.urandom(size)
        path = root / name
        path.write_bytes(content)
        path.chmod(0o644)  # in.tftpd serves what everyone may read
        return cls(name, f"{zlib.crc32(content):08x}")


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs."""

    name: str
    port: int
    pid: int


Command = Callable[[Path, Path, int], list[str]]
"""From the folder of compiled programs, the root and the port to an argv; MissingError if there is no such server."""


def compiled(name: str, folder: Path) -> Path:
    """``name``.c of this directory, compiled into ``folder``."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("bench_tftp: no C compiler (cc) is installed; on Debian: apt-get install gcc libc6-dev")
    program = folder / name
    subprocess.run([compiler, "-O2", "-Wall", "-o", program, HERE / f"{name}.c"], check=True)
    return program


def load(program: Path, server: Server, sample: Sample, *options: object, cpu: int | None = LOAD_CPU) -> dict[str, Any]:
    """Read ``sample``; what the load generator counted."""
    with starting_load(program, server, sample, *options, cpu=cpu) as process:
        output, _ = process.communicate()
    if not output:
        raise SystemExit(f"bench_tftp: the load generator ended with code {process.returncode}")
    counted: dict[str, Any] = json.loads(output)
    return counted


def starting_load(
    program: Path, server: Server, sample: Sample, *options: object, cpu: int | None = LOAD_CPU
) -> subprocess.Popen[str]:
    command = [program, *options, "-x", sample.crc, HOST, server.port, sample.name]
    return subprocess.Popen([*pinned(cpu), *map(str, command)], stdout=subprocess.PIPE, text=True)


def pinned(cpu: int | None) -> list[str]:
    """The start of an argv that keeps a program on one processor."""
    return [] if cpu is None else ["taskset", "-c", str(cpu)]


@contextmanager
def running(
    name: str, command: Command, programs: Path, root: Path, *, cpu: int | None = SERVER_CPU
) -> Iterator[Server]:
    """A server that answers, on a free port, until the block ends. MissingError says why there is none."""
    port = TFTP_PORT if command is dnsmasq else free_port()
    argv = command(programs, root, port)
    if not is_free(port):
        raise MissingError(f"has no place: UDP port {port} is in use")
    log = programs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*pinned(cpu), *argv], stdout=output, stderr=output)
    try:
        if not answers(process, port, root):
            raise MissingError(f"did not serve: {log.read_text(errors='replace').strip()[-200:] or 'without a word'}")
        yield Server(name, port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(process: subprocess.Popen[bytes], port: int, root: Path) -> bool:
    """Whether a file can be read before READY_S have passed."""
    (root / "ready").write_bytes(b"ready")
    (root / "ready").chmod(0o644)
    deadline = time.monotonic() + READY_S
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            sock.sendto(b"\0\1ready\0octet\0", (HOST, port))
            try:
                data, peer = sock.recvfrom(600)
            except OSError:
                continue
            sock.sendto(b"\0\4\0\1", peer)
            return data == b"\0\3\0\1ready"
    return False


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """dnsmasq would share the port with another one, and each would get some of the requests."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((HOST, port))
        except OSError:
            return False
        return True


def limit(programs: Path, root: Path, port: int) -> list[str]:
    return [str(programs / "tftp_limit"), str(port), str(root)]


def nearboot(programs: Path, root: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "nearboot.tftp", str(root), "--host", HOST, "--port", str(port)]


def nearboot_wide(programs: Path, root: Path, port: int) -> list[str]:
    """With windows of 256, which are not granted without that setting."""
    return [*nearboot(programs, root, port), "--max-windowsize", "256"]


def nearboot_single_port(programs: Path, root: Path, port: int) -> list[str]:
    """With all transfers on the server's own port."""
    return [*nearboot(programs, root, port), "--single-port"]


def nearboot_fbtftp(programs: Path, root: Path, port: int) -> list[str]:
    """A server written for fbtftp, on nearboot.fbtftp."""
    return [sys.executable, str(HERE / "fbtftp_server.py"), "nearboot.fbtftp", str(root), str(port)]


def dnsmasq(programs: Path, root: Path, port: int) -> list[str]:
    """Its TFTP port cannot be chosen."""
    if os.getuid():
        raise MissingError("serves port 69 alone, which needs root")
    keep = ["--keep-in-foreground", "--port=0", "--conf-file=/dev/null", "--pid-file=", "--user=root"]
    where = [f"--listen-address={HOST}", "--bind-interfaces"]
    return [found("dnsmasq"), *keep, *where, "--enable-tftp", f"--tftp-root={root}", "--tftp-max=1000"]


def tftpd_hpa(programs: Path, root: Path, port: int) -> list[str]:
    if os.getuid():
        raise MissingError("changes its root directory, which needs root")
    return [found("in.tftpd"), "-L", "-4", "-u", "root", "-s", "-a", f"{HOST}:{port}", str(root)]


def atftpd(programs: Path, root: Path, port: int) -> list[str]:
    user = getpass.getuser()
    keep = ["--daemon", "--no-fork", "--user", user, "--group", user, "--maxthread", "1000"]
    return [found("atftpd"), *keep, "--port", str(port), "--bind-address", HOST, str(root)]


def fbtftp(programs: Path, root: Path, port: int) -> list[str]:
    if importlib.util.find_spec("fbtftp") is None:
        raise MissingError("is not installed: pip install fbtftp")
    return [sys.executable, str(HERE / "fbtftp_server.py"), "fbtftp", str(root), str(port)]


def found(program: str) -> str:
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/sbin")
    if path is None:
        raise MissingError("is not installed")
    return path


SERVERS: dict[str, Command] = {
    "limit": limit,
    "nearboot": nearboot,
    "atftpd": atftpd,
    "dnsmasq": dnsmasq,
    "fbtftp": fbtftp,
    "tftpd-hpa": tftpd_hpa,
}
"""All that are compared where nobody says otherwise."""
OTHER_WAYS: dict[str, Command] = {"nearboot.fbtftp": nearboot_fbtftp, "single-port": nearboot_single_port}
"""nearboot's data plane put to use otherwise."""
NOT_PEERS = {"limit", "nearboot", *OTHER_WAYS}
