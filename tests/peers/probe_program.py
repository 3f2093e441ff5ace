"""``nearboot probe`` as a process, in this namespace or another, ended by its id."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Program:
    """A running daemon. ``ready``: what it said on stdout; ``log``: where its stderr goes."""

    process: subprocess.Popen[str]
    ready: str
    log: Path

    @property
    def port(self) -> int:
        found = re.search(r" port (\d+) ", self.ready)
        assert found, self.ready
        return int(found[1])

    def end(self) -> int:
        """As an operator does; the exit code."""
        self.process.terminate()
        return self.process.wait(20)

    def line(self) -> str:
        """The next line on stdout."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@contextmanager
def program(log: Path, *words: object, namespace: str = "", **environment: str) -> Iterator[Program]:
    """A daemon that is ready; it is ended with the block."""
    if words[0] == "serve" and "--metrics-listen" not in words:
        words += ("--metrics-listen", "")  # its port is fixed, and other tests run
    where = ["ip", "netns", "exec", namespace] if namespace else []
    command = [*where, sys.executable, "-m", "nearboot", "probe", *map(str, words)]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=file, text=True, env=os.environ | environment
        )
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()
        assert ready.startswith("nearboot ready: probe "), log.read_text()
        yield Program(process, ready, log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
