"""The parent of several workers: real processes, killed and told to stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

Start = Callable[..., Any]

WORK = """
import os, signal, socket, sys, time
from nearboot.errors import ConfigError, NearbootError
from nearboot.tftp.supervisor_runner import run_workers
from nearboot.tftp.worker_runner import block_stops, wait_for_stop

def say(*words): os.write(1, (" ".join(map(str, words)) + "\\n").encode())  # a line of several writes would mix

def work(worker):
    block_stops()
    say("worker", worker.index, os.getpid(), worker.is_alone)
    worker.ready(f" note={worker.index}" if worker.index < 0 else "")
    wait_for_stop(worker)
    say("ends", worker.index)

def run(work=work, workers=2, **more):
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(workers)]
    ready = lambda note: say("ready" + note)
    try:
        sys.exit(run_workers(work, [(sock,) for sock in socks], on_ready=ready, **({"grace_s": 30.0} | more)))
    except NearbootError as error:
        sys.exit(str(error))
"""


class Family:
    """A parent that is ready, and the pids of its workers by index."""

    def __init__(self, started: Any, count: int) -> None:
        self.started = started
        self.pids: dict[int, int] = {}
        for _ in range(count):
            self.born()
        self.ready = started.line()

    def born(self) -> int:
        """Read of one worker's start; its index."""
        word, index, pid, _ = self.started.line().split()
        assert word == "worker"
        self.pids[int(index)] = int(pid)
        return int(index)


def test_workers_are_started_and_end_in_order(program: Start) -> None:
    """Ready is said once, when all are."""
    family = Family(program(WORK + "run()"), 2)
    assert family.ready == "ready"
    assert len({family.started.pid, *family.pids.values()}) == 3
    code, out, err = family.started.end(signal.SIGTERM)
    assert (code, sorted(out.splitlines()), err) == (0, ["ends 0", "ends 1"], "")


def test_a_killed_worker_is_started_again_and_the_other_goes_on(program: Start) -> None:
    """At once the first time; a little later the next ones. What happened is said."""
    family = Family(program(WORK + "run()"), 2)
    other = family.pids[1]
    for _ in range(3):
        killed = family.pids[0]
        os.kill(killed, signal.SIGKILL)
        assert family.born() == 0
        assert family.pids[0] != killed
    assert family.pids[1] == other
    code, _, err = family.started.end(signal.SIGTERM)
    assert code == 0
    assert "died: killed by SIGKILL; the next starts in 0.0 s" in err
    assert "the next starts in 0.2 s" in err


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        pytest.param('raise ConfigError("the port is gone")', "the port is gone", id="our error"),
        pytest.param("sys.exit(3)", "exit code 1", id="exit"),
        pytest.param("os.kill(os.getpid(), 9)", "killed by SIGKILL", id="killed"),
    ],
)
def test_workers_that_die_before_they_serve_end_it(program: Start, fault: str, why: str) -> None:
    """Also where the other one serves: the daemon has never been up. The last reason is told."""
    source = f"""
def broken(worker):
    if worker.index == 1:
        {fault}
    work(worker)
run(broken)
"""
    code, out, err = program(WORK + source).end()
    assert code == 1
    assert "ready" not in out
    assert err.splitlines()[-1] == f"gave up: 5 times a worker died before it served; the last: {why}"


def test_a_terminal_that_tells_all_of_them_ends_them_in_order(program: Start) -> None:
    """Ctrl-C reaches the workers too, and so does systemd's SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        family = Family(program(WORK + "run()", start_new_session=True), 2)
        os.killpg(family.started.pid, number)
        code, out, err = family.started.end()
        assert (code, sorted(out.splitlines())) == (0, ["ends 0", "ends 1"]), err


DEAF = """
def deaf(worker):
    signal.signal(signal.SIGTERM, lambda *_: say("hears", worker.index))
    say("worker", worker.index, os.getpid(), False)
    worker.ready("")
    while True:
        signal.pause()
