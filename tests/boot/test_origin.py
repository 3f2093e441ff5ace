"""Which origin is asked first, which one rests, and what their answers mean."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.boot.origin import Reply, Rests, file_url, names_file, nearest_first, range_start, reply_of
from nearboot.model import Origin, Slug

A, B, C = (Origin(Slug(name), f"http://{name}") for name in "abc")


@pytest.mark.parametrize(
    ("distances", "names"),
    [
        pytest.param({"a": 9.0, "b": 1.0, "c": 5.0}, "bca", id="by distance"),
        pytest.param({"a": 9.0, "b": None, "c": 5.0}, "cab", id="unknown last"),
        pytest.param({}, "abc", id="by name"),
        pytest.param({"a": 5.0, "b": 5.0, "c": 0.0}, "cab", id="equal ones by name"),
    ],
)
def test_the_nearest_origin_is_first(distances: dict[str, float | None], names: str) -> None:
    """The order in which they came says nothing."""
    origins = [A, B, C]
    random.Random(1).shuffle(origins)
    assert "".join(origin.name for origin in nearest_first(origins, distances)) == names


@given(st.permutations([A, B, C]), st.dictionaries(st.sampled_from("abc"), st.none() | st.floats(0, 300)))
def test_the_order_given_changes_nothing(origins: list[Origin], distances: dict[str, float | None]) -> None:
    """A total order."""
    assert nearest_first(origins, distances) == nearest_first([A, B, C], distances)


def test_an_origin_that_failed_rests_and_comes_last() -> None:
    """Until its time is over, or it answered."""
    rests = Rests(10.0)
    rests.failed("a", 100.0)
    assert rests.order([A, B, C], 105.0) == (B, C, A)
    assert rests.awake([A, B, C], 105.0) == (B, C)
    assert rests.order([A, B, C], 110.0) == (A, B, C)
    rests.failed("b", 110.0)
    rests.answered("b")
    assert rests.awake([A, B, C], 111.0) == (A, B, C)
    assert not Rests(10.0).is_resting("x", 0.0)


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        (200, Reply.WHOLE),
        (206, Reply.PART),
        (304, Reply.SAME),
        (404, Reply.ABSENT),
        (410, Reply.ABSENT),
        (403, Reply.REFUSED),
        (416, Reply.REFUSED),
        (429, Reply.FAILED),
        (500, Reply.FAILED),
        (503, Reply.FAILED),
        (204, Reply.FAILED),
    ],
)
def test_a_status_has_a_meaning(status: int, reply: Reply) -> None:
    """What is refused for one file is no fault of the origin."""
    assert reply_of(status) is reply


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("deb/vmlinuz", "http://o/files/deb/vmlinuz"),
        ("a b/100%#.img", "http://o/files/a%20b/100%25%23.img"),
        ("grüß", "http://o/files/gr%C3%BC%C3%9F"),
        ("raw\udcff", "http://o/files/raw%FF"),
    ],
)
def test_a_path_is_quoted(path: str, url: str) -> None:
    """Nothing in a name is a query or a fragment; bytes that are no UTF-8 stay what they are."""
    assert file_url("http://o/files", path) == file_url("http://o/files/", path) == url


@pytest.mark.parametrize("path", ["", "a?b", "a/", "/a", "a//b", "../a", "a/./b", "a/.."])
def test_what_is_no_file_is_not_asked_for(path: str) -> None:
    """No folders, no queries, no way up."""
    assert not names_file(path)
    assert names_file("a/b.c") and names_file(".a/..b")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bytes 5-9/10", (5, 10)),
        ("bytes 5-9/*", (5, None)),
        ("bytes */10", None),
        ("", None),
        ("lines 1-2/3", None),
    ],
)
def test_a_content_range_is_read(text: str, found: object) -> None:
    """RFC 9110 section 14.4."""
    assert range_start(text) == found
