"""One path's way into the cache, with a real folder and real origins; two fetches at once stand for two processes."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from origin_server import OriginServer

from nearboot.boot.cache_store import CacheFolder, unix_now
from nearboot.boot.fetch_runner import Answer, Fetch, Gone, Growing, Kept, Unkept, is_large
from nearboot.boot.fill_runner import Reader, State
from nearboot.boot.freshness import Came, Entry, Head, Validator, key_of
from nearboot.boot.origin import Directory
from nearboot.boot.origin_client import OriginClient
from nearboot.errors import PeerError
from nearboot.model import Origin, Slug

BIG = random.Random(5).randbytes(900_000)
SMALL = b"small file"


@pytest.fixture
def origin() -> Iterator[OriginServer]:
    server = OriginServer("o")
    server.files.update(big=BIG, small=SMALL)
    yield server
    server.gate.set()
    server.kill()


@pytest.fixture
def client() -> Iterator[OriginClient]:
    client = OriginClient(connect_timeout_s=5, read_timeout_s=10, rest_s=0)
    yield client
    client.close()


@dataclass
class Told:
    """What a fetch said, and when it said the first of it."""

    answers: list[Answer] = field(default_factory=list)
    first: threading.Event = field(default_factory=threading.Event)

    def __call__(self, answer: Answer) -> None:
        self.answers.append(answer)
        self.first.set()


Make = Callable[..., tuple[Fetch, Told]]


@pytest.fixture
def make(tmp_path: Path, origin: OriginServer, client: OriginClient) -> Make:
    def _make(path: str, *, max_bytes: int = 1 << 30, sha256: str = "", fresh_s: float = 60) -> tuple[Fetch, Told]:
        folder, told = CacheFolder(tmp_path / "cache", max_bytes), Told()
        directory = Directory((Origin(Slug("o"), origin.url),), {path: sha256} if sha256 else {})
        stopping = threading.Event()
        fetch = Fetch(
            path, folder, client, directory, fresh_s=fresh_s, check=folder.entry, stopping=stopping, tell=told
        )
        return fetch, told

    return _make


def _names(fetch: Fetch) -> set[str]:
    return {name.name.partition(".")[2] for name in fetch.folder.root.iterdir()} - {""}


def _data(fetch: Fetch) -> bytes:
    entry = fetch.folder.entry(fetch.path)
    assert entry is not None and fetch.folder.is_whole(entry)
    return fetch.folder.data(entry).read_bytes()


def _came(told: Told) -> list[Came]:
    return [answer.came for answer in told.answers if isinstance(answer, Kept | Growing)]


def test_a_small_file_is_told_when_it_is_whole(make: Make) -> None:
    """As a file."""
    fetch, told = make("small")
    fetch.run()
    assert _data(fetch) == SMALL
    assert [type(answer) for answer in told.answers] == [Kept] and _came(told) == [Came.MISS]


def test_a_large_file_is_told_before_it_comes(make: Make, origin: OriginServer) -> None:
    """And again when it is whole."""
    origin.gate.clear()
    fetch, told = make("big")
    thread = threading.Thread(target=fetch.run)
    thread.start()
    told.first.wait()
    (growing,) = told.answers
    assert isinstance(growing, Growing) and growing.download.head.size == len(BIG)
    origin.gate.set()
    thread.join()
    assert isinstance(told.answers[1], Kept) and growing.download.state is State.DONE
    assert _data(fetch) == BIG


def test_a_file_of_unknown_size_is_kept_when_it_ends(make: Make, origin: OriginServer) -> None:
    """Its room is taken bit by bit."""
    origin.has_length = False
    fetch, told = make("big")
    fetch.run()
    assert _data(fetch) == BIG and _came(told) == [Came.MISS, Came.MISS]
    fetch, told = make("big", max_bytes=len(BIG) // 2)
    fetch.check = lambda path: None
    fetch.run()
    assert [type(answer) for answer in told.answers] == [Unkept]


def test_what_is_cached_is_confirmed_or_served_stale(make: Make, origin: OriginServer) -> None:
    """An old one asks; a dead origin says nothing; a file that is gone at all origins goes."""
    make("small")[0].run()
    for fresh_s, came in ((60, Came.HIT), (0, Came.REVALIDATED)):
        fetch, told = make("small", fresh_s=fresh_s)
        fetch.run()
        assert _came(told) == [came]
    origin.kill()
    fetch, told = make("small", fresh_s=0)
    fetch.run()
    assert _came(told) == [Came.STALE]
    origin.revive()
    del origin.files["small"]
    fetch, told = make("small", fresh_s=0)
    fetch.run()
    assert told.answers == [Gone(is_certain=True)]
    assert _names(fetch) == set()


def test_what_cannot_be_had_is_an_error_and_leaves_nothing(make: Make, origin: OriginServer) -> None:
    """Also where it had begun."""
    origin.kill()
    fetch, told = make("small")
    with pytest.raises(PeerError, match="no origin gives small"):
        fetch.run()
    origin.revive()
    fetch, told = make("big", sha256="00" * 32)
    with pytest.raises(PeerError):
        fetch.run()
    (growing,) = told.answers
    assert isinstance(growing, Growing) and growing.download.state is State.FAILED
    assert growing.download.ready < len(BIG)
    assert _names(fetch) == set()


def test_what_may_not_be_kept_is_not(make: Make, origin: OriginServer) -> None:
    """The origin says so, or there is no room."""
    fetch, told = make("big", max_bytes=1000)
    fetch.run()
    assert told.answers == [Unkept()] and _names(fetch) == set()
    origin.headers["Cache-Control"] = "no-store"
    fetch, told = make("small")
    fetch.run()
    assert told.answers == [Unkept()] and _names(fetch) == set()


def test_two_fetches_are_one_get(make: Make, origin: OriginServer) -> None:
    """The second follows the first one's part, and its readers get all of it meanwhile."""
    origin.gate_at = 400_000
    origin.gate.clear()
    (first, _), (second, told) = make("big"), make("big")
    threads = [threading.Thread(target=first.run), threading.Thread(target=second.run)]
    threads[0].start()
    origin.reached.wait()
    threads[1].start()
    told.first.wait()
    (growing,) = told.answers
    assert isinstance(growing, Growing) and growing.came is Came.SHARED
    reader = Reader(growing.download, lambda head, progress: pytest.fail("it is kept"))
    came = [reader.read(100_000)]
    origin.gate.set()
    while came[-1]:
        came.append(reader.read(100_000))
    for thread in threads:
        thread.join()
    assert b"".join(came) == BIG
    assert len(origin.requests) == 1


