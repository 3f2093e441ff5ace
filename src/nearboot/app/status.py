"""What a daemon on this machine is doing, for ``boot-server top`` and for the metrics of its parent process.

Each process that serves has a socket in the run folder; whoever connects and writes a line that says what it wants gets
lines of JSON, and the end of the stream. No port, no password: the rights of the folder and of the socket decide. The
transfers come a hundred to a line, so that ten thousand of them do not hold the interpreter while packets wait.

    with StatusServer(path, sources): ...
    status = read_status(path, Wanted.TRANSFERS)
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nearboot.app.measure import BUCKETS, Measures
from nearboot.config import Config
from nearboot.errors import ConfigError, PeerError, ProtocolError
from nearboot.tftp import LiveState, LiveTransfer

log = logging.getLogger(__name__)

VERSION = 1
SUFFIX = ".sock"
MODE = 0o660
PATIENCE_S = 2.0
"""For each step of the other side."""
CHUNK = 100
LONGEST_WISH = 64


class Wanted(Enum):
    TOTALS = "totals"
    TRANSFERS = "transfers"  # the totals too


@dataclass(frozen=True, slots=True)
class Process:
    """Who tells it. ``daemon``: the process id of its parent where that is one of several workers, else its own."""

    kind: str
    daemon: int
    worker: int
    pid: int
    started_at: datetime
    listen: str
    boot_server: str

    @property
    def incarnation(self) -> str:
        """A name that no other process has, also not the next one of the same number."""
        return f"{self.daemon}.{self.worker}.{self.pid}.{self.started_at.timestamp():.6f}"

    @property
    def socket_name(self) -> str:
        return f"{self.kind}.{self.daemon}.{self.worker}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class Moving:
    """A transfer under way, and the server of the inventory that it is of, where the daemon knows it."""

    transfer: LiveTransfer
    machine: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """What one process told."""

    process: Process
    measures: Measures
    transfers: tuple[Moving, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a process has it from; both are called from other threads."""

    process: Process
    measures: Callable[[], Measures]
    transfers: Callable[[], Sequence[Moving]]


class StatusServer:
    """Answers on a socket of the run folder, in a thread that sleeps until somebody asks."""

    def __init__(self, folder: Path, sources: Sources) -> None:
        self.path = folder / sources.process.socket_name
        self._sources = sources
        self._sock = _listening(self.path)
        self._thread = threading.Thread(target=self._run, name="nearboot-status", daemon=True)
        self._is_closed = False

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Take no more questions, and remove the socket; idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept()
        if self._thread.is_alive():
            self._thread.join(PATIENCE_S * 2)
        self._sock.close()
        with suppress(OSError):
            self.path.unlink()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        while not self._is_closed:
            try:
                connection, _ = self._sock.accept()
            except OSError:
                if not self._is_closed:
                    log.warning("nobody can see this daemon any more: %s failed", self.path)
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_S)
        try:
            wish = connection.recv(LONGEST_WISH).decode("ascii", "replace").strip()
            for line in lines(self._sources, with_transfers=wish == Wanted.TRANSFERS.value):
                connection.sendall(line)
        except OSError as error:
            log.debug("whoever looked has left: %s", error)
        except Exception:  # a look must not end the looking
            log.exception("the status cannot be told")


def run_folder(config: Config) -> Path:
    """Where the sockets are."""
    return Path(config.run_dir) if config.run_dir else Path(config.state_dir, "run")


def lines(sources: Sources, *, with_transfers: bool) -> Iterator[bytes]:
    """What is told: a line for the process and its measures, then lines of transfers."""
    process, measures = sources.process, sources.measures()
    head = {
        "version": VERSION,
        "process": {item.name: getattr(process, item.name) for item in fields(process)},
        "counts": dict(measures.counts),
        "gauges": dict(measures.gauges),
        "buckets": measures.buckets,
        "sum_s": measures.sum_s,
    }
    yield _line(head)
    transfers = sources.transfers() if with_transfers else ()
    for at in range(0, len(transfers), CHUNK):
        yield _line([_told(each) for each in transfers[at : at + CHUNK]])


def parse_status(text: str) -> Status:
    """Read what ``lines`` gave; ProtocolError where it is something else."""
    try:
        head, *rest = [json.loads(line) for line in text.splitlines()]
        if head["version"] != VERSION or len(head["buckets"]) != BUCKETS:
            raise ProtocolError("it is of another version of nearboot")
        known = head["process"] | {"started_at": datetime.fromisoformat(head["process"]["started_at"])}
        measures = Measures(head["counts"], head["gauges"], tuple(head["buckets"]), head["sum_s"])
        return Status(Process(**known), measures, tuple(_moving(each) for chunk in rest for each in chunk))
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError(f"it is no status: {error}") from error


def read_status(path: Path, wanted: Wanted) -> Status:
    """Ask the process behind a socket; PeerError where it does not answer."""
    try:
        with socket.socket(socket.AF_UNIX) as sock, _reachable(path) as name:
            sock.settimeout(PATIENCE_S)
            sock.connect(name)
            sock.sendall(f"{wanted.value}\n".encode())
            with sock.makefile("r", encoding="ascii") as stream:
                return parse_status(stream.read())
    except (OSError, ProtocolError) as error:
        raise PeerError(f"{path}: {error.strerror if isinstance(error, OSError) and error.strerror else error}") from (
            error
        )


def sockets(folder: Path, *, daemon: int | None = None, kind: str = "tftp") -> list[Path]:
    """The sockets of all processes of a kind, or of one daemon's, in order."""
    return sorted(folder.glob(f"{kind}.{'*' if daemon is None else daemon}.*{SUFFIX}"))


def _told(moving: Moving) -> dict[str, object]:
    transfer = moving.transfer
    return {item.name: getattr(transfer, item.name) for item in fields(transfer)} | {"machine": moving.machine}


def _moving(told: dict[str, Any]) -> Moving:
    machine = told.pop("machine")
    told["client"] = (str(told["client"][0]), int(told["client"][1]))
    told["state"] = LiveState(told["state"])
    told["started_at"] = datetime.fromisoformat(told["started_at"])
    return Moving(LiveTransfer(**told), machine)


def _line(value: object) -> bytes:
    return json.dumps(value, default=_plain).encode() + b"\n"


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    assert isinstance(value, datetime)
    return value.isoformat()


def _listening(path: Path) -> socket.socket:
    """A socket in the run folder. It gets its name when it listens: one that refuses was left by a process killed."""
    new = path.with_suffix(".new")
    sock = socket.socket(socket.AF_UNIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path.parent)
        new.unlink(missing_ok=True)
        with _reachable(new) as name:
            sock.bind(name)
        new.chmod(MODE)
        sock.listen()
        new.rename(path)
    except OSError as error:
        sock.close()
        raise ConfigError(f"no socket can be made in run_dir: {path}: {error.strerror}") from error
    return sock


def _remove_stale(folder: Path) -> None:
    """Remove the sockets that nobody listens on."""
    for path in folder.glob(f"*{SUFFIX}"):
        with socket.socket(socket.AF_UNIX) as sock, _reachable(path) as name:
            sock.settimeout(PATIENCE_S)
            try:
                sock.connect(name)
            except ConnectionRefusedError:
                with suppress(OSError):
                    path.unlink()
            except OSError:
                continue  # it is slow, or not ours


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """A name of a socket that is short enough: the kernel takes 107 bytes, and a state folder may lie deep."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
