"""Remembers which processes a lab has started, so that the next run can end what a killed run left behind.

Each process is a file with its pid, the time when it was started (in the kernel's ticks: a pid is used again, the pair
is not) and its command line. What lives in a namespace with the lab's prefix is the lab's as well.

    with Ledger(Path("/run/nearboot/lab"), "two-sites") as ledger:   # one lab of a name at a time
        await ledger.clear()
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from nearboot.errors import ToolError
from nearboot.lab.plan import prefix
from nearboot.lab.process_runner import run

STATE_DIR = Path("/run/nearboot/lab")
"""Where the labs of this host keep their records: namespaces are the host's too, whoever starts a lab."""

_GONE_S = 5.0  # how long a process has to end after SIGTERM, and again after SIGKILL
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class _Record:
    pid: int
    started: int
    argv: tuple[str, ...]


class Ledger:
    """The records of one lab, held by one process at a time."""

    def __init__(self, state_dir: Path, lab: str) -> None:
        self._lab = lab
        self._folder = state_dir / lab
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Take the lab's lock; raise ``ToolError`` if another process runs a lab of this name."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(lock, 32, 0).decode().strip()
            os.close(lock)
            raise ToolError(f"lab {self._lab}", f"is running already, as process {owner}") from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def record(self, name: str, pid: int, argv: Sequence[str]) -> None:
        """Note a process that was just started."""
        started = _started(pid)
        if started is not None:
            content = {"pid": pid, "started": started, "argv": list(argv)}
            (self._folder / f"{name}.json").write_text(json.dumps(content))

    def forget(self, name: str) -> None:
        """Strike out a process that has ended."""
        (self._folder / f"{name}.json").unlink(missing_ok=True)

    async def clear(self) -> list[str]:
        """End every process and delete every namespace of the lab; say what there was."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            record = _read(path)
            if record and _is_same(record):
                found.append(f"process {record.pid} ({path.stem})")
                await _end(record.pid, record.started)
            path.unlink(missing_ok=True)
        for namespace in await self._namespaces():
            for pid in (int(word) for word in (await run("ip", "netns", "pids", namespace)).split()):
                started = _started(pid)
                if started is not None and pid != os.getpid():
                    found.append(f"process {pid} in {namespace}")
                    await _end(pid, started)
            await run("ip", "netns", "delete", namespace)
            found.append(f"namespace {namespace}")
        return found

    async def _namespaces(self) -> list[str]:
        names = [line.split()[0] for line in (await run("ip", "netns", "list")).splitlines() if line.split()]
        return sorted(name for name in names if name.startswith(prefix(self._lab)))


def _read(path: Path) -> _Record | None:
    try:
        content = json.loads(path.read_text())
        return _Record(int(content["pid"]), int(content["started"]), tuple(map(str, content["argv"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # cut short by a crash: the namespaces will tell


def _is_same(record: _Record) -> bool:
    """Tell whether the pid still is the process that was recorded; a script's argv[0] is its interpreter."""
    try:
        words = Path("/proc", str(record.pid), "cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return False
    arguments = [os.fsencode(word) for word in record.argv[1:]]
    same_line = not arguments or words[-len(arguments) :] == arguments
    return same_line and _started(record.pid) == record.started


async def _end(pid: int, started: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GONE_S):
                while _started(pid) == started:
                    await asyncio.sleep(_POLL_S)
                return
    raise ToolError(f"process {pid}", "does not end, not even by SIGKILL")


def _started(pid: int) -> int | None:
    """Give the start time of a process (field 22 of /proc/PID/stat); None if it is gone or a zombie."""
    try:
        text = Path("/proc", str(pid), "stat").read_text()
    except OSError:
        return None
    state, *rest = text.rpartition(")")[2].split()  # the name before it may hold spaces and parentheses
    return None if state in "ZX" else int(rest[18])
