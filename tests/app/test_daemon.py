"""A daemon says when it is ready, and ends in order when it is told to."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

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
    """alembic would tell of every look at the revision."""
    set_up_log(verbose=False)
    assert not logging.getLogger("alembic.runtime.migration").isEnabledFor(logging.INFO)
