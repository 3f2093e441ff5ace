"""The file cache: each path is looked for once at a time, and all who ask meanwhile share the answer.

What it knows to be whole and fresh is answered from memory, with one stat. All else goes through ``Fetch``, in a
thread. Answers are neutral: TFTP and HTTP make of them what they send.

    cache = FileCache(folder, client, fresh_s=60, retry_s=10); cache.directory = Directory(...)
    cache.fresh("deb/vmlinuz") or cache.find("deb/vmlinuz").result()     # Cached, Streamed, or None
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from nearboot.boot.cache_store import CacheFolder, unix_now
from nearboot.boot.fetch_runner import Answer, Fetch, Gone, Growing, Kept, Unkept
from nearboot.boot.fill_runner import Passage, Reader, State
from nearboot.boot.freshness import Came, Entry, Head
from nearboot.boot.origin import Directory, named
from nearboot.boot.origin_client import Body, OriginClient, Progress
from nearboot.errors import PeerError

log = logging.getLogger(__name__)

V = TypeVar("V")

THREADS = 32
"""Fetches at once; others wait for one of them to end."""
ABSENT_S = 5.0
"""For so long a name that no origin has is not asked for again."""
MAX_KNOWN = 4096
LAST_S = 2.0
"""How long a stop waits for fetches to end."""


@dataclass(frozen=True, slots=True)
class Cached:
    """A whole file in the cache, as it was found: one that differs in any of these is another."""

    file: str
    size: int
    mtime_ns: int
    inode: int
    device: int
    came: Came
    origin: str


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """A file that comes while it is read, by one client. ``read`` waits, and raises PeerError; ``size`` None: unknown.

    ``close`` is to be called in any case, when ``read`` does not run.
    """

    size: int | None
    read: Callable[[int], bytes]
    close: Callable[[], None]
    came: Came
    origin: str


Opened = Cached | Streamed | None
"""What a path leads to; None: no origin has it."""


@dataclass(frozen=True, slots=True)
class _Held:
    """An entry whose data was read and found right, and until when it is served unasked (monotonic)."""

    entry: Entry
    cached: Cached
    until: float


@dataclass(slots=True)
class _Flight:
    """A fetch under way, and who waits for its answer; the first of them caused it."""

    waiters: list[Future[Opened]] = field(default_factory=list)
    answer: Answer | None = None
    late: list[Future[Opened]] = field(default_factory=list)
    """Who came when its answer was no good any more, and before it was over: for them all begins anew."""


class FileCache:
    """Files of origins, through a folder. ``directory`` may be replaced at any time."""

    def __init__(self, folder: CacheFolder, client: OriginClient, *, fresh_s: float, retry_s: float) -> None:
        self.directory = Directory()
        self._folder = folder
        self._client = client
        self._fresh_s = fresh_s
        self._retry_s = retry_s
        """For so long a stale file is served before origins are asked again."""
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._absent: OrderedDict[str, float] = OrderedDict()
        self._used: dict[str, int] = {}
        self._flights: dict[str, _Flight] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = FetchThreads()

    def fresh(self, path: str) -> Cached | None:
        """The file, where it is known to be whole and need not be asked for: never blocks."""
        held = self._held.get(path)
        if held is None or time.monotonic() >= held.until or not self._is_wanted(held.entry):
            return None
        if _identity(held.cached.file) != _identity_of(held.cached):
            return None
        self._used[path] = time.time_ns()
        return held.cached

    def find(self, path: str) -> Future[Opened]:
        """Look for a file; PeerError in the future where no origin answers. Each client closes what it gets."""
        mine: Future[Opened] = Future()
        with self._lock:
            cached = self.fresh(path)
            if cached is not None or time.monotonic() < self._absent.get(path, 0.0):
                mine.set_result(cached)
            else:
                self._join(path, mine)
        return mine

    def _join(self, path: str, mine: Future[Opened]) -> None:
        flight = self._flights.get(path)
        if flight is None:
            self._flights[path] = _Flight([mine])
            self._threads.submit(lambda: self._fly(path))
        elif flight.answer is None:
            flight.waiters.append(mine)
        elif self._is_good(flight.answer):
            self._hand(path, mine, flight.answer, is_first=False)
        else:
            flight.late.append(mine)

    def _is_good(self, answer: Answer) -> bool:
        """Whether an answer of a moment ago still is one."""
        if isinstance(answer, Growing):
            return answer.download.state not in (State.FAILED, State.REPLACED)
        return not isinstance(answer, Kept) or self._is_wanted(answer.entry)

    def tell_used(self) -> None:
        """Write down what was used since the last time, for all processes: the least recently used files leave."""
        used, self._used = self._used, {}
        for path, at_ns in used.items():
            self._folder.touch(path, at_ns)

    def close(self) -> None:
        """End fetches; what is not whole is removed."""
        self._stopping.set()
        self._threads.close(LAST_S)
        self._client.close()

    def _fly(self, path: str) -> None:
        fetch = Fetch(
            path,
            self._folder,
            self._client,
            self.directory,
            fresh_s=self._fresh_s,
            check=self._check,
            stopping=self._stopping,
            tell=lambda answer: self._tell(path, answer),
        )
        failure: Exception | None = None
        try:
            self.tell_used()
            fetch.run()
        except PeerError as error:
            failure = error
        except OSError as error:
            log.error("path=%s the cache folder cannot be used, and it is passed by: %s", named(path), error)
            self._tell(path, Unkept())
        except Exception as error:  # a bug, or the connections of a cache that was closed: nobody may wait for ever
            if not self._stopping.is_set():
                log.exception("path=%s the cache failed", named(path))
            failure = PeerError(f"the cache failed: {error}")
        with self._lock:
            flight = self._flights.pop(path)
            for waiter in flight.late:
                self._join(path, waiter)
        for waiter in flight.waiters if flight.answer is None else ():
            if waiter.set_running_or_notify_cancel():
                waiter.set_exception(failure or PeerError(f"no answer for {named(path)}"))

    def _tell(self, path: str, answer: Answer) -> None:
        """Keep in mind what a fetch found; its first answer goes to all who wait."""
        with self._lock:
            if isinstance(answer, Kept):
                self._hold(answer)
            elif isinstance(answer, Gone):
                self._held.pop(path, None)
                if answer.is_certain:
                    _keep(self._absent, path, time.monotonic() + ABSENT_S)
            flight = self._flights[path]
            waiters, is_first = flight.waiters, flight.answer is None
            if not is_first:
                return
            flight.answer = answer
        for number, waiter in enumerate(waiters):
            self._hand(path, waiter, answer, is_first=number == 0)

    def _hand(self, path: str, waiter: Future[Opened], answer: Answer, *, is_first: bool) -> None:
        if not waiter.set_running_or_notify_cancel():
            return
        match answer:
            case Kept(entry, came):
                waiter.set_result(self._cached(entry, came if is_first or came is not Came.MISS else Came.SHARED))
            case Growing(download, came):
                reader = Reader(download, lambda head, progress: self._rest(path, head, progress))
                came = came if is_first else Came.SHARED
                waiter.set_result(Streamed(reader.size, reader.read, reader.close, came, download.head.origin))
            case Gone():
                waiter.set_result(None)
            case _:
                self._threads.submit(lambda: self._pass(path, waiter))

    def _pass(self, path: str, waiter: Future[Opened]) -> None:
        """A file that cannot be kept, for one client."""
        try:
            body = self._client.ask(path, self.directory)
            if isinstance(body, Body):
                passage = Passage(body)
                waiter.set_result(Streamed(passage.size, passage.read, passage.close, Came.MISS, body.origin))
            else:
                waiter.set_result(None)
        except Exception as error:
            waiter.set_exception(error)

    def _rest(self, path: str, head: Head, progress: Progress) -> Body:
        return Body(self._client, path, self.directory, head, progress=progress)

    def _check(self, path: str) -> Entry | None:
        """The entry that may be served; one whose data is not what was fetched is removed."""
        entry = self._folder.entry(path)
        if entry is None or not self._is_wanted(entry):
            return None
        held = self._held.get(path)
        is_known = held is not None and held.entry.sha256 == entry.sha256
        if is_known and held and _identity(held.cached.file) == _identity_of(held.cached):
            return entry
        if self._folder.is_whole(entry):
            return entry
        log.error("path=%s its cached data is corrupt: it is removed", named(path))
        self._folder.remove(entry)
        return None

    def _is_wanted(self, entry: Entry) -> bool:
        return self.directory.sha256.get(entry.path, entry.sha256) == entry.sha256

    def _hold(self, kept: Kept) -> None:
        cached = self._cached(kept.entry, Came.STALE if kept.came is Came.STALE else Came.HIT)
        fresh_s = kept.entry.fresh_for(unix_now(), fresh_s=self._fresh_s)
        until = time.monotonic() + (self._retry_s if kept.came is Came.STALE else fresh_s)
        if cached is not None:
            _keep(self._held, kept.entry.path, _Held(kept.entry, cached, until))

    def _cached(self, entry: Entry, came: Came) -> Cached | None:
        file = str(self._folder.data(entry))
        identity = _identity(file)
        return Cached(file, *identity, came, entry.head.origin) if identity else None


class FetchThreads:
    """Threads for jobs, made when they are needed; they end with the process at the latest."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._free = 0
        self._lock = threading.Lock()

    def submit(self, job: Callable[[], None]) -> None:
        with self._lock:
            self._jobs.put(job)
            self._free -= 1
            if self._free < 0 and len(self._threads) < THREADS:
                self._free += 1
                thread = threading.Thread(target=self._run, name="nearboot-fetch", daemon=True)
                self._threads.append(thread)
                thread.start()

    def close(self, grace_s: float) -> None:
        deadline = time.monotonic() + grace_s
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job
            with self._lock:
                self._free += 1


def _identity(file: str) -> tuple[int, int, int, int] | None:
    try:
        status = os.stat(file, follow_symlinks=False)  # noqa: PTH116  # Path.stat takes 1 µs more, for each request
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev


def _identity_of(cached: Cached) -> tuple[int, int, int, int]:
    return cached.size, cached.mtime_ns, cached.inode, cached.device


def _keep(mind: OrderedDict[str, V], key: str, value: V) -> None:
    """Remember, and forget what was longest not told."""
    mind[key] = value
    mind.move_to_end(key)
    if len(mind) > MAX_KNOWN:
        mind.popitem(last=False)
