"""Downloads and their readers, without origins: who waits, who gets what, and who goes on by himself."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from nearboot.boot.fill_runner import Download, Passage, Reader
from nearboot.boot.freshness import Head, Validator
from nearboot.boot.origin_client import Body, Progress
from nearboot.errors import PeerError

DATA = bytes(range(250)) * 4


class FakeBody:
    """The rest of a file, as an origin gives it."""

    def __init__(self, head: Head, rest: bytes) -> None:
        self.head = head
        self.rest = rest
        self.is_closed = False

    def chunks(self) -> object:
        yield self.rest[:10]
        yield self.rest[10:]

    def close(self) -> None:
        self.is_closed = True


class Origin:
    """Goes on with files; knows what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, bytes]] = []
        self.bodies: list[FakeBody] = []

    def __call__(self, head: Head, progress: Progress) -> Body:
        self.asked.append((progress.at, progress.sha.digest()))
        self.bodies.append(FakeBody(head, DATA[progress.at :]))
        return self.bodies[-1]  # type: ignore[return-value]  # it has what a passage uses


def _head(size: int | None = len(DATA)) -> Head:
    return Head("o", "http://o/k", size, Validator())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "part").write_bytes(DATA)
    return tmp_path / "part"


@pytest.fixture
def download(file: Path) -> Download:
    return Download(os.open(file, os.O_RDONLY), _head())


def _rest(reader: Reader) -> bytes:
    parts = []
    while part := reader.read(300):
        parts.append(part)
    return b"".join(parts)


def test_readers_follow_a_file_that_grows(download: Download) -> None:
    """Each at its own pace; what is not there yet is waited for."""
    readers = [Reader(download, Origin()) for _ in range(3)]
    got: list[bytes] = []
    threads = [threading.Thread(target=lambda reader=reader: got.append(_rest(reader))) for reader in readers]
    for thread in threads:
        thread.start()
    for ready in (1, 400, 1000):
        download.advance(ready)
    download.finish()
    for thread in threads:
        thread.join()
    assert got == [DATA] * 3
    assert readers[0].size == len(DATA)


def test_what_is_there_is_read_before_an_error(download: Download) -> None:
    """The error says why."""
    reader = Reader(download, Origin())
    download.advance(5)
    download.fail("no origin goes on")
    assert reader.read(100) == DATA[:5]
    with pytest.raises(PeerError, match="no origin goes on"):
        reader.read(100)


def test_what_cannot_be_kept_is_gone_on_with_by_each(download: Download) -> None:
    """From where it stopped, with the hash of what came; one that had nothing begins anew."""
    origin = Origin()
    reader, late = Reader(download, origin), Reader(download, origin)
    download.advance(500)
    assert reader.read(500) == DATA[:500]
    download.give_up()
    assert _rest(reader) == DATA[500:]
    reader.close()
    assert origin.bodies[0].is_closed
    assert origin.asked[0][0] == 500
    assert _rest(late) == DATA
    late.close()


def test_a_download_begun_anew_keeps_those_who_had_nothing(download: Download, file: Path) -> None:
    """Whoever had bytes of the other version gets an error: no one gets a mixture, or another size than announced."""
    early, late = Reader(download, Origin()), Reader(download, Origin())
    download.advance(10)
    early.read(10)
    new = Download(os.open(file, os.O_RDONLY), _head())
    download.replace(new)
    new.advance(1000)
    new.finish()
    assert _rest(late) == DATA
    with pytest.raises(PeerError, match="changed"):
        early.read(1)
    other = Download(os.open(file, os.O_RDONLY), _head(5))
    first = Download(os.open(file, os.O_RDONLY), _head())
    reader = Reader(first, Origin())
    first.replace(other)
    with pytest.raises(PeerError, match="changed"):
        reader.read(1)


def test_the_file_is_closed_with_its_last_reader(file: Path) -> None:
    """Its room on the disk is free then."""
    fd = os.open(file, os.O_RDONLY)
    download = Download(fd, _head())
    reader = Reader(download, Origin())
    del download
    os.fstat(fd)
    reader.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_a_passage_gives_as_much_as_is_asked() -> None:
    """And nothing at the end, again and again."""
    body = FakeBody(_head(None), DATA)
    passage = Passage(body)  # type: ignore[arg-type]  # it has what a passage uses
    assert passage.size is None
    assert passage.read(4) == DATA[:4]
    assert passage.read(100) == DATA[4:10]
    assert passage.read(2000) == DATA[10:]
    assert passage.read(1) == passage.read(1) == b""
    passage.close()
    assert body.is_closed
