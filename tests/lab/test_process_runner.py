"""Child processes: readiness, listening, ends and their errors."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path

import pytest

from nearboot.errors import ToolError
from nearboot.lab.process_runner import Child, run

SLEEPER = "import time, sys; print('up', flush=True); time.sleep(600)"


async def _start(tmp_path: Path, script: str, **more: object) -> Child:
    return await Child.start(
        "child", (sys.executable, "-c", script), namespace=None, log=(tmp_path / "log").open("wb"), **more
    )  # type: ignore[arg-type]  # options pass through


def test_a_child_is_ready_when_it_says_so_and_ends_by_sigterm(tmp_path: Path) -> None:
    """The line may come at any time; stopping gives the signal as status; the log holds what it wrote."""

    async def scenario() -> int:
        child = await _start(tmp_path, SLEEPER)
        await child.ready(re.compile("^up$"), 30)
        return await child.stop()

    assert asyncio.run(scenario()) == -signal.SIGTERM
    assert (tmp_path / "log").read_text() == "up\n"


def test_a_child_that_dies_before_it_is_ready_says_why(tmp_path: Path) -> None:
    """The error has its status and its last lines, also those on standard error."""

    async def scenario() -> None:
        child = await _start(tmp_path, "import sys; sys.exit('no such interface')")
        await child.ready(re.compile("never"), 30)

    with pytest.raises(ToolError, match=r"child: ended with status 1 before it was ready\nno such interface"):
        asyncio.run(scenario())


def test_a_child_that_is_never_ready_is_an_error(tmp_path: Path) -> None:
    """The error names what was waited for, and what there was instead."""

    async def scenario() -> None:
        child = await _start(tmp_path, SLEEPER)
        await child.ready(re.compile("up"), 30)
        try:
            await child.ready(re.compile("STARTED"), 0.01)
        finally:
            await child.stop()

    with pytest.raises(ToolError, match=r"printed nothing like 'STARTED' within 0.01 s\nup"):
        asyncio.run(scenario())


def test_readiness_may_be_a_question(tmp_path: Path) -> None:
    """A callable is asked until it says yes."""
    answers = [False, False, True]

    async def asked() -> bool:
        return answers.pop(0)

    async def scenario() -> None:
        child = await _start(tmp_path, SLEEPER)
        await child.ready(asked, 30)
        await child.stop()

    asyncio.run(scenario())
    assert answers == []


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL follows when patience ends."""
    monkeypatch.setattr("nearboot.lab.process_runner._STOP_S", 0.01)
    script = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"

    async def scenario() -> int:
        child = await _start(tmp_path, script)
        await child.ready(re.compile("up"), 30)
        return await child.stop()

    assert asyncio.run(scenario()) == -signal.SIGKILL


def test_a_listener_hears_standard_output_alone(tmp_path: Path) -> None:
    """A console and the program's own complaints do not mix: the log has the one, the error's tail the other."""
    heard = bytearray()
    script = "import sys; print('serial', flush=True); print('complaint', file=sys.stderr); sys.exit(3)"

    async def scenario() -> Child:
        child = await _start(tmp_path, script, listener=heard.extend)
        await child.wait()
        return child

    child = asyncio.run(scenario())
    assert (bytes(heard), (tmp_path / "log").read_text(), child.tail) == (b"serial\n", "serial\n", "complaint")


def test_nothing_of_our_environment_reaches_a_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is given, and a path to find programs by."""
    monkeypatch.setenv("NEARBOOT_SECRET", "1")

    async def scenario() -> str:
        script = "import os; print(sorted(k for k in os.environ if k != 'LC_CTYPE'))"
        child = await _start(tmp_path, script, env={"NEARBOOT_DATABASE_URL": "sqlite://"})
        await child.wait()
        return child.tail

    assert asyncio.run(scenario()) == "['HOME', 'LANG', 'NEARBOOT_DATABASE_URL', 'PATH']"


def test_a_program_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    """Not found: an error with its name, not a traceback."""

    async def scenario() -> None:
        child = await Child.start("kea", ("/nonexistent",), namespace=None, log=(tmp_path / "log").open("wb"))
        await child.ready(re.compile("up"), 30)

    with pytest.raises(ToolError, match=r"kea: ended with status 127(.|\n)*/nonexistent"):
        asyncio.run(scenario())
    with pytest.raises(ToolError, match="/nonexistent: cannot be started"):
        asyncio.run(run("/nonexistent"))


def test_run_gives_output_or_the_complaint() -> None:
    """A command that fails says what it was and what it complained about."""
    assert asyncio.run(run("echo", "hello")) == "hello\n"
    with pytest.raises(ToolError, match=r"sh: sh -c .* ended with status 4\nbad"):
        asyncio.run(run("sh", "-c", "echo bad >&2; exit 4"))
