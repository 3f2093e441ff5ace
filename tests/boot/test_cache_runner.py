"""The cache as its users see it: one fetch for all who ask, memory of what is fresh, and answers for each client."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from origin_server import OriginServer

from nearboot.boot.cache_runner import Cached, FetchThreads, FileCache, Opened, Streamed
from nearboot.boot.cache_store import CacheFolder
from nearboot.boot.freshness import Came
from nearboot.boot.origin import Directory
from nearboot.boot.origin_client import OriginClient
from nearboot.errors import PeerError
from nearboot.model import Origin, Slug

FILLER = Path(__file__).parent.parent / "peers" / "filler.py"
BIG = random.Random(6).randbytes(900_000)


@pytest.fixture
def origin() -> Iterator[OriginServer]:
    server = OriginServer("o")
    server.files.update(big=BIG, small=b"small")
    yield server
    server.gate.set()
    server.kill()


Make = Callable[..., FileCache]


@pytest.fixture
def make(tmp_path: Path, origin: OriginServer) -> Iterator[Make]:
    made: list[FileCache] = []

    def _make(*, fresh_s: float = 60, retry_s: float = 60, max_bytes: int = 1 << 30) -> FileCache:
        client = OriginClient(connect_timeout_s=5, read_timeout_s=10, rest_s=0)
        cache = FileCache(CacheFolder(tmp_path / "cache", max_bytes), client, fresh_s=fresh_s, retry_s=retry_s)
        cache.directory = Directory((Origin(Slug("o"), origin.url),))
        made.append(cache)
        return cache

    yield _make
    origin.gate.set()
    for cache in made:
        cache.close()


def _bytes(opened: Opened) -> bytes:
    if isinstance(opened, Cached):
        return Path(opened.file).read_bytes()
    assert isinstance(opened, Streamed)
    parts = []
    while part := opened.read(100_000):
        parts.append(part)
    opened.close()
    return b"".join(parts)


def test_many_who_ask_are_one_get(make: Make, origin: OriginServer) -> None:
    """Those of the first moment, and those that come while it is on its way."""
    origin.gate_at = 400_000
    origin.gate.clear()
    cache = make()
    futures = [cache.find("big") for _ in range(50)]
    origin.reached.wait()
    futures += [cache.find("big") for _ in range(50)]
    opened = [future.result(30) for future in futures]
    assert [each.came for each in opened if each] == [Came.MISS, *[Came.SHARED] * 99]
    origin.gate.set()
    assert all(_bytes(each) == BIG for each in opened)
    assert len(origin.requests) == 1


def test_what_is_fresh_is_known_at_once(make: Make, origin: OriginServer) -> None:
    """Without a thread and without a question; what was changed on disk is not known."""
    cache = make()
    assert cache.fresh("small") is None
    assert _bytes(cache.find("small").result(30)) == b"small"
    known = cache.fresh("small")
    assert known is not None and known.came is Came.HIT and known.origin == "o" and known.size == 5
    assert cache.find("small").result(0) == known
    Path(known.file).write_bytes(b"smell")
    assert cache.fresh("small") is None
    assert _bytes(cache.find("small").result(30)) == b"small"
    assert len(origin.requests) == 2


def test_another_checksum_in_the_inventory_makes_it_unfit(make: Make, origin: OriginServer) -> None:
    """At once: a new image is announced, and its file has to come."""
    cache = make()
    cache.find("small").result(30)
    cache.directory = Directory(cache.directory.origins, {"small": hashlib.sha256(b"SMALL").hexdigest()})
    assert cache.fresh("small") is None
    with pytest.raises(PeerError, match="right small"):
        cache.find("small").result(30)
    origin.files["small"] = b"SMALL"
    assert _bytes(cache.find("small").result(30)) == b"SMALL"


def test_a_stale_file_is_not_asked_for_each_time(make: Make, origin: OriginServer) -> None:
    """It is fresh for as long as origins rest."""
    make().find("small").result(30)
    origin.kill()
    cache = make(fresh_s=0)
    opened = cache.find("small").result(30)
    assert opened is not None and opened.came is Came.STALE
    known = cache.fresh("small")
    assert known is not None and known.came is Came.STALE
    cache = make(fresh_s=0, retry_s=0)
    cache.find("small").result(30)
    assert cache.fresh("small") is None


def test_a_restart_finds_what_is_right_and_nothing_else(make: Make, origin: OriginServer) -> None:
    """Its hash is read before it is served for the first time."""
    entry = make().find("small").result(30)
    assert isinstance(entry, Cached)
    cache = make()
    again = cache.find("small").result(30)
    assert again is not None and again.came is Came.HIT
    Path(entry.file).write_bytes(b"smell")
    os.utime(entry.file, ns=(entry.mtime_ns, entry.mtime_ns))
    assert _bytes(make().find("small").result(30)) == b"small"
    assert len(origin.requests) == 2


def test_a_name_that_no_origin_has_is_not_asked_for_again_at_once(make: Make, origin: OriginServer) -> None:
    """Boot loaders try many names."""
    cache = make()
    assert cache.find("none").result(30) is None
    assert cache.find("none").result(0) is None
    assert len(origin.requests) == 1


def test_what_cannot_be_kept_goes_to_each_client(make: Make, origin: OriginServer) -> None:
    """A GET for each, and nothing on disk."""
    cache = make(max_bytes=1000)
    futures = [cache.find("big") for _ in range(3)]
    opened = [future.result(30) for future in futures]
    assert all(isinstance(each, Streamed) and each.size == len(BIG) and _bytes(each) == BIG for each in opened)
    assert len(origin.requests) == 4


def test_errors_reach_all_who_wait(make: Make, origin: OriginServer) -> None:
    """And the next one who asks tries anew."""
    origin.kill()
    cache = make()
    futures = [cache.find("big") for _ in range(3)]
    for future in futures:
        with pytest.raises(PeerError, match="no origin gives big"):
            future.result(30)
    origin.revive()
    assert _bytes(cache.find("big").result(30)) == BIG


def test_who_comes_when_a_fetch_has_just_failed_gets_another(make: Make, origin: OriginServer) -> None:
    """A client that got an error tries again at once."""
    cache = make()
    origin.cut_at = 400_000
    origin.has_ranges = False
    for _ in range(20):
        origin.status = None
        opened = cache.find("big").result(30)
        origin.status = 500
        with pytest.raises(PeerError):
            _bytes(opened)
        assert isinstance(opened, Streamed)
        opened.close()
        origin.status = None
    origin.cut_at = None
    assert _bytes(cache.find("big").result(30)) == BIG


def test_a_folder_that_fails_is_passed_by(make: Make, origin: OriginServer, tmp_path: Path) -> None:
    """Clients do not care where a file comes from."""
    cache = make()
    (tmp_path / "cache" / "lock").unlink()
    (tmp_path / "cache").rmdir()
    assert _bytes(cache.find("big").result(30)) == BIG


def test_one_who_waits_no_more_is_left_out(make: Make, origin: OriginServer) -> None:
    """The others get theirs."""
    origin.gate.clear()
    cache = make()
    first, second = cache.find("small"), cache.find("small")
    assert first.cancel()
    origin.gate.set()
    assert _bytes(second.result(30)) == b"small"


def test_what_was_used_is_written_down(make: Make, tmp_path: Path) -> None:
    """For all processes: the least recently used leave first."""
    cache = make()
    cache.find("small").result(30)
    cache.find("big").result(30)
    folder = CacheFolder(tmp_path / "cache", 1)
    while len(folder.entries()) < 2:
        cache.find("big").result(30)
    for sidecar in (tmp_path / "cache").glob("*.json"):
        os.utime(sidecar, (1, 1))
    assert cache.fresh("small") is not None
    cache.tell_used()
    assert [entry.path for entry in folder.entries()] == ["big", "small"]


@pytest.mark.slow
def test_a_process_killed_at_any_moment_leaves_one_version_whole(origin: OriginServer, tmp_path: Path) -> None:
    """The file changes each time that it is asked for; with the sidecar goes the data that it names, every time."""
    versions = (BIG, BIG[::-1])
    chance = random.Random(7)
    for _ in range(10):
        words = [sys.executable, str(FILLER), str(tmp_path / "cache"), origin.url, "big"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for number in range(chance.randint(1, 6)):
                process.stdout.readline()
                origin.files["big"] = versions[number % 2]
            process.kill()
        folder = CacheFolder(tmp_path / "cache", 1 << 30)
        entry = folder.entry("big")
        assert entry is not None and folder.data(entry).read_bytes() in versions and folder.is_whole(entry)
    folder.clean()
    assert len(list((tmp_path / "cache").iterdir())) == 3  # the lock, the data, the sidecar


def test_threads_take_all_jobs() -> None:
    """As many at once as there are threads; a stop ends them."""
    threads, done = FetchThreads(), threading.Semaphore(0)
    for _ in range(200):
        threads.submit(partial(done.release, 1))
    for _ in range(200):
        assert done.acquire(timeout=30)
    threads.close(30)
