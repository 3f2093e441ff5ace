"""The parent of several workers: it starts them, starts them again, and ends them; it serves nothing itself.

It holds every worker's socket open, so that requests that arrive while a worker is dead wait for its successor. It
never has a thread, so that it can always fork; what else a server needs (an endpoint for metrics) runs in a process of
its own beside the workers (``beside``), and is started again as they are.

    run_workers(work, [(first,), (second,)], on_ready=say_ready, grace_s=10)
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from nearboot.errors import ConfigError
from nearboot.tftp.notify_runner import notify, watchdog_s
from nearboot.tftp.respawn import Respawn
from nearboot.tftp.worker_runner import READY, STOPS, WATCHED, Child, Tell, Work, Worker, end_at_once, fork, is_another

log = logging.getLogger(__name__)

BESIDE_S = 5.0
"""How long the process beside the workers may take to end, after they have."""
BESIDE = -1
"""Its index."""

Shares = Sequence[tuple[socket.socket, ...]]
"""The sockets of each worker."""


def run_workers(
    work: Work,
    shares: Shares,
    *,
    grace_s: float,
    on_ready: Callable[[str], None],
    beside: Work | None = None,
    holds: bool = False,
) -> int:
    """Do ``work`` in a process for each share until SIGTERM or SIGINT; the exit code.

    ``grace_s``: how long a worker may take to end; then it is killed, and the code is 1. ``on_ready`` is called once,
    in the parent, when all serve, with all the notes that came with it. ``beside``: done in one more process, which
    gets no sockets and ends last. ``holds``: the parent keeps the sockets until the last worker has ended, because
    transfers go on over them (single-port mode): the kernel would deal the clients out anew. One share and nothing
    beside it: done in this process. ConfigError where the workers die before they serve, with the reason.
    """
    if len(shares) == 1 and beside is None:
        work(Worker(0, shares[0], ready=on_ready, is_alone=True))
        return 0
    jobs = [Job(f"worker {index}", index, work, share) for index, share in enumerate(shares)]
    if beside is not None:
        jobs.append(Job("the process beside the workers", BESIDE, beside, ()))
    return Supervisor(jobs, on_ready=on_ready, grace_s=grace_s, holds=holds).run()


@dataclass(slots=True)
class Job:
    """What is done by one child after another."""

    name: str
    index: int
    work: Work
    share: tuple[socket.socket, ...]
    child: Child | None = None
    start_at: float | None = 0.0
    """When the next child is due; None: one lives, or none is wanted any more."""

    def run(self, tell: Tell) -> None:
        """In the child."""
        self.work(Worker(self.index, self.share, ready=lambda note: tell(READY + note.encode())))


class Supervisor:
    """Keeps a child alive for each job until it is told to stop."""

    def __init__(self, jobs: Sequence[Job], *, on_ready: Callable[[str], None], grace_s: float, holds: bool) -> None:
        self._jobs = jobs
        self._holds = holds
        self._on_ready = on_ready
        self._grace_s = grace_s
        self._respawn = Respawn()
        self._selector = selectors.PollSelector()
        self._was_ready = False
        self._kill_at: float | None = None
        """Not None: stopping."""
        self._stopped_at = 0.0
        self._code = 0
        self._watchdog = watchdog_s()
        self._watchdog_at = 0.0
        self._wake, self._waker = socket.socketpair()

    def run(self) -> int:
        """Until all have ended; the exit code."""
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        with handling(self._waker.fileno()):
            try:
                self._turn(time.monotonic())
                while any(job.child or job.start_at is not None for job in self._jobs):
                    self._selector.select(self._pause(time.monotonic()))
                    self._turn(time.monotonic())
            finally:
                self._kill()
                self._selector.close()
                self._wake.close()
                self._waker.close()
        return self._code

    def _turn(self, now: float) -> None:
        """Everything that has come to pass, in the order in which it matters."""
        self._heed_signals(now)
        for job in self._jobs:
            if job.child:
                self._look_after(job, job.child, now)
        for job in self._jobs:
            if job.start_at is not None and now >= job.start_at:
                self._start(job)
        if (
            not self._was_ready
            and self._kill_at is None
            and all(job.child and job.child.is_ready for job in self._jobs)
        ):
            self._was_ready = True
            self._on_ready("".join(job.child.note for job in self._jobs if job.child))
        self._end_late(now)
        self._say_alive(now)

    def _pause(self, now: float) -> float | None:
        """How long nothing is due."""
        due = [job.start_at for job in self._jobs if job.start_at is not None]
        due += [self._kill_at] if self._kill_at is not None else []
        due += [self._watchdog_at] if self._watchdog else []
        return max(0.0, min(due) - now) if due else None

    def _start(self, job: Job) -> None:
        also: list[Callable[[], None]] = [self._wake.close, self._waker.close]
        also += [sock.close for other in self._jobs for sock in other.share if sock not in job.share]
        also += [other.child.close for other in self._jobs if other.child]
        job.child, job.start_at = fork(job.run, also=also), None
        self._selector.register(job.child.reader, selectors.EVENT_READ)

    def _look_after(self, job: Job, child: Child, now: float) -> None:
        was_ready = child.is_ready
        is_open = child.listen()
        ended = child.has_ended()
        if child.is_ready and not was_ready:
            self._respawn.became_ready(is_last=all(other.child and other.child.is_ready for other in self._jobs))
        if not is_open and child.reader in self._selector.get_map():
            self._selector.unregister(child.reader)
        if ended:
            if child.reader in self._selector.get_map():
                self._selector.unregister(child.reader)
            child.close()
            job.child = None
            self._bury(job, child, now)

    def _bury(self, job: Job, child: Child, now: float) -> None:
        if self._kill_at is not None:
            if child.code not in (0, -signal.SIGTERM):
                log.warning("%s pid=%d ended badly: %s", job.name, child.pid, child.why)
                self._code = 1
            self._go_on_stopping(now)
            return
        pause_s = self._respawn.died(job.index, now, was_ready=child.is_ready)
        job.start_at = now + pause_s
        when = "" if child.is_ready else " before it served"
        log.warning("%s pid=%d died%s: %s; the next starts in %.1f s", job.name, child.pid, when, child.why, pause_s)
        serving = sum(1 for other in self._jobs if other.child and other.child.is_ready and other.index != BESIDE)
        if self._respawn.is_hopeless(serving=serving):
            count = self._respawn.start_deaths
            raise ConfigError(f"gave up: {count} times a worker died before it served; the last: {child.why}")

    def _heed_signals(self, now: float) -> None:
        try:
            numbers = self._wake.recv(4096)
        except BlockingIOError:
            return
        for number in numbers:
            if number in STOPS:
                self._stop(number, now)

    def _stop(self, number: int, now: float) -> None:
        """The first signal: workers end in order. The second: at once, and this process by that signal."""
        if self._kill_at is not None:
            if is_another(self._stopped_at):
                self._kill()
                end_at_once(number)
            return
        notify("STOPPING=1")
        self._stopped_at = now
        self._kill_at = now + self._grace_s
        for job in self._jobs:
            job.start_at = None
            for sock in () if self._holds else job.share:
                sock.close()  # a request is answered by the kernel now, not kept for nobody
            if job.child and job.index != BESIDE:
                job.child.signal(signal.SIGTERM)
        self._go_on_stopping(now)

    def _go_on_stopping(self, now: float) -> None:
        """When only the process beside the workers is left, it is its turn."""
        left = [job for job in self._jobs if job.child]
        if [job.index for job in left] == [BESIDE] and left[0].child:
            left[0].child.signal(signal.SIGTERM)
            self._kill_at = now + BESIDE_S

    def _end_late(self, now: float) -> None:
        if self._kill_at is None or now < self._kill_at:
            return
        late = [job for job in self._jobs if job.child and job.index != BESIDE] or [j for j in self._jobs if j.child]
        for job in late:
            if job.child:
                log.warning("%s pid=%d did not end in time: killed", job.name, job.child.pid)
                job.child.signal(signal.SIGKILL)
        self._kill_at = now + BESIDE_S

    def _kill(self) -> None:
        """Whatever happens, no child is left."""
        for job in self._jobs:
            if job.child:
                job.child.signal(signal.SIGKILL)
                os.waitpid(job.child.pid, 0)
                job.child.close()
                job.child = None

    def _say_alive(self, now: float) -> None:
        if self._watchdog and now >= self._watchdog_at:
            self._watchdog_at = now + self._watchdog / 2
            notify("WATCHDOG=1")


@contextmanager
def handling(waker: int) -> Iterator[None]:
    """Have the numbers of the signals written to ``waker`` for a while."""
    before = {number: signal.signal(number, _heard) for number in WATCHED}
    waker_before = signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(waker_before)
        for number, handler in before.items():
            signal.signal(number, handler)


def _heard(number: int, frame: object) -> None:
    """The number has been written already."""
