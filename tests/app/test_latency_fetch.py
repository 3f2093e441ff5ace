"""A map over HTTP, from a real server on the loopback."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from origin_server import OriginServer

from nearboot.app import latency_fetch
from nearboot.app.latency_fetch import Answer, fetch, redacted
from nearboot.app.latency_source import Marks, Source, new_documents
from nearboot.errors import PeerError

TEXT = b"src,dst,rtt_ms\nams,fra,8.2\n"


@pytest.fixture
def server() -> Iterator[OriginServer]:
    running = OriginServer("maps")
    running.files["wan.csv"] = TEXT
    yield running
    running.kill()


def _fetch(url: str, known: dict[str, str] | None = None, *, max_bytes: int = 1000) -> Answer | None:
    return fetch(url, known or {}, timeout_s=5, max_bytes=max_bytes)


def test_document_comes_with_its_version(server: OriginServer) -> None:
    """And does not come again while it is that one."""
    answer = _fetch(f"{server.url}/wan.csv")
    assert answer is not None
    assert (answer.content, answer.etag) == (TEXT, server.etag("wan.csv"))
    assert answer.modified_at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert _fetch(f"{server.url}/wan.csv", {"etag": answer.etag, "modified": answer.modified}) is None
    assert server.statuses == [200, 304]


@pytest.mark.parametrize("text", ["", "yesterday", "Mon, 99 Mar 2026 10:00:00 GMT"])
def test_time_that_is_none_is_not_known(text: str) -> None:
    """What a server says there is its own affair."""
    assert Answer(b"", "", text).modified_at is None


def test_answers_without_a_document_are_faults(server: OriginServer) -> None:
    """Another status, too many bytes, an end before the end, nobody there."""
    url = f"{server.url}/wan.csv"
    with pytest.raises(PeerError, match="status 404 Not Found"):
        _fetch(f"{server.url}/missing.csv")
    assert fetch(f"{server.url}/missing.csv", {}, timeout_s=5, max_bytes=9, absent_ok=True) is None
    with pytest.raises(PeerError, match="more than 20 bytes"):
        _fetch(url, max_bytes=20)
    server.cut_at = 10
    with pytest.raises(PeerError, match=r"wan\.csv: "):
        _fetch(url)
    server.kill()
    with pytest.raises(PeerError, match="refused"):
        _fetch(url)


def test_bound_is_on_what_a_document_becomes(server: OriginServer) -> None:
    """A packed one may be a thousand times as large."""
    server.files["bomb.csv"] = gzip.compress(b"0" * 100_000)
    server.headers["Content-Encoding"] = "gzip"
    with pytest.raises(PeerError, match="more than 5000 bytes"):
        _fetch(f"{server.url}/bomb.csv", max_bytes=5000)


def test_answer_that_drips_has_an_end(server: OriginServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte in time, and yet not all of it."""
    monkeypatch.setattr(latency_fetch, "DEADLINES", 0)
    with pytest.raises(PeerError, match="not all of it came in time"):
        _fetch(f"{server.url}/wan.csv")


def test_silent_server_is_a_fault(server: OriginServer) -> None:
    """It takes the request, and says nothing."""
    server.gate.clear()
    with pytest.raises(PeerError, match="no answer in time"):
        fetch(f"{server.url}/wan.csv", {}, timeout_s=0.2, max_bytes=1000)
    server.gate.set()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/x", "http://h/x"),
        ("http://ada:secret@h:90/x", "http://ada:***@h:90/x"),
        ("http://h/x?query=" + "y" * 100, "http://h/x?query=" + "y" * 74 + "..."),
    ],
)
def test_secrets_are_in_no_message(url: str, shown: str) -> None:
    """Nor are queries of a page."""
    assert redacted(url) == shown


def test_source_gives_what_has_changed(server: OriginServer) -> None:
    """By ETag, and by content where a server has none; a signature is asked for where keys are set."""
    source, marks = Source(f"{server.url}/wan.csv"), Marks()
    (found,) = new_documents(source, marks)
    assert (found.publisher, found.document.content, found.document.signature) == ("wan", TEXT, None)
    marks.keep(found)
    assert list(new_documents(source, marks)) == []
    server.headers |= {"ETag": "", "Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT"}
    assert list(new_documents(source, marks)) == []
    assert server.statuses[-1] == 200
    server.files |= {"wan.csv": TEXT + b"fra,ams,8.3\n", "wan.csv.sig": b"signed\n"}
    (found,) = new_documents(source, marks, with_signature=True)
    assert (found.document.signature, found.as_of) == ("signed\n", datetime(2026, 11, 22, 10, tzinfo=UTC))


def test_source_of_a_query_is_called_as_its_host(server: OriginServer) -> None:
    """Or as the user calls it."""
    server.files["query?query=up"] = b"{}"
    url = f"{server.url}/query?query=up"
    assert [next(new_documents(Source(url, name), Marks())).publisher for name in ("", "prom")] == ["127.0.0.1", "prom"]
