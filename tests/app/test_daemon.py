"""A daemon says when it is ready, and ends in order when it is told to."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
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
