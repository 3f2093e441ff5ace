"""A daemon says when it is ready, and ends in order when it is told to."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from nearboot.app.daemon import STOPPING, run_daemon, say_ready, set_up_log


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_stops_it_in_order(number: signal.Signals) -> None:
    """The coroutine ends by itself, so that what it holds is put away."""
    stop = asyncio.Event()
    ended = []

    async def main() -> None:
        os.kill(os.getpid(), number)
        await stop.wait()
        ended.append(number)

    run_daemon(main(), stop)
    assert ended == [number]


TWICE = """
import asyncio, os, signal, time
from nearboot.app.daemon import run_daemon
from nearboot.tftp.worker_runner import SAME_S
async def main():
    os.kill(os.getpid(), signal.SIGTERM)
    await stop.wait()
    print("stops", flush=True)
    until = time.monotonic() + 2 * SAME_S * {is_late}
    while time.monotonic() < until or turns:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.01)  # the loop's turns, in which it hears of the signal
        turns[:1] = []
    print("in order", flush=True)
turns = [None] * 3
stop = asyncio.Event()
run_daemon(main(), stop, is_worker={is_worker})
"""


@pytest.mark.parametrize(
    ("is_worker", "is_late", "code", "out"),
    [
        pytest.param(False, True, -signal.SIGTERM, "stops\n", id="alone"),
        pytest.param(False, False, 0, "stops\nin order\n", id="the same signal, sent to the group as well"),
        pytest.param(True, True, 0, "stops\nin order\n", id="worker: its parent decides"),
    ],
)
def test_a_second_signal_ends_it_at_once(is_worker: bool, is_late: bool, code: int, out: str) -> None:
    """Whoever sends it does not want to wait for transfers. A worker may hear one stop several times."""
    command = [sys.executable, "-c", TWICE.format(is_worker=is_worker, is_late=int(is_late))]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (code, out), ran.stderr


def test_systemd_hears_of_ready_life_and_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog is told by the loop itself, so that a loop that hangs says nothing."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0nearboot-daemon-{os.getpid()}")
        systemd.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@nearboot-daemon-{os.getpid()}")
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        stop = asyncio.Event()

        async def main() -> None:
            say_ready("tftp")
            heard.extend([await asyncio.to_thread(systemd.recv, 100) for _ in range(3)])
            os.kill(os.getpid(), signal.SIGTERM)
            await stop.wait()

        heard: list[bytes] = []
        run_daemon(main(), stop)
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                heard.append(systemd.recv(100))
    assert heard[0] == b"READY=1\nSTATUS=tftp"
    assert heard.count(b"WATCHDOG=1") >= 2
    assert heard.count(b"STOPPING=1") == 1


def test_the_ready_line_is_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """It names the process that is to be ended."""
    say_ready("tftp on ::1 port 69")
    assert capsys.readouterr().out == f"nearboot ready: tftp on ::1 port 69 pid={os.getpid()}\n"


def test_the_log_is_not_filled_by_schema_checks() -> None:
    """alembic would tell of every look at the revision, uvicorn of each port scan."""
    set_up_log(verbose=True)
    assert not logging.getLogger("alembic.runtime.migration").isEnabledFor(logging.INFO)
    assert not logging.getLogger("uvicorn.error").isEnabledFor(logging.WARNING)


@pytest.mark.parametrize("verbose", [False, True])
def test_times_are_utc_and_say_so(verbose: bool) -> None:
    """As those of the events, wherever the daemon runs; details are told when they are asked for."""
    program = (
        "import logging, os, time; os.environ['TZ'] = 'Pacific/Auckland'; time.tzset();"
        f"from nearboot.app.daemon import set_up_log; set_up_log({verbose});"
        "logging.getLogger('x').warning('w'); logging.getLogger('x').debug('d')"
    )
    before = datetime.now(UTC)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, *more = ran.stderr.splitlines()
    at, rest = first.split(" ", 1)
    assert at.endswith("Z") and abs((datetime.fromisoformat(at) - before).total_seconds()) < 3600
    assert rest == "WARNING x w"
    assert len(more) == verbose


def test_json_lines_are_for_machines() -> None:
    """Each line is an object; what it says is also there as fields, and a traceback stays on its line."""
    program = (
        "import logging; from nearboot.app.daemon import FIELDS, set_up_log; set_up_log(False, 'json');"
        "logging.getLogger('x').info('a\\nb', extra={FIELDS: {'bytes': 3}})\n"
        "try: 1 / 0\nexcept ZeroDivisionError: logging.getLogger('x').exception('bad')"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, second = [json.loads(line) for line in ran.stderr.splitlines()]
    assert (first["level"], first["logger"], first["message"], first["fields"]) == ("INFO", "x", "a\nb", {"bytes": 3})
    assert datetime.fromisoformat(first["at"]).utcoffset() == timedelta(0)
    assert second["message"] == "bad" and "ZeroDivisionError" in second["traceback"]
