"""What waits for the book: in order, bounded, the least important dropped first; closing has a deadline."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import pytest

from nearboot.app.backlog import Backlog


class Book:
    """Stores texts; the first batch only when it is let go. Texts that begin with ``-`` are minor."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[str]] = []
        self.entered, self.release = threading.Event(), threading.Event()
        if not held:
            self.release.set()

    def store(self, texts: Sequence[str]) -> None:
        self.entered.set()
        self.release.wait(10)
        self.batches.append(list(texts))
        if "bug" in texts:
            raise RuntimeError("bug")


def is_minor(text: str) -> bool:
    return text.startswith("-")


def test_things_are_stored_in_order_and_in_batches() -> None:
    """Minor or not, in the order in which they were put."""
    book = Book()
    backlog = Backlog(book.store, is_minor=is_minor, batch=3)
    for text in ("a", "-b", "c", "-d", "e"):
        backlog.put(text)
    backlog.start()
    backlog.close(grace_s=10)
    assert book.batches == [["a", "-b", "c"], ["-d", "e"]]


@pytest.mark.parametrize(
    ("put", "kept"),
    [
        pytest.param(["a", "-1", "b", "-2", "c"], ["a", "b", "c"], id="minor ones first"),
        pytest.param(["-1", "-2", "-3", "-4"], ["-2", "-3", "-4"], id="of them the oldest"),
        pytest.param(["a", "b", "c", "-1"], ["a", "b", "c"], id="a minor one takes no room from others"),
        pytest.param(["a", "b", "c", "d"], ["b", "c", "d"], id="then the oldest of all"),
    ],
)
def test_what_matters_least_is_dropped_when_it_is_full(
    put: list[str], kept: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """And counted, in one line."""
    book = Book()
    backlog = Backlog(book.store, is_minor=is_minor, room=3)
    for text in put:
        backlog.put(text)
    with caplog.at_level(logging.WARNING):
        backlog.start()
        backlog.close(grace_s=10)
    assert book.batches == [kept]
    (line,) = caplog.messages
    assert line.startswith(f"events dropped: count={len(put) - len(kept)}, ")


def test_closing_has_a_deadline(caplog: pytest.LogCaptureFixture) -> None:
    """The batch under way may end; the rest is dropped and counted."""
    book = Book(held=True)
    backlog = Backlog(book.store, is_minor=is_minor, batch=1)
    backlog.start()
    for text in ("a", "b", "-c"):
        backlog.put(text)
    assert book.entered.wait(10)
    with caplog.at_level(logging.WARNING):
        closing = threading.Thread(target=backlog.close, args=(0.0,))
        closing.start()
        while len(backlog):
            closing.join(0.001)
        book.release.set()
        closing.join()
    assert book.batches == [["a"]]
    assert caplog.messages == ["events dropped: count=2, the server stopped"]


def test_a_bug_of_the_book_is_logged_and_the_next_batch_follows(caplog: pytest.LogCaptureFixture) -> None:
    """A server must not end by its book."""
    book = Book()
    backlog = Backlog(book.store, is_minor=is_minor, batch=1)
    backlog.put("bug")
    backlog.put("a")
    with caplog.at_level(logging.CRITICAL, logger="nearboot.app.backlog"):
        backlog.start()
        backlog.close(grace_s=10)
    assert book.batches == [["bug"], ["a"]]
