"""How a TFTP daemon is seen from outside: its status socket, and its metrics.

A daemon of one process tells both itself. Of a daemon of several workers each worker tells its status, and the parent
sums it up for the metrics.

    watch = Watch(book.server_of, backlog)      # before the server: it is told of each event
    with watch.shown(config, server, me): ...
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nearboot.app.backlog import Backlog
from nearboot.app.measure import Durations, FromCache, Measures, Sum
from nearboot.app.metrics import TFTP, Exposition
from nearboot.app.metrics_server import MetricsServer
from nearboot.app.status import Moving, Process, Sources, StatusServer, Wanted, read_status, run_folder, sockets
from nearboot.config import Config
from nearboot.errors import ConfigError, PeerError
from nearboot.tftp import Outcome, TftpServer, TransferEvent

log = logging.getLogger(__name__)

GAUGES = frozenset({"active", "cached_bytes"})
"""Those of the server's counters that fall, too."""

MachineOf = Callable[[str, str], str | None]
"""From a client's address and the file it reads to its server in the inventory."""


class Watch:
    """What one process that serves TFTP knows of itself."""

    def __init__(self, machine_of: MachineOf, backlog: Backlog[Any]) -> None:
        self._machine_of = machine_of
        self._backlog = backlog
        self._durations, self._from_cache = Durations(), FromCache()
        self._server: TftpServer | None = None

    def note(self, event: TransferEvent, came: Mapping[str, str]) -> None:
        """From the thread of events alone. ``came``: as the origins tell it."""
        self._from_cache.note(came.get("cache"), event.bytes_sent)
        if event.outcome is Outcome.COMPLETED:
            self._durations.observe(event.duration_s)

    @contextmanager
    def shown(self, config: Config, server: TftpServer, boot_server: str) -> Iterator[str]:
        """Tell status and metrics of a daemon of one process; gives what the ready line says of it."""
        exposition = Exposition(self.measures, TFTP)
        with (
            self.told(config, server, this_process(server, boot_server)),
            measured(config.tftp.metrics_listen, exposition, self.health, setting="tftp.metrics_listen") as metrics,
        ):
            yield f" metrics={metrics.url}" if metrics else ""

    @contextmanager
    def told(self, config: Config, server: TftpServer, process: Process) -> Iterator[None]:
        """Tell on the status socket what ``server`` does."""
        self._server = server
        with told(config, Sources(process, self.measures, self.transfers)):
            yield

    def health(self) -> str:
        """What is wrong with the data plane; empty: nothing."""
        return "" if self._server and self._server.responds() else "the data plane does not respond"

    def measures(self) -> Measures:
        """The counters, as they are now."""
        counters = self._server.counters() if self._server else {}
        counts = {key: value for key, value in counters.items() if key not in GAUGES}
        gauges = {key: value for key, value in counters.items() if key in GAUGES}
        return Measures(
            counts | self._from_cache.counts | {"book_dropped": self._backlog.dropped_total},
            gauges | {"book_waiting": len(self._backlog), "workers": 0 if self.health() else 1},
            self._durations.buckets,
            self._durations.sum_s,
        )

    def transfers(self) -> list[Moving]:
        """What is under way, with the names of the servers."""
        live = self._server.transfers() if self._server else ()
        return [Moving(each, self._machine_of(each.client[0], each.filename)) for each in live]


def this_process(server: TftpServer, boot_server: str, *, daemon: int | None = None, worker: int = 0) -> Process:
    """Who this process is. ``daemon``: its parent, where it is one of several workers."""
    pid = os.getpid()
    listen = f"{f'[{server.host}]' if ':' in server.host else server.host}:{server.port}"
    return Process("tftp", daemon or pid, worker, pid, datetime.now(UTC), listen, boot_server)


@contextmanager
def told(config: Config, sources: Sources) -> Iterator[None]:
    """Answer on the status socket. Where none can be made that is said, and the fleet boots all the same."""
    try:
        server = StatusServer(run_folder(config), sources)
    except ConfigError as error:
        log.warning("boot-server top will not see this daemon: %s", error)
        yield
        return
    with server:
        yield


@contextmanager
def measured(
    listen: str, exposition: Exposition, health: Callable[[], str], *, setting: str
) -> Iterator[MetricsServer | None]:
    """Serve the metrics while the block runs; None where they are switched off."""
    if not listen:
        yield None
        return
    with MetricsServer(listen, exposition.text, health, setting=setting) as server:
        yield server


class Workers:
    """The workers of one daemon as its parent sees them, by their status sockets."""

    def __init__(self, config: Config, count: int, *, daemon: int | None = None) -> None:
        self._folder: Path = run_folder(config)
        self._count = count
        self._daemon = daemon or os.getpid()
        self._sum = Sum()
        self._lock = threading.Lock()

    def measures(self) -> Measures:
        """The sum over the workers; those that ended stay in it with what they last told."""
        with self._lock:
            return self._sum.total(self._seen())

    def health(self) -> str:
        """How many workers do not respond; empty: all do."""
        missing = self._count - sum(measures.gauges["workers"] for measures in self._seen().values())
        return f"{missing} of {self._count} workers do not respond" if missing > 0 else ""

    def _seen(self) -> dict[str, Measures]:
        seen = {}
        for path in sockets(self._folder, daemon=self._daemon):
            try:
                status = read_status(path, Wanted.TOTALS)
            except PeerError as error:
                log.debug("a worker does not answer: %s", error)
                continue
            seen[status.process.incarnation] = status.measures
        return seen
