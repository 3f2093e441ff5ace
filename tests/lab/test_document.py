"""Documents: fields with places, all faults at once."""

from __future__ import annotations

import pytest

from nearboot.errors import InputError
from nearboot.lab.document import Document


def test_scalars_stay_the_text_that_was_written() -> None:
    """A MAC is not a base-60 number, as YAML 1.1 would have it."""
    root = Document("mac: 52:54:00:77:00:01\n", "f.yaml").root()
    assert root.read("mac", str, "text") == "52:54:00:77:00:01"


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        pytest.param("", 0, "an empty file", id="empty"),
        pytest.param("# only a comment\n", 0, "an empty file", id="comment"),
        pytest.param("- a\n", 1, "a list", id="list"),
        pytest.param("word\n", 1, "a value", id="scalar"),
        pytest.param("a: 1\n\tb: 2\n", 2, "found character '\\t'", id="tab"),
        pytest.param("a: [1\n", 2, "expected ',' or ']'", id="open-bracket"),
        pytest.param("a: \x01\n", 0, "unacceptable character", id="control-character"),
    ],
)
def test_what_is_no_mapping_is_refused_with_its_line(text: str, line: int, found: str) -> None:
    """A document that cannot be read has one fault, at the line where reading stopped."""
    with pytest.raises(InputError) as caught:
        Document(text, "f.yaml").root()
    (fault,) = caught.value.faults
    assert (fault.file, fault.line) == ("f.yaml", line)
    assert found in fault.found


def test_all_faults_come_together_in_the_order_of_lines() -> None:
    """Missing, unknown, repeated and wrong fields are each named with file, line and path."""
    text = "count: many\nlist: 3\ncount: 2\nextra: 1\ntables: [a, {b: 1}]\n"
    document = Document(text, "f.yaml")
    root = document.root()
    root.read("count", int, "a number")
    root.read("name", str, "a name")
    root.texts("list", "a list of words")
    (table,) = root.tables("tables")
    table.read("b", int, "a number")
    table.close()
    root.close()
    with pytest.raises(InputError) as caught:
        document.check()
    assert [(f.line, f.field, f.found) for f in caught.value.faults] == [
        (1, "name", "nothing"),
        (2, "list", "a value"),
        (3, "count", "the field a second time"),
        (4, "extra", "an unknown field"),
        (5, "tables[0]", "a value"),
    ]


def test_a_field_of_the_wrong_kind_is_a_fault() -> None:
    """A mapping where a value belongs is named as such, and the value is not guessed."""
    document = Document("name: {a: 1}\n", "f.yaml")
    assert document.root().read("name", str, "a name") is None
    with pytest.raises(InputError, match=r"f.yaml:1: name: found a mapping; expected a name"):
        document.check()
