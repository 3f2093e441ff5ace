"""Sidecars, freshness, and the headers that ask whether a file changed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.boot.freshness import (
    Entry,
    Head,
    Validator,
    entry_from_text,
    entry_to_text,
    head_from_json,
    head_of,
    head_to_json,
    key_of,
)

SHA = "ab" * 32
HEAD = Head("mirror", "http://o/k", 10, Validator('"v1"', "Mon, 02 Mar 2026 10:00:00 GMT", True), 30.0)
ENTRY = Entry("deb/vmlinuz", HEAD, 10, SHA, 1000.0)
VALIDATORS = st.builds(Validator, st.text(), st.text(), st.booleans())
HEADS = st.builds(
    Head, st.text(), st.text(), st.none() | st.integers(0), VALIDATORS, st.none() | st.floats(0, 1e9), st.booleans()
)


@given(st.text(st.characters(codec=None)), HEADS, st.integers(0, 1 << 62), st.floats(0, 1e10))
def test_a_sidecar_is_read_as_it_was_written(path: str, head: Head, size: int, at: float) -> None:
    """But for the size, which is that of the file."""
    entry = entry_from_text(entry_to_text(Entry(path, head, size, SHA, at)))
    assert entry is not None
    assert (entry.path, entry.size, entry.sha256, entry.validated_at) == (path, size, SHA, at)
    assert entry.head.validator == head.validator and entry.head.origin == head.origin
    assert head_from_json(json.loads(json.dumps(head_to_json(head)))) == head


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"version": 2}',
        entry_to_text(ENTRY)[:-20],
        entry_to_text(ENTRY).replace(SHA, "../x"),
    ],
)
def test_what_is_no_sidecar_is_nothing(text: str) -> None:
    """Half of one, one of a later version, one that names a file elsewhere."""
    assert entry_from_text(text) is None


def test_a_name_in_the_folder_says_nothing_of_the_path() -> None:
    """Of one length, and different for each."""
    assert len(key_of("a")) == len(key_of("../" * 200)) == 32
    assert key_of("a") != key_of("b")
    assert ENTRY.file == f"{key_of('deb/vmlinuz')}.{SHA[:16]}.data"


@pytest.mark.parametrize(
    ("now", "fresh_s", "left"),
    [
        pytest.param(1010.0, 60.0, 20.0, id="the origin's max-age is less"),
        pytest.param(1010.0, 15.0, 5.0, id="the setting is less"),
        pytest.param(1030.0, 60.0, 0.0, id="over"),
        pytest.param(999.0, 60.0, 0.0, id="a clock set back"),
    ],
)
def test_a_file_is_fresh_for_a_while(now: float, fresh_s: float, left: float) -> None:
    """The smaller of what the origin and the operator say."""
    assert ENTRY.fresh_for(now, fresh_s=fresh_s) == left


@pytest.mark.parametrize(
    ("validator", "conditions", "rest"),
    [
        pytest.param(
            Validator('"a"', "D", True),
            {"If-None-Match": '"a"', "If-Modified-Since": "D"},
            {"Range": "bytes=7-", "If-Range": '"a"'},
            id="a strong tag",
        ),
        pytest.param(Validator('W/"a"'), {"If-None-Match": 'W/"a"'}, {}, id="a weak tag"),
        pytest.param(
            Validator("", "D", True), {"If-Modified-Since": "D"}, {"Range": "bytes=7-", "If-Range": "D"}, id="a date"
        ),
        pytest.param(Validator("", "D", False), {"If-Modified-Since": "D"}, {}, id="a date of this second"),
        pytest.param(Validator(), {}, {}, id="nothing"),
    ],
)
def test_a_version_is_asked_for(validator: Validator, conditions: object, rest: object) -> None:
    """RFC 9110 sections 13.1.1 to 13.1.5: what is weak joins nothing."""
    assert validator.conditions() == conditions
    assert validator.rest(7) == rest


@pytest.mark.parametrize(
    ("headers", "head"),
    [
        pytest.param({}, Head("o", "u", None, Validator()), id="nothing"),
        pytest.param({"content-length": "12", "etag": '"x"'}, Head("o", "u", 12, Validator('"x"')), id="size and tag"),
        pytest.param({"content-length": "-1"}, Head("o", "u", None, Validator()), id="no size"),
        pytest.param({"cache-control": "public, Max-Age=30"}, Head("o", "u", None, Validator(), 30.0), id="max-age"),
        pytest.param({"cache-control": "no-cache"}, Head("o", "u", None, Validator(), 0.0), id="always asked"),
        pytest.param({"cache-control": "no-store"}, Head("o", "u", None, Validator(), None, False), id="not kept"),
        pytest.param(
            {"last-modified": "Mon, 02 Mar 2026 10:00:00 GMT", "date": "Mon, 02 Mar 2026 10:00:05 GMT"},
            Head("o", "u", None, Validator("", "Mon, 02 Mar 2026 10:00:00 GMT", True)),
            id="an old date is strong",
        ),
        pytest.param(
            {"last-modified": "x", "date": "y"}, Head("o", "u", None, Validator("", "x", False)), id="no dates"
        ),
    ],
)
def test_headers_are_read(headers: dict[str, str], head: Head) -> None:
    """What an origin does not say is not known."""
    assert head_of("o", "u", headers) == head
