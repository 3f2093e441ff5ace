"""Asking real origins: which answer counts, how a broken one is gone on with, and what is never taken."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from origin_server import OriginServer

from nearboot.boot.freshness import Head, Validator
from nearboot.boot.origin import Directory
from nearboot.boot.origin_client import Absent, Body, ContentChangedError, OriginClient, Progress, Same
from nearboot.errors import PeerError
from nearboot.model import Origin, Slug

BIG = random.Random(3).randbytes(600_000)
CHANGED = BIG[:300_000] + random.Random(4).randbytes(300_000)


@pytest.fixture
def a() -> Iterator[OriginServer]:
    server = OriginServer("a")
    server.files["k"] = BIG
    yield server
    server.kill()


@pytest.fixture
def b() -> Iterator[OriginServer]:
    server = OriginServer("b")
    server.files["k"] = BIG
    yield server
    server.kill()


@pytest.fixture
def directory(a: OriginServer, b: OriginServer) -> Directory:
    return Directory(tuple(Origin(Slug(each.name), each.url) for each in (a, b)))


@pytest.fixture
def client() -> Iterator[OriginClient]:
    client = OriginClient(connect_timeout_s=5, read_timeout_s=5, rest_s=60)
    yield client
    client.close()


def _whole(body: object) -> bytes:
    assert isinstance(body, Body)
    return b"".join(body.chunks())


def test_the_first_origin_that_answers_gives_it(client: OriginClient, directory: Directory, b: OriginServer) -> None:
    """The others are not asked; compression is never asked for."""
    body = client.ask("k", directory)
    assert isinstance(body, Body) and body.head.size == len(BIG) and body.head.origin == "a"
    assert _whole(body) == BIG
    assert not b.requests


@pytest.mark.parametrize("status", [500, 503, 403, 302])
def test_another_origin_is_asked_where_one_fails(
    client: OriginClient, directory: Directory, a: OriginServer, status: int
) -> None:
    """One that failed rests and is asked last from then on; one that refused this file does not."""
    a.status = status
    assert _whole(client.ask("k", directory)) == _whole(client.ask("k", directory)) == BIG
    assert len(a.requests) == (2 if status == 403 else 1)


def test_no_answer_of_any_is_an_error_that_names_all(
    client: OriginClient, directory: Directory, a: OriginServer, b: OriginServer
) -> None:
    """It is not the same as not found."""
    a.kill()
    b.status = 500
    with pytest.raises(PeerError, match=r"a: .*refused.*b: status 500"):
        client.ask("k", directory)
    with pytest.raises(PeerError, match="there is none"):
        client.ask("k", Directory())


def test_not_found_is_what_all_say(
    client: OriginClient, directory: Directory, a: OriginServer, b: OriginServer
) -> None:
    """Certain if all answered; with one cached, one that does not answer may have it."""
    assert client.ask("x", directory) == Absent(is_certain=True)
    b.files["x"] = b"x"
    assert _whole(client.ask("x", directory)) == b"x"
    a.kill()
    del b.files["x"]
    assert client.ask("x", directory) == Absent(is_certain=False)
    with pytest.raises(PeerError):
        client.ask("x", directory, known=Validator('"v"'))


def test_a_version_that_is_known_is_not_sent_again(client: OriginClient, directory: Directory, a: OriginServer) -> None:
    """By tag, or by date where there is no tag."""
    assert client.ask("k", directory, known=Validator(a.etag("k"))) == Same("a")
    a.headers["ETag"] = ""
    body = client.ask("k", directory)
    assert isinstance(body, Body) and not body.head.validator.etag
    body.close()
    assert client.ask("k", directory, known=body.head.validator) == Same("a")
    assert _whole(client.ask("k", directory, known=Validator('"another"'))) == BIG


def test_those_that_rest_are_left_alone_while_there_is_a_copy(
    client: OriginClient, directory: Directory, a: OriginServer, b: OriginServer
) -> None:
    """No client waits for a dead origin again and again."""
    for name in "ab":
        client.fault(name, "k", "test")
    with pytest.raises(PeerError, match="a rests; b rests"):
        client.ask("k", directory, known=Validator('"v"'), only_awake=True)
    assert not a.requests and not b.requests
    assert _whole(client.ask("k", directory)) == BIG


@pytest.mark.parametrize("has_ranges", [True, False])
@pytest.mark.parametrize("etag", [None, ""], ids=["tags", "no tags"])
def test_a_broken_answer_is_gone_on_with(
    client: OriginClient, directory: Directory, a: OriginServer, b: OriginServer, *, has_ranges: bool, etag: str | None
) -> None:
    """The rest alone where the other origin can give it, else after comparing the beginning."""
    a.cut_at = 200_000
    b.has_ranges = has_ranges
    for each in (a, b):
        each.headers = {} if etag is None else {"ETag": etag}
    assert _whole(client.ask("k", directory)) == BIG
    assert b.statuses == [206 if has_ranges else 200]


def test_the_same_origin_may_go_on(client: OriginClient, directory: Directory, a: OriginServer) -> None:
    """Where it broke off and there is no other."""
    a.cut_at = 200_000
    assert _whole(client.ask("k", Directory(directory.origins[:1]))) == BIG
    assert a.statuses == [200, 206]


@pytest.mark.parametrize("other", [CHANGED[::-1], BIG[:-1], BIG + b"x"], ids=["content", "shorter", "longer"])
def test_a_rest_of_another_version_is_never_taken(
    client: OriginClient, directory: Directory, a: OriginServer, b: OriginServer, other: bytes
) -> None:
    """Whatever its size; what came so far is of no use then."""
    a.cut_at = 200_000
    b.files["k"] = other
    body = client.ask("k", directory)
    assert isinstance(body, Body)
    chunks = body.chunks()
    came = [next(chunks)]
    a.kill()
    with pytest.raises(ContentChangedError, match="is another at b"):
        came.extend(chunks)
    assert BIG.startswith(b"".join(came))


def test_a_version_with_the_same_beginning_is_that_version(
    client: OriginClient, directory: Directory, a: OriginServer, b: OriginServer
) -> None:
    """What comes then is whole, and goes by its own tag."""
    a.cut_at = 200_000
    b.files["k"] = CHANGED
    body = client.ask("k", directory)
    assert _whole(body) == CHANGED
    assert isinstance(body, Body) and body.head.validator.etag == b.etag("k")


def test_without_another_origin_a_broken_answer_is_an_error(
    client: OriginClient, directory: Directory, a: OriginServer, b: OriginServer
) -> None:
    """What came is right, and not all."""
    a.cut_at = 200_000
    b.kill()
    body = client.ask("k", directory)
    assert isinstance(body, Body)
    chunks = body.chunks()
    next(chunks)
    a.kill()
    with pytest.raises(PeerError, match="no origin goes on"):
        list(chunks)


def test_the_end_of_a_file_with_a_wrong_checksum_is_held_back(
    client: OriginClient, directory: Directory, a: OriginServer, b: OriginServer
) -> None:
    """Nobody ever has all of it; the origin rests."""
    directory = replace(directory, sha256={"k": hashlib.sha256(CHANGED).hexdigest()})
    body = client.ask("k", directory)
    assert isinstance(body, Body)
    came = []
    with pytest.raises(ContentChangedError, match="checksum"):
        came.extend(body.chunks())
    assert 0 < len(b"".join(came)) < len(BIG)
    b.files["k"] = CHANGED
    assert _whole(client.ask("k", directory)) == CHANGED


def test_a_rest_can_be_had_later(client: OriginClient, directory: Directory, a: OriginServer, b: OriginServer) -> None:
    """By whoever knows how far it came, and its hash."""
    head = Head("a", a.url, len(BIG), Validator(a.etag("k")))
    progress = Progress(400_000, hashlib.sha256(BIG[:400_000]))
    assert _whole(Body(client, "k", directory, head, progress=progress)) == BIG[400_000:]
    assert a.statuses == [206] and not b.requests


def test_an_answer_of_unknown_length_is_whole_at_its_end(
    client: OriginClient, directory: Directory, a: OriginServer
) -> None:
    """As a server without Content-Length sends it."""
    a.has_length = False
    body = client.ask("k", directory)
    assert isinstance(body, Body) and body.head.size is None
    assert _whole(body) == BIG


def test_redirects_are_followed_but_not_to_a_folder(
    client: OriginClient, directory: Directory, a: OriginServer, b: OriginServer
) -> None:
    """What a server shows of a folder is no file."""
    a.redirects.update(moved=f"{b.url}/k", images=f"{a.url}/images/")
    a.files["images/"] = b"<html>"
    assert _whole(client.ask("moved", directory)) == BIG
    assert client.ask("images", directory) == Absent(is_certain=True)


def test_a_password_is_used_and_not_shown(client: OriginClient, a: OriginServer) -> None:
    """Sidecars and tables hold the address without it."""
    url = a.url.replace("http://", "http://user:secret@")
    body = client.ask("k", Directory((Origin(Slug("a"), url),)))
    assert isinstance(body, Body) and body.head.url == f"{a.url}/k"
    body.close()
    assert a.requests[0][1]["authorization"].startswith("Basic ")


def test_a_compressed_answer_is_refused(
    client: OriginClient, directory: Directory, a: OriginServer, b: OriginServer
) -> None:
    """Nobody asked for it, and it is another file."""
    a.headers["Content-Encoding"] = "gzip"
    assert _whole(client.ask("k", directory)) == BIG
    assert b.requests
