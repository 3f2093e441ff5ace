"""Child processes of a lab: started in a namespace, read as they write, ended by pid. Knows nothing of what they do.

A child's output goes to a log file and to whoever listens; its last lines stand in the error when it dies. A child gets
SIGTERM when the lab's own process dies, however that happens (PR_SET_PDEATHSIG).

    child = await Child.start("kea", ("kea-dhcp4", "-c", "kea.json"), namespace="nb-x:site:ams", log=log)
    await child.ready(re.compile("DHCP4_STARTED"), timeout_s=20)
    await child.stop()
"""

from __future__ import annotations

import asyncio
import re
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import BinaryIO

from nearboot.errors import ToolError

Ready = re.Pattern[str] | Callable[[], Awaitable[bool]]
"""When a daemon is ready: a line that it prints, or a question that is asked until the answer is yes."""

BASE_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/",
    "LANG": "C.UTF-8",
}
"""What every child has; nothing is inherited, so that a lab behaves the same everywhere."""

_TAIL_LINES = 30
_POLL_S = 0.05  # between two questions whether a daemon is ready
_STOP_S = 5.0  # from SIGTERM to SIGKILL


class Child:
    """One running process of the lab."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: BinaryIO, *, split: bool) -> None:
        self.name = name
        self._process = process
        self._log = log
        self._listeners: list[Callable[[bytes], None]] = []
        self._lines: deque[str] = deque(maxlen=_TAIL_LINES)
        self._partial = b""
        self._news = asyncio.Condition()
        streams = [process.stdout, process.stderr if split else None]
        self._pumps = [asyncio.create_task(self._pump(s, main=s is process.stdout)) for s in streams if s]
        self._end = asyncio.create_task(self._wait())

    @classmethod
    async def start(
        cls,
        name: str,
        argv: Sequence[str],
        *,
        namespace: str | None,
        log: BinaryIO,
        env: Mapping[str, str] | None = None,
        listener: Callable[[bytes], None] | None = None,
    ) -> Child:
        """Start a process that writes to ``log``, which is closed at its end.

        With a ``listener``, standard output alone goes to it and to the log, errors only to the tail.
        """
        inside = ("ip", "netns", "exec", namespace) if namespace else ()
        try:
            process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "TERM", "--", *inside, *argv),
                env={**BASE_ENVIRONMENT, **(env or {})},
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=PIPE if listener else STDOUT,
                start_new_session=True,  # a ^C in the terminal reaches the lab alone, which ends its children in order
            )
        except BaseException as error:
            log.close()
            if isinstance(error, OSError):
                raise ToolError(name, f"cannot be started: {error}") from error
            raise
        child = cls(name, process, log, split=listener is not None)
        if listener:
            child._listeners.append(listener)
        return child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status; negative: ended by that signal; None while it runs."""
        return self._process.returncode

    @property
    def tail(self) -> str:
        """The last lines that it wrote."""
        rest = [self._partial.decode(errors="replace")] if self._partial else []
        return "\n".join([*self._lines, *rest])

    async def wait(self) -> int:
        """Wait for its end and for all that it wrote; give the exit status."""
        return await asyncio.shield(self._end)

    async def ready(self, condition: Ready, timeout_s: float) -> None:
        """Wait until it is ready; raise ``ToolError`` with its last lines if it ends before, or takes too long."""
        waiter = asyncio.create_task(self._until(condition))
        try:
            await asyncio.wait({waiter, self._end}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if waiter.done():
                waiter.result()
            elif self._end.done():
                raise self.death("before it was ready")
            else:
                what = (
                    f"printed nothing like {condition.pattern!r}" if isinstance(condition, re.Pattern) else "not ready"
                )
                raise ToolError(self.name, f"{what} within {timeout_s:g} s", self.tail)
        finally:
            waiter.cancel()
            with suppress(asyncio.CancelledError):
                await waiter

    async def stop(self) -> int:
        """End it: SIGTERM, after some seconds SIGKILL."""
        for number, patience_s in ((signal.SIGTERM, _STOP_S), (signal.SIGKILL, None)):
            if self.status is None:
                with suppress(ProcessLookupError):
                    self._process.send_signal(number)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    return await self.wait()
        raise AssertionError("a process outlived SIGKILL")

    def death(self, when: str) -> ToolError:
        """Give the error that says how it ended."""
        status = self.status
        how = f"was ended by {signal.Signals(-status).name}" if status and status < 0 else f"ended with status {status}"
        return ToolError(self.name, f"{how} {when}", self.tail)

    async def _until(self, condition: Ready) -> None:
        if not isinstance(condition, re.Pattern):
            while not await condition():
                await asyncio.sleep(_POLL_S)
            return
        pattern = condition
        async with self._news:
            await self._news.wait_for(lambda: any(pattern.search(line) for line in self._lines))

    async def _wait(self) -> int:
        status = await self._process.wait()
        # A grandchild may hold the pipe open: what is there is read, its end is not waited for.
        _, late = await asyncio.wait(self._pumps, timeout=1.0)
        for pump in late:
            pump.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        self._log.close()
        transport = getattr(self._process, "_transport", None)  # else its pipes stay open until they are collected
        if transport is not None:
            transport.close()
        return status

    async def _pump(self, stream: asyncio.StreamReader, *, main: bool) -> None:
        while chunk := await stream.read(65536):
            if main:
                self._log.write(chunk)
                for listener in self._listeners:
                    listener(chunk)
            if not main or not self._listeners:
                await self._remember(chunk)

    async def _remember(self, chunk: bytes) -> None:
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        async with self._news:
            self._lines.extend(line.decode(errors="replace").rstrip() for line in lines)
            self._news.notify_all()


async def run(*argv: str) -> str:
    """Run a command to its end; give what it printed, or raise ``ToolError`` with what it complained about."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, env=BASE_ENVIRONMENT, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
    except OSError as error:
        raise ToolError(argv[0], f"cannot be started: {error}") from error
    try:
        out, complaint = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if process.returncode:
        said = complaint.decode(errors="replace")
        raise ToolError(argv[0], f"{' '.join(argv)} ended with status {process.returncode}", said)
    return out.decode(errors="replace")