"""


def test_a_second_signal_ends_all_at_once(program: Start, ended: Callable[[int], bool]) -> None:
    """By the signal itself, so that whoever waits sees why."""
    family = Family(program(WORK + DEAF + "run(deaf)"), 2)
    family.started.process.terminate()
    assert sorted([family.started.line(), family.started.line()]) == ["hears 0", "hears 1"]
    assert end_by_many(family.started, signal.SIGTERM) == -signal.SIGTERM
    assert all(ended(pid) for pid in family.pids.values())


def test_a_signal_that_comes_twice_at_once_is_one(program: Start) -> None:
    """timeout(1) sends it to the process and to its group."""
    family = Family(program(WORK + "run()"), 2)
    family.started.process.terminate()
    assert family.started.end(signal.SIGTERM)[0] == 0


def end_by_many(started: Any, number: int) -> int:
    """Send a signal until the program has ended; its exit code."""
    while True:
        started.process.send_signal(number)
        try:
            return int(started.process.wait(0.05))
        except subprocess.TimeoutExpired:
            continue


def test_a_worker_that_does_not_end_is_killed_after_the_grace(program: Start, ended: Callable[[int], bool]) -> None:
    """It is said, and the exit code is 1."""
    family = Family(program(WORK + DEAF + "run(deaf, grace_s=0.2)"), 2)
    code, _, err = family.started.end(signal.SIGTERM)
    assert code == 1
    assert err.count("did not end in time: killed") == 2
    assert all(ended(pid) for pid in family.pids.values())


def test_workers_do_not_outlive_a_killed_parent(program: Start, ended: Callable[[int], bool]) -> None:
    """They end in order by themselves."""
    family = Family(program(WORK + "run()"), 2)
    family.started.process.kill()
    assert all(ended(pid) for pid in family.pids.values())
    assert sorted(family.started.end()[1].splitlines()) == ["ends 0", "ends 1"]


def test_what_runs_beside_the_workers_is_one_more_process_that_ends_last(program: Start) -> None:
    """It is started again as they are, has none of their sockets, and its note is in the ready line."""
    source = """
def beside(worker):
    assert worker.sockets == ()
    work(worker)
run(beside=beside)
"""
    family = Family(program(WORK + source), 3)
    assert family.ready == "ready note=-1"
    os.kill(family.pids[-1], signal.SIGKILL)
    assert family.born() == -1
    code, out, _ = family.started.end(signal.SIGTERM)
    assert code == 0
    assert out.splitlines()[-1] == "ends -1"
    assert len(out.splitlines()) == 3


def test_one_worker_is_this_process(program: Start) -> None:
    """Nothing is forked where there is nothing to gain."""
    started = program(WORK + "run(workers=1)")
    assert started.line() == f"worker 0 {started.pid} True"
    assert started.line() == "ready"
    assert started.end(signal.SIGTERM)[0] == 0


def test_a_worker_has_its_own_socket_alone(program: Start) -> None:
    """A socket that another process holds open would go on taking requests when its worker is gone."""
    source = """
def count(worker):
    held = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if int(fd) > 2 and fd_exists(fd)]
    inode = os.readlink(f"/proc/self/fd/{worker.sockets[0].fileno()}")
    say("holds", sum(name.startswith("socket:") for name in held), inode in held)
    work(worker)
def fd_exists(fd):
    try:
        os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return False
    return True
run(count, workers=3)
"""
    started = program(WORK + source)
    said = [started.line() for _ in range(6)]
    assert [line for line in said if line.startswith("holds")] == ["holds 2 True"] * 3, "its own, and the parent's ear"
    assert started.line() == "ready"
    assert started.end(signal.SIGTERM)[0] == 0


def test_stop_while_a_worker_starts_leaves_none(program: Start, ended: Callable[[int], bool]) -> None:
    """A worker that is not ready yet has no handler for the signal: it just ends."""
    source = """
def slow(worker):
    say("worker", worker.index, os.getpid(), False)
    signal.pause()
run(slow)
"""
    started = program(WORK + source)
    pids = [int(started.line().split()[2]) for _ in range(2)]
    assert started.end(signal.SIGTERM)[0] == 0
    assert all(ended(pid) for pid in pids)


@pytest.mark.parametrize("holds", [True, False])
def test_the_sockets_of_workers_that_have_ended_are_held_where_transfers_need_them(
    program: Start, ended: Callable[[int], bool], holds: bool
) -> None:
    """One socket fewer in the group, and the kernel would send the ACKs of the others' clients elsewhere."""
    source = f"""
def bound(worker):
    worker.sockets[0].bind(("127.0.0.1", 0))
    say("port", worker.index, worker.sockets[0].getsockname()[1])
    work(worker)
    if worker.index == 1:
        sys.stdin.read()
run(bound, holds={holds})
"""
    started = program(WORK + source, stdin=subprocess.PIPE)
    said = [started.line().split() for _ in range(4)]
    port, pid = (int(words[2]) for kind in ("port", "worker") for words in said if words[:2] == [kind, "0"])
    assert started.line() == "ready"
    started.process.terminate()
    assert {started.line(), started.line()} == {"ends 0", "ends 1"}
    assert ended(pid)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        sock.send(b"ACK")
        with pytest.raises(BlockingIOError if holds else ConnectionRefusedError):
            sock.recv(10)
    assert started.end()[0] == 0
