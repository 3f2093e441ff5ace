"""Includes: what takes their place, what is said when nothing does."""

from __future__ import annotations

import pytest

from nearboot.errors import InputError
from nearboot.inventory.importers.isc_include import expand


def read_nothing(name: str) -> str:
    raise FileNotFoundError(name)


def test_included_statements_stand_in_the_block_that_includes_them() -> None:
    """An include inside a group is as if its text stood there, with its own file and lines."""
    (group,), findings = expand([("d", 'group {\n include "x";\n}')], read={"x": "\nhost a { }"}.__getitem__)
    assert group.body is not None
    assert [(s.keyword, s.file, s.line) for s in group.body] == [("host", "x", 2)]
    assert not findings


@pytest.mark.parametrize("order", [("d", "hosts"), ("hosts", "d")], ids=["first", "last"])
def test_a_given_file_is_taken_for_the_include_of_its_base_name_and_read_once(order: tuple[str, str]) -> None:
    """dhcpd's own paths seldom exist where the import runs; the order of the files makes no difference."""
    texts = {"d": 'include "/etc/dhcp/hosts";', "hosts": "host a { }"}
    statements, findings = expand([(name, texts[name]) for name in order], read=read_nothing)
    assert [(s.keyword, s.file) for s in statements] == [("host", "hosts")]
    assert not findings


def test_two_given_files_of_one_base_name_are_not_guessed_between() -> None:
    """Then the path must be exact, or readable."""
    _, findings = expand([("d", 'include "/etc/hosts";'), ("a/hosts", ""), ("b/hosts", "")], read=read_nothing)
    assert [f.code for f in findings] == ["include-unread"]


def test_an_include_that_cannot_be_read_is_a_finding_with_its_place() -> None:
    """The rest is still imported."""
    statements, (finding,) = expand([("d", 'a;\ninclude "/gone";\nb;')], read=read_nothing)
    assert [s.keyword for s in statements] == ["a", "b"]
    assert (finding.code, finding.file, finding.line, finding.subject) == ("include-unread", "d", 2, "/gone")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({"d": 'include "d";'}, "d:1: include: found d includes d", id="itself"),
        pytest.param({"d": 'include "e";', "e": 'include "d";'}, "d includes e includes d", id="circle"),
        pytest.param({"d": "include x;"}, "expected one file name in quotes", id="no-quotes"),
        pytest.param({"d": 'include "e";', "e": "\n}"}, "e:2: found '}'", id="syntax-of-the-included"),
    ],
)
def test_faults_of_includes(files: dict[str, str], message: str) -> None:
    """Circles and broken included files refuse the import."""
    with pytest.raises(InputError, match=message):
        expand([("d", files["d"])], read=files.__getitem__)


def test_syntax_faults_of_all_files_come_together() -> None:
    """A user mends them in one go."""
    with pytest.raises(InputError) as error:
        expand([("d", "}"), ("e", "a")], read=read_nothing)
    assert [fault.file for fault in error.value.faults] == ["d", "e"]
