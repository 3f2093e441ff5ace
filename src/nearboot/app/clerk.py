"""The thread that answers boot requests: all that wait at once, in one transaction.

Many clients ask together when a rack boots. One statement for all of them costs little more than for one, and one
thread passes the interpreter to and fro less often than several would: with 32 clients, 16 times as many configurations
a second as a thread and a transaction for each.

    with Clerk(desk) as clerk:
        found = await clerk.look_up("/grub/grub.cfg", asker)
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing
from types import TracebackType
from typing import NamedTuple, Self

from nearboot.app.boot import Asker, BootDesk, Found
from nearboot.errors import NearbootError
from nearboot.inventory.host_store import HostReader

log = logging.getLogger(__name__)

BATCH = 64
"""What is answered at once; the first of them waits for the last, some milliseconds."""


class _Waiting(NamedTuple):
    path: str
    asker: Asker
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Found]


class Clerk:
    """Answers from a desk, for coroutines of any loop."""

    def __init__(self, desk: BootDesk) -> None:
        self._desk = desk
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="nearboot-clerk", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Answer what waits, and end."""
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    async def look_up(self, path: str, asker: Asker) -> Found:
        """As ``BootDesk.look_up``."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Found] = loop.create_future()
        self._queue.put(_Waiting(path, asker, loop, future))
        return await future

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        with closing(self._desk.reader()) as reader:
            is_open = True
            while is_open:
                batch, is_open = self._take()
                if batch:
                    _hand_out(batch, self._answers(batch, reader))

    def _take(self) -> tuple[list[_Waiting], bool]:
        """What waits, at least one; and whether more may come."""
        batch: list[_Waiting] = []
        waiting = self._queue.get()
        while waiting is not None:
            batch.append(waiting)
            if len(batch) == BATCH:
                return batch, True
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _answers(self, batch: Sequence[_Waiting], reader: HostReader) -> Sequence[Found | Exception]:
        try:
            return self._desk.answers([(waiting.path, waiting.asker) for waiting in batch], reader)
        except NearbootError as error:  # the database's: each is told
            return [error] * len(batch)
        except Exception as error:
            log.exception("look-ups failed: count=%d", len(batch))
            return [error] * len(batch)


def _hand_out(batch: Sequence[_Waiting], answers: Sequence[Found | Exception]) -> None:
    """Wake each loop once: waking one is a system call and a turn of the interpreter."""
    of_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Found], Found | Exception]]] = {}
    for waiting, answer in zip(batch, answers, strict=True):
        of_loop.setdefault(waiting.loop, []).append((waiting.future, answer))
    for loop, answered in of_loop.items():
        try:
            loop.call_soon_threadsafe(_set, answered)
        except RuntimeError:
            continue  # the loop was closed meanwhile: nobody waits any more


def _set(answered: Iterable[tuple[asyncio.Future[Found], Found | Exception]]) -> None:
    for future, answer in answered:
        if future.done():
            continue  # cancelled
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
