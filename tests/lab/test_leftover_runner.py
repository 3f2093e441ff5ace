"""Leftovers: what a killed run left is ended, what is not ours is left alone."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nearboot.errors import ToolError
from nearboot.lab.leftover_runner import Ledger

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
LAB = f"test-left-{os.getpid()}"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits to be ended."""
    with subprocess.Popen(SLEEPER) as process:
        yield process
        process.kill()


def test_a_recorded_process_is_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """A record that fits the process ends it; then nothing is left to clear."""
    with Ledger(tmp_path, LAB) as ledger:
        ledger.record("kea", sleeper.pid, SLEEPER)
    with Ledger(tmp_path, LAB) as ledger:
        assert asyncio.run(ledger.clear()) == [f"process {sleeper.pid} (kea)"]
        assert sleeper.wait() == -15
        assert asyncio.run(ledger.clear()) == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"argv": ["qemu", "-m", "512"]}, id="other-command"),
        pytest.param({"started": 1}, id="pid-used-again"),
        pytest.param({"argv": 7}, id="damaged"),
    ],
)
def test_another_process_with_that_pid_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], change: dict[str, object]
) -> None:
    """A pid alone proves nothing: start time and command line must agree."""
    with Ledger(tmp_path, LAB) as ledger:
        ledger.record("kea", sleeper.pid, SLEEPER)
        path = tmp_path / LAB / "kea.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        assert asyncio.run(ledger.clear()) == []
    assert sleeper.poll() is None


def test_a_lab_runs_once_at_a_time(tmp_path: Path) -> None:
    """The second says who has it; another lab is free to run."""
    with Ledger(tmp_path, LAB):
        with pytest.raises(ToolError, match=f"is running already, as process {os.getpid()}"), Ledger(tmp_path, LAB):
            pass
        with Ledger(tmp_path, f"{LAB}-other"):
            pass
    with Ledger(tmp_path, LAB):
        pass


@pytest.mark.root
def test_namespaces_and_what_lives_in_them_go(tmp_path: Path) -> None:
    """A process in the lab's namespace is the lab's, recorded or not; another lab's namespace stays."""
    ours, other = f"nb-{LAB}:site:x", f"nb-{LAB}-other:site:x"
    for name in (ours, other):
        subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        with subprocess.Popen(["ip", "netns", "exec", ours, *SLEEPER], stdout=subprocess.PIPE) as process:
            _until_inside(ours)
            with Ledger(tmp_path, LAB) as ledger:
                found = asyncio.run(ledger.clear())
        assert found == [f"process {process.pid} in {ours}", f"namespace {ours}"]
        assert Path("/run/netns", other).exists()
        assert not Path("/run/netns", ours).exists()
    finally:
        subprocess.run(["ip", "netns", "delete", other], check=True)


def _until_inside(namespace: str) -> None:
    while not subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, check=True).stdout:
        pass
