"""One worker process: what it is given, how it is forked, and how it ends with its parent.

Not the parent's loop, which is ``supervisor_runner``. A child is forked before its parent has any thread (a lock that
another thread held would be held for ever in the child), gets signals as a new process would, and is asked to end when
its parent dies, however that happens.

    child = fork(lambda tell: tell(READY), also=[sock.close])
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from nearboot.errors import NearbootError
from nearboot.tftp.notify_runner import forget_notify, notify, watchdog_s

STOPS = frozenset({signal.SIGTERM, signal.SIGINT})
WATCHED = STOPS | {signal.SIGCHLD}
SAME_S = 0.3
"""A stop signal so soon after the first is the same: timeout(1) and others send it to a process and to its group."""
READY, REASON = b"R", b"E"
"""The first byte of what a child says; a text follows: a note for the ready line, and why it ends."""
LONGEST = 65536
PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""

Tell = Callable[[bytes], None]
"""Tells the parent one thing."""


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker's work is given: which it is, the sockets that are its own, and how it says that it serves.

    ``is_alone``: there is no parent, so the process is to heed SIGINT and a second signal itself. A worker of a parent
    ends at SIGTERM in order, however often it comes (systemd sends it to all processes, and the parent does too).
    """

    index: int
    sockets: tuple[socket.socket, ...]
    ready: Callable[[str], None]
    """Says that it serves, and anything that the ready line of all is to have."""
    is_alone: bool = False


Work = Callable[[Worker], None]
"""Serves until SIGTERM, and returns when all is put away."""


class Child:
    """A forked process as its parent sees it; ``reader`` is readable when it has said something or is gone."""

    def __init__(self, pid: int, reader: socket.socket) -> None:
        self.pid, self.reader = pid, reader
        self.is_ready = False
        self.note = ""
        """What it said when it was ready."""
        self.code: int | None = None
        """How it ended: the exit code, or minus the signal."""
        self._reason = ""

    @property
    def why(self) -> str:
        """Why it ended: its own words, else its exit code."""
        code = self.code or 0
        return self._reason or (f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}")

    def listen(self) -> bool:
        """Take what it has said; False when nothing will follow."""
        with suppress(BlockingIOError):
            while said := self.reader.recv(LONGEST):
                kind, text = said[:1], said[1:].decode(errors="replace")
                if kind == READY:
                    self.is_ready, self.note = True, text
                elif kind == REASON:
                    self._reason = text
            return False
        return True

    def has_ended(self) -> bool:
        """Whether it is gone; takes its last words and its exit code."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.listen()
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def signal(self, number: int) -> None:
        if self.code is None:
            os.kill(self.pid, number)

    def close(self) -> None:
        self.reader.close()


def fork(run: Callable[[Tell], None], *, also: Iterable[Callable[[], None]]) -> Child:
    """A child process that does ``run`` and ends. ``also``: what it closes first, since it is its parent's alone."""
    if threading.active_count() > 1:
        raise RuntimeError("a process with threads cannot be forked: start the workers before any thread")
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reader.setblocking(False)
    parent = os.getpid()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)  # a signal meant for the child is not to wake the parent
    pid = os.fork()
    if pid == 0:
        _be_child(run, parent, writer, also=[*also, reader.close])
    writer.close()
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return Child(pid, reader)


def wait_for_stop(worker: Worker) -> None:
    """Return at SIGTERM (and SIGINT where the worker is alone), which then ends the process at the second time.

    Signals must be blocked in all threads: ``block_stops`` before the first is started.
    """
    watchdog = watchdog_s() if worker.is_alone else None
    stops = STOPS if worker.is_alone else STOPS - {signal.SIGINT}
    while watchdog is not None and signal.sigtimedwait(stops, watchdog / 2) is None:
        notify("WATCHDOG=1")
    if watchdog is None:
        signal.sigwait(stops)
    if worker.is_alone:
        notify("STOPPING=1")
        since = time.monotonic()
        for number in STOPS:
            signal.signal(number, lambda again, _: end_at_once(again) if is_another(since) else None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def is_another(since: float) -> bool:
    """Whether a stop signal that comes now is another one than that of the monotonic time ``since``."""
    return time.monotonic() - since > SAME_S


def end_at_once(number: int) -> None:
    """End this process by the signal, so that whoever waits for it sees why."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def block_stops() -> None:
    """Keep stop signals for ``wait_for_stop``; threads that are started later inherit it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)


def _be_child(
    run: Callable[[Tell], None], parent: int, writer: socket.socket, *, also: Iterable[Callable[[], None]]
) -> NoReturn:
    code = 1
    try:
        _be_new_process(parent)
        for close in also:
            close()
        run(lambda said: _tell(writer, said))
        code = 0
    except NearbootError as error:
        _tell(writer, REASON + str(error).encode())
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)  # what the parent has registered to do at its own end is not the child's


def _be_new_process(parent: int) -> None:
    """Signals as they are at the start of a process, but for SIGINT: a terminal sends it to all, the parent answers."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forget_notify()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)  # it died before it could be told


def _tell(writer: socket.socket, said: bytes) -> None:
    with suppress(OSError):  # the parent is gone, and its child is told to end soon
        writer.send(said[:LONGEST], socket.MSG_DONTWAIT)
