"""One forked worker: what it says, how it ends, and that it does not outlive its parent."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from nearboot.tftp.worker_runner import fork

Start = Callable[..., Any]

FORK = """
import os, select, signal, sys, time
from nearboot.errors import ConfigError
from nearboot.tftp.worker_runner import READY, Worker, block_stops, fork, wait_for_stop

def worked(run, number=None):
    child = fork(run, also=[])
    select.select([child.reader], [], [])
    child.listen()
    if number is not None:
        child.signal(number)
    while not child.has_ended():
        select.select([], [], [], 0.01)
    print(child.is_ready, repr(child.note), child.code, repr(child.why), flush=True)
    child.close()
"""


def test_a_child_tells_that_it_is_ready_and_why_it_ends(program: Start) -> None:
    """Its own words where it has any: our errors without a traceback, others with one."""
    source = """
def ready(tell): tell(READY + b" url=x")
def fails(tell): raise ConfigError("no such thing")
def breaks(tell): raise RuntimeError("a bug")
def waits(tell):
    tell(READY)
    signal.pause()
for run in (ready, fails, breaks): worked(run)
worked(waits, signal.SIGKILL)
worked(waits, signal.SIGTERM)
"""
    code, out, err = program(FORK + source).end()
    assert code == 0
    assert out.splitlines() == [
        "True ' url=x' 0 'exit code 0'",
        "False '' 1 'no such thing'",
        "False '' 1 'exit code 1'",
        "True '' -9 'killed by SIGKILL'",
        "True '' -15 'killed by SIGTERM'",
    ]
    assert err.count("Traceback") == 1 and "a bug" in err


def test_a_child_ends_with_its_parent(program: Start, ended: Callable[[int], bool]) -> None:
    """Also where that is killed and can tell nobody: in order, so that its transfers may end."""
    source = """
def serve(tell):
    block_stops()
    print(os.getpid(), flush=True)
    wait_for_stop(Worker(0, (), ready=print))
    print("in order", flush=True)
fork(serve, also=[])
signal.pause()
"""
    started = program(FORK + source)
    pid = int(started.line())
    started.process.kill()
    assert ended(pid)
    assert started.end()[1] == "in order\n"


def test_a_child_has_what_is_its_own_alone(program: Start) -> None:
    """What is printed before the fork is not printed twice, what the parent does at its end is not done."""
    source = """
import atexit
atexit.register(print, "the parent's end")
print("before")
def run(tell): print("child", signal.getsignal(signal.SIGINT) is signal.SIG_IGN)
child = fork(run, also=[lambda: print("closed")])
while not child.has_ended(): select.select([], [], [], 0.01)
child.close()
"""
    assert program(FORK + source).end()[1].splitlines() == ["before", "closed", "child True", "the parent's end"]


def test_a_process_with_threads_is_not_forked() -> None:
    """A lock that a thread holds would be held for ever in the child."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    with pytest.raises(RuntimeError, match="before any thread"):
        fork(lambda tell: None, also=[])
    done.set()
    thread.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_without_parent_ends_at_once_at_the_second_signal(program: Start, number: signal.Signals) -> None:
    """Whoever presses Ctrl-C twice does not want to wait."""
    source = """
worker = Worker(0, (), ready=print, is_alone=True)
block_stops()
print("waits", flush=True)
wait_for_stop(worker)
print("ends", flush=True)
time.sleep(60)
"""
    started = program(FORK + source)
    assert started.line() == "waits"
    started.process.send_signal(number)
    assert started.line() == "ends"
    while started.process.poll() is None:
        started.process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            started.process.wait(0.05)
    assert started.process.returncode == -number
