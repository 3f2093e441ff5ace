"""The shapes of a document, its head, and what is cut off."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.errors import InputError
from nearboot.latency import document
from nearboot.latency.document import Document


def test_head_states_what_the_format_cannot() -> None:
    """Comments are no part of the document; lines keep the numbers that an editor shows."""
    read = Document("f", "# made by cron: daily\n# unit: ms\n#\n# from: ams\n\nsrc,dst,rtt\na,b,1\n")
    assert read.stated == {"unit": "ms", "from": "ams"}
    assert (read.table.header.line, read.table.records[0].line) == (6, 7)
    assert [line.number for line in read.lines()] == [6, 7]


def test_header_that_begins_with_a_hash_is_a_header() -> None:
    """``#src,dst`` is in use; a comment has a space."""
    assert Document("f", "#src,dst,rtt_ms\na,b,1\n").table.header.cells == ["#src", "dst", "rtt_ms"]


def test_two_statements_that_differ_are_refused() -> None:
    """Which of the two is meant is not for us to say."""
    with pytest.raises(InputError, match="found 'ms' and 's'; expected one statement"):
        Document("f", "# unit: ms\n# unit: s\na,b\n")


def test_items_of_a_list_have_their_lines() -> None:
    """An outermost array is read value by value."""
    items = Document("f", '\n[{"a": 1},\n {"b": [1,\n2]}, 3]\n').items
    assert [(item.line, item.name, item.value) for item in items] == [
        (2, "[0]", {"a": 1}),
        (3, "[1]", {"b": [1, 2]}),
        (4, "[2]", 3),
    ]


def test_broken_line_of_a_stream_leaves_the_others() -> None:
    """NDJSON is written a line at a time: the last one may be half."""
    read = Document("f", '# from: ams\n{"a": 1}\n{"a": 2, }\n\n{"a": 3}\n{"a": "fo')
    assert [item.value["a"] for item in read.items] == [1, 3]
    assert [(row.line, row.text) for row in read.broken] == [(3, '{"a": 2, }'), (6, '{"a": "fo')]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('[{"a": 1}, {"a": ', "expected all of it: it looks cut off", id="cut-in-a-value"),
        pytest.param('[{"a": 1},', "inside a list", id="cut-after-a-comma"),
        pytest.param('[{"a": 1}', "inside a list", id="cut-before-the-bracket"),
        pytest.param('[{"a": "x', "looks cut off", id="cut-in-a-string"),
        pytest.param('[{"a": 1} {"b": 2}]', "a comma, or the end of the list", id="no-comma"),
        pytest.param('{"a": 1, "a": 2}', "the key 'a' twice", id="key-twice"),
        pytest.param("[]", "an empty list", id="empty-list"),
        pytest.param("{", "found Expecting", id="nothing"),
        pytest.param('{"a": ' + "1" * 5000 + "}", "digits", id="endless-number"),
        pytest.param("[" * 100_000, "lists in lists", id="endless-depth"),
    ],
)
def test_json_that_is_none_is_refused(text: str, message: str) -> None:
    """With the place, and whether the end is missing."""
    with pytest.raises(InputError) as caught:
        Document("f.json", text).items  # noqa: B018 - made when it is asked for
    assert message in str(caught.value)


def test_caps_hold_for_values_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for lines."""
    monkeypatch.setattr(document, "MAX_LINES", 2)
    with pytest.raises(InputError, match="at most 2 values"):
        Document("f", "[1, 2, 3]").items  # noqa: B018


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from('{}[]",:1a\\ \n#'), max_size=60))
def test_any_text_gives_values_or_a_fault(text: str) -> None:
    """Nothing else gets out."""
    for shape in ("items", "table"):
        try:
            getattr(Document("f", text), shape)
        except InputError as error:
            assert error.faults
