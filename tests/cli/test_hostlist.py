"""Host lists: ranges keep their zeros, globs and short names find fully qualified ones, mistakes are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.cli.hostlist import choose, expand, fold
from nearboot.errors import InputError, NotFoundError

KNOWN = ["cp3050.esams.wmnet", "cp3051.esams.wmnet", "db1001.eqiad.wmnet", "ns0.a.org", "ns0.b.org"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        pytest.param(["web1"], ["web1"], id="one"),
        pytest.param(["web[01-03]"], ["web01", "web02", "web03"], id="range-keeps-zeros"),
        pytest.param(["web[9-11]"], ["web9", "web10", "web11"], id="range-grows"),
        pytest.param(["a[1,3-4],b"], ["a1", "a3", "a4", "b"], id="list"),
        pytest.param(["r[1-2]n[1-2]"], ["r1n1", "r1n2", "r2n1", "r2n2"], id="two-brackets"),
        pytest.param(["a", "a,b"], ["a", "b"], id="each-once"),
    ],
)
def test_expand(words: list[str], names: list[str]) -> None:
    """Brackets stand for each of their numbers."""
    assert expand(words) == names


@pytest.mark.parametrize(
    "word", ["web[3-1]", "web[a]", "web[1-2", "web]", "", "a,,b", "web[1-999999999]", "a[]", "a[" + "9" * 5000 + "]"]
)
def test_a_broken_list_is_named(word: str) -> None:
    """The fault quotes what was written."""
    with pytest.raises(InputError, match="host list"):
        expand([word])


def test_choose_by_name_short_name_range_and_glob() -> None:
    """A short name is enough where only one server has it."""
    assert choose(["cp[3050-3051]"], KNOWN) == KNOWN[:2]
    assert choose(["db1001", "db1001.eqiad.wmnet"], KNOWN) == [KNOWN[2]]
    assert choose(["*.org"], KNOWN) == KNOWN[3:]
    assert choose(["db*,*.b.org"], KNOWN) == [KNOWN[2], KNOWN[4]]
    assert choose(["cp[3050-3051]*"], KNOWN) == KNOWN[:2]


def test_all_names_that_name_nothing_are_told_at_once() -> None:
    """A range of a rack that is not there yet: as many as one line holds, and how many more."""
    with pytest.raises(NotFoundError) as caught:
        choose(["zz[08-30]"], KNOWN)
    assert str(caught.value).startswith("no server named 'zz08', 'zz09', 'zz10', ")
    assert str(caught.value).endswith("'zz17' and 13 more")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("cp3O50", "no server"),
        ("ns0", "did you mean"),
        ("zz*", "no server"),
        ("cp", "did you mean 'cp\\*'"),
        ("esams", "mean --location esams"),
    ],
)
def test_a_name_that_names_nothing_is_an_error(word: str, hint: str) -> None:
    """Close names are offered."""
    with pytest.raises(NotFoundError, match=hint):
        choose([word], KNOWN, places=lambda: {"esams"}, flag="--location")


@pytest.mark.parametrize(
    ("names", "lists"),
    [
        pytest.param(["web01", "web02", "web03", "web05"], ["web[01-03,05]"], id="runs"),
        pytest.param(["cp3050.esams.x", "cp3051.esams.x", "db1.x"], ["cp[3050-3051].esams.x", "db1.x"], id="domains"),
        pytest.param(["a9", "a10", "a010"], ["a010", "a10", "a9"], id="widths-are-apart"),
        pytest.param(["flerovium", "a-1-2", "x", "x"], ["a-1-2", "flerovium", "x"], id="none-to-fold"),
        pytest.param([], [], id="empty"),
    ],
)
def test_folding_tells_numbers_once(names: list[str], lists: list[str]) -> None:
    """What is shown can be given to a command again."""
    assert fold(names) == lists
    assert set(expand(lists)) == set(names)


@given(st.sets(st.from_regex(r"[a-c]{0,2}[0-9]{0,3}[.x-]{0,2}[0-9]{0,2}", fullmatch=True).filter(bool), max_size=20))
def test_folding_is_undone_by_expanding(names: set[str]) -> None:
    """Whatever the names."""
    assert set(expand(fold(names))) == names
