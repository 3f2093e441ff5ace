"""What is counted, for a session and for a server; both know when they began, so they read the clock.

stats.increment_counter("hits"); stats.get_and_reset_all_counters()
"""

from __future__ import annotations

import threading
import time
from collections import Counter

from nearboot.fbtftp.constants import DEFAULT_BLKSIZE


class SessionStats:
    """How one session went; complete when the handler's ``stats_callback`` gets it.

    ``error`` is empty, or has ``error_code`` and ``error_message``: what we answered, or the client's own ERROR.
    ``options_in`` is what the client asked, with ``mode``; ``options_acked`` (and ``options``) what was granted.
    """

    def __init__(self, server_addr: tuple[str, int], peer: tuple[object, ...], file_path: str) -> None:
        self.peer = peer
        self.server_addr = server_addr
        self.file_path = file_path
        self.error: dict[str, int | str] = {}
        self.options: dict[str, str] = {}
        self.options_in: dict[str, str] = {}
        self.options_acked: dict[str, str] = {}
        self.start_time = time.time()
        self.packets_sent = 0
        self.packets_acked = 0
        self.bytes_sent = 0
        self.retransmits = 0
        self.blksize = DEFAULT_BLKSIZE

    def duration(self) -> float:
        """Seconds since the request."""
        return time.time() - self.start_time


class ServerStats:
    """Counters by name, for any thread. The server itself counts ``process_count``: handlers made."""

    def __init__(self, server_addr: str | None = None, interval: float | None = None) -> None:
        self.server_addr = server_addr
        self.interval = interval
        self.start_time = time.time()
        self._counters: Counter[str] = Counter()
        self._lock = threading.Lock()
        """Held to use the counters."""

    def get_all_counters(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counters)

    def get_and_reset_all_counters(self) -> dict[str, int]:
        """All counters, which begin anew: nothing is lost between the two."""
        with self._lock:
            counters = dict(self._counters)
            self._counters.clear()
        return counters

    def get_counter(self, name: str) -> int:
        with self._lock:
            return self._counters[name]

    def set_counter(self, name: str, value: int) -> None:
        with self._lock:
            self._counters[name] = value

    def increment_counter(self, name: str, increment: int = 1) -> None:
        with self._lock:
            self._counters[name] += increment

    def reset_counter(self, name: str) -> None:
        self.set_counter(name, 0)

    def get_and_reset_counter(self, name: str) -> int:
        """One counter, which begins anew."""
        with self._lock:
            value = self._counters[name]
            self._counters[name] = 0
        return value

    def reset_all_counters(self) -> None:
        with self._lock:
            self._counters.clear()

    def duration(self) -> float:
        """Seconds since the server was made."""
        return time.time() - self.start_time
