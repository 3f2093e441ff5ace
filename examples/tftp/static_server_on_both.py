"""``static_server.py`` on fbtftp and on nearboot.fbtftp, asked the same: what clients and callbacks got from each.

    pip install nearboot fbtftp
    python static_server_on_both.py

Exit code 0: all is the same, but for what nearboot.fbtftp says it does otherwise (marked *).
"""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nearboot.tftp.packet import Ack, Data, Error, Mode, Opcode, OptionAck, Request, encode, parse

SCRIPT = Path(__file__).parent / "static_server.py"
PACKAGES = ("fbtftp", "nearboot.fbtftp")
FILES = {
    "vmlinuz": bytes(range(256)) * 4096,
    "grub.cfg": b"set timeout=5\nlinux /vmlinuz\n" * 40,
    "empty": b"",
    "exact": b"x" * 512 * 8,
}
REQUESTS: tuple[tuple[str, Mode, tuple[tuple[str, str], ...]], ...] = (
    ("vmlinuz", Mode.OCTET, ()),
    ("vmlinuz", Mode.OCTET, (("tsize", "0"), ("blksize", "1428"))),
    ("vmlinuz", Mode.OCTET, (("blksize", "1024"), ("timeout", "7"), ("unknown", "1"))),
    ("grub.cfg", Mode.NETASCII, (("tsize", "0"),)),
    ("empty", Mode.OCTET, (("tsize", "0"),)),
    ("exact", Mode.OCTET, ()),
    ("missing", Mode.OCTET, (("blksize", "1428"),)),
)
MEANT = {
    "client ERROR text": "fbtftp's is the exception's, with paths of the server",
    "stats.options_in": "fbtftp sets none where the content was not found",
    "stats.options_acked": "likewise",
}


@dataclass(slots=True)
class Server:
    """One that runs, and the lines it prints."""

    process: subprocess.Popen[str]
    port: int = 0
    counters: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.port = self._line()["port"]

    def session(self) -> dict[str, Any]:
        """The statistics of the next session that ends."""
        while "session" not in (line := self._line()):
            self.counters.update(line["counters"])
        told: dict[str, Any] = line["session"]
        return told

    def all_counters(self) -> dict[str, int]:
        """When every request was counted."""
        while self.counters["process_count"] < len(REQUESTS):
            self.counters.update(self._line()["counters"])
        return dict(self.counters)

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line: dict[str, Any] = json.loads(self.process.stdout.readline())
        return line


def main() -> int:
    differences = 0
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for name, content in FILES.items():
            (Path(folder) / name).write_bytes(content)
        servers = [start(stack, package, folder) for package in PACKAGES]
        for name, mode, options in REQUESTS:
            print(f"\n{name} {mode.value} {' '.join(f'{key}={value}' for key, value in options)}")
            seen = [read(server.port, name, mode, options) | session(server) for server in servers]
            differences += table(*seen)
        print(f"\ncounters after {len(REQUESTS)} requests")
        differences += table(*(server.all_counters() for server in servers))
    print(f"\n{differences} differences" if differences else "\nidentical, but for what is marked * and meant:")
    for each, why in MEANT.items():
        print(f"* {each}: {why}")
    return 1 if differences else 0


def start(stack: ExitStack, package: str, root: str) -> Server:
    command = [sys.executable, str(SCRIPT), package, root, "0", "0.2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    stack.enter_context(process)
    stack.callback(process.terminate)
    return Server(process)


def read(port: int, name: str, mode: Mode, options: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """A whole read in lock-step, by a client of RFC 1350 and 2347."""
    seen: dict[str, Any] = {"client OACK": None}
    content, blksize, packets = b"", 512, 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(encode(Request(Opcode.RRQ, name, mode, options)), ("127.0.0.1", port))
        while True:
            datagram, peer = sock.recvfrom(65536)
            packets += 1
            match parse(datagram):
                case OptionAck(granted):
                    seen["client OACK"] = dict(granted)
                    blksize = int(dict(granted).get("blksize", blksize))
                    sock.sendto(encode(Ack(0)), peer)
                case Data(block, payload):
                    content += payload
                    sock.sendto(encode(Ack(block)), peer)
                    if len(payload) < blksize:
                        break
                case Error(code, text):
                    return seen | {"client ERROR": int(code), "client ERROR text": text}
    digest = hashlib.sha256(content).hexdigest()
    return seen | {"client bytes": len(content), "client packets": packets, "client sha256": digest[:16]}


def session(server: Server) -> dict[str, Any]:
    """The statistics that the session callback got; times and ports are any."""
    told = server.session()
    error = told.pop("error")
    told["peer"], told["server_addr"] = told["peer"][0], told["server_addr"][0]
    told["start_time"] = told["start_time"] > 0
    told |= {"error_code": error.get("error_code"), "error_message": error.get("error_message")}
    return {f"stats.{key}": value for key, value in told.items()}


def table(theirs: dict[str, Any], ours: dict[str, Any]) -> int:
    """Print both side by side; how many rows differ and should not."""
    differences = 0
    for key in [*theirs, *(key for key in ours if key not in theirs)]:
        pair = theirs.get(key, "-"), ours.get(key, "-")
        is_meant = key in MEANT
        mark = "=" if pair[0] == pair[1] else "*" if is_meant else "DIFFERENT"
        differences += mark == "DIFFERENT"
        print(f"  {key:20} {cell(pair[0]):50} {cell(pair[1]):50} {mark}")
    return differences


def cell(value: Any) -> str:
    text = " ".join(f"{key}={each}" for key, each in value.items()) if isinstance(value, dict) else str(value)
    return text if len(text) <= 50 else text[:47] + "..."


if __name__ == "__main__":
    sys.exit(main())