def test_two_fetches_of_a_small_file_are_one_get(make: Make, origin: OriginServer) -> None:
    """The second waits for the first."""
    origin.gate.clear()
    (first, _), (second, told) = make("small"), make("small")
    threads = [threading.Thread(target=first.run), threading.Thread(target=second.run)]
    threads[0].start()
    origin.reached.wait()
    threads[1].start()
    origin.gate.set()
    for thread in threads:
        thread.join()
    assert len(origin.requests) == 1
    assert _came(told) in ([Came.SHARED], [Came.HIT])  # HIT: it came so late that all was over


def test_a_fetch_whose_process_died_is_gone_on_with(make: Make, origin: OriginServer) -> None:
    """By who follows it: with the rest alone."""
    fetch, told = make("big")
    part = fetch.folder.begin("big")
    assert part is not None
    etag = origin.etag("big")
    fetch.folder.write_head(part, Head("o", f"{origin.url}/big", len(BIG), Validator(etag)))
    part.write(BIG[:500_000], 0)
    thread = threading.Thread(target=fetch.run)
    thread.start()
    told.first.wait()
    part.close()
    thread.join()
    assert _data(fetch) == BIG and _names(fetch) == {"json", f"{hashlib.sha256(BIG).hexdigest()[:16]}.data"}
    assert [headers.get("range") for _, headers in origin.requests] == ["bytes=500000-"]


def test_a_fetch_that_failed_elsewhere_is_told(make: Make, origin: OriginServer) -> None:
    """Its readers get an error, not a wait."""
    fetch, told = make("big")
    part = fetch.folder.begin("big")
    assert part is not None
    fetch.folder.write_head(part, Head("o", f"{origin.url}/big", len(BIG), Validator()))
    thread = threading.Thread(target=fetch.run)
    thread.start()
    told.first.wait()
    fetch.folder.end(part)
    thread.join()
    (growing,) = told.answers
    assert isinstance(growing, Growing) and growing.download.state is State.FAILED


def test_what_a_dead_process_left_is_not_taken_for_a_file(make: Make, origin: OriginServer) -> None:
    """Its part is begun anew."""
    fetch, _ = make("small")
    (fetch.folder.root / f"{key_of('small')}.part").write_bytes(b"rubbish that is longer")
    fetch.run()
    assert _data(fetch) == SMALL


def test_a_stop_ends_a_fetch(make: Make, origin: OriginServer) -> None:
    """Its readers get an error; nothing is left."""
    fetch, _told = make("big")
    fetch.stopping.set()
    with pytest.raises(PeerError, match="the server stops"):
        fetch.run()
    origin.gate_at = 400_000
    origin.gate.clear()
    fetch.stopping.clear()
    errors: list[str] = []

    def run() -> None:
        with pytest.raises(PeerError) as caught:
            fetch.run()
        errors.append(str(caught.value))

    thread = threading.Thread(target=run)
    thread.start()
    origin.reached.wait()
    fetch.stopping.set()
    origin.gate.set()
    thread.join()
    assert errors == ["the server stops"] and _names(fetch) == set()


def test_a_large_file_is_one_that_is_not_small() -> None:
    """Or whose size nobody knows."""
    head = Head("o", "u", None, Validator())
    assert is_large(head)
    assert not is_large(Head("o", "u", 256 << 10, Validator())) and is_large(
        Head("o", "u", (256 << 10) + 1, Validator())
    )


def test_an_entry_is_of_now(make: Make) -> None:
    """By the clock that all processes share."""
    before = unix_now()
    fetch, told = make("small")
    fetch.run()
    (kept,) = told.answers
    assert isinstance(kept, Kept) and isinstance(kept.entry, Entry)
    assert before <= kept.entry.validated_at <= unix_now()
