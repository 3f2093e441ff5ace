"""How a daemon of nearboot lives: it says when it is ready, and ends in order at SIGTERM or SIGINT.

The line on stdout is for whoever started it (a lab, a script); everything else goes to the log on stderr.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine

READY = "nearboot ready:"
QUIET = {
    "alembic": logging.WARNING,  # it tells of every look at the schema's revision
    "asyncio": logging.WARNING,
    "uvicorn.error": logging.ERROR,  # it has its own words for what the ready line says, and one for each port scan
}
"""What other libraries may say, by logger, however much is asked for."""
STOPPING = (signal.SIGTERM, signal.SIGINT)


def set_up_log(verbose: bool) -> None:
    """One fact a line on stderr, time (UTC) first."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)


def say_ready(what: str) -> None:
    """Tell the starter, once, that the daemon serves."""
    print(f"{READY} {what} pid={os.getpid()}", flush=True)


def run_daemon(main: Coroutine[object, object, None], stop: asyncio.Event) -> None:
    """Run a daemon's main coroutine; a stop signal sets ``stop`` and the coroutine ends by itself."""

    async def guarded() -> None:
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, stop.set)
        await main

    asyncio.run(guarded())
