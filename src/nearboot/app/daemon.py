"""How a daemon of nearboot lives: it says when it is ready, and ends in order at SIGTERM or SIGINT.

The line on stdout is for whoever started it (a lab, a script); everything else goes to the log on stderr.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime

from nearboot.tftp import notify, watchdog_s
from nearboot.tftp.worker_runner import end_at_once, is_another

READY = "nearboot ready:"
QUIET = {
    "alembic": logging.WARNING,  # it tells of every look at the schema's revision
    "asyncio": logging.WARNING,
    "httpx": logging.WARNING,  # a line for each request to an origin, which the cache has its own lines for
    "uvicorn.error": logging.ERROR,  # it has its own words for what the ready line says, and one for each port scan
}
"""What other libraries may say, by logger, however much is asked for."""
FIELDS = "fields"
"""The attribute of a log record for what its message says, as a mapping: ``log.info(..., extra={FIELDS: {...}})``."""
STOPPING = (signal.SIGTERM, signal.SIGINT)


def set_up_log(verbose: bool, log_format: str = "text") -> None:
    """One fact a line on stderr, time (UTC) first; ``log_format``: ``text``, or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATTERS[log_format]())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)


def say_ready(what: str) -> None:
    """Tell the starter, once, that the daemon serves; systemd too, where it was that."""
    print(f"{READY} {what} pid={os.getpid()}", flush=True)
    notify("READY=1", f"STATUS={what}")


def run_daemon(main: Coroutine[object, object, None], stop: asyncio.Event, *, is_worker: bool = False) -> None:
    """Run a daemon's main coroutine; a stop signal sets ``stop`` and the coroutine ends by itself.

    A second signal ends the process at once, unless its parent decides that (``is_worker``).
    """

    since = 0.0

    def on_signal(number: signal.Signals) -> None:
        nonlocal since
        if not stop.is_set():
            since = time.monotonic()
            notify("STOPPING=1")
            stop.set()
        elif not is_worker and is_another(since):
            end_at_once(number)

    async def guarded() -> None:
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, on_signal, number)
        alive = asyncio.create_task(_say_alive())
        try:
            await main
        finally:
            alive.cancel()

    asyncio.run(guarded())


async def _say_alive() -> None:
    """Tell systemd's watchdog that the loop turns, twice as often as it wants to hear it."""
    while (watchdog := watchdog_s()) is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(watchdog / 2)


class TextFormatter(logging.Formatter):
    """``2026-01-02T03:04:05.678Z INFO nearboot.app.tftp what happened``."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime


class JsonFormatter(logging.Formatter):
    """A JSON object a line: ``at``, ``level``, ``logger``, ``message``, and what the line says in ``fields``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, FIELDS, None)
        if fields:
            line["fields"] = fields
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


FORMATTERS: Mapping[str, Callable[[], logging.Formatter]] = {"text": TextFormatter, "json": JsonFormatter}
