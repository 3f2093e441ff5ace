"""How ``serve http`` is seen from outside: its metrics.

Counted in the thread of the event loop, read by those of the scrapers.

    watch = HttpWatch(backlog); watch.note(exchange)
    with watch.shown(config, health) as note: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from nearboot.app.backlog import Backlog
from nearboot.app.measure import Durations, FromCache, Measures
from nearboot.app.metrics import HTTP, Exposition
from nearboot.app.watch import measured
from nearboot.config import Config
from nearboot.http.server import Exchange
from nearboot.model import EventKind


class HttpWatch:
    """What the HTTP server has answered."""

    def __init__(self, backlog: Backlog[Any]) -> None:
        self._backlog = backlog
        self._durations, self._from_cache = Durations(), FromCache()
        self._counts = {"bytes_sent": 0, "callbacks": 0} | {f"status_{digit}": 0 for digit in range(1, 6)}

    def note(self, exchange: Exchange, came: Mapping[str, str]) -> None:
        """From the event loop alone. ``came``: as the origins tell it."""
        self._from_cache.note(came.get("cache"), exchange.bytes)
        name = f"status_{exchange.status // 100}"
        if name in self._counts:  # 0: the client had left before there was one
            self._counts[name] += 1
        self._counts["bytes_sent"] += exchange.bytes
        self._counts["callbacks"] += exchange.kind is EventKind.CALLBACK
        self._durations.observe(exchange.duration_s)

    def measures(self) -> Measures:
        """The counters, as they are now."""
        return Measures(
            self._counts | self._from_cache.counts | {"book_dropped": self._backlog.dropped_total},
            {"book_waiting": len(self._backlog)},
            self._durations.buckets,
            self._durations.sum_s,
        )

    @contextmanager
    def shown(self, config: Config, health: Callable[[], str]) -> Iterator[str]:
        """Tell the metrics; gives what the ready line says of it. ``health``: what is wrong, if anything."""
        exposition = Exposition(self.measures, HTTP)
        with measured(config.http.metrics_listen, exposition, health, setting="http.metrics_listen") as metrics:
            yield f" metrics={metrics.url}" if metrics else ""
