"""What the cache holds, as the command line is told; the commands themselves: tests/cli/test_cache.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from nearboot.app.cache import clear, stored, verify
from nearboot.boot.cache_store import CacheFolder
from nearboot.boot.freshness import Entry, Head, Validator
from nearboot.config import CacheConfig, Config
from nearboot.errors import NotFoundError

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # of b"test"


def test_a_file_that_is_being_fetched_is_left_alone(tmp_path: Path) -> None:
    """Whoever holds its lock goes on."""
    config = Config(cache=CacheConfig(dir=str(tmp_path)))
    folder = CacheFolder(tmp_path, 1000)
    part = folder.begin("x")
    assert part is not None
    part.write(b"test", 0)
    folder.commit(part, Entry("x", Head("o", "http://o/x", 4, Validator()), 4, SHA, 5.0))
    folder.end(part)
    assert [(each.path, each.size, each.validated_at.timestamp()) for each in stored(config)] == [("x", 4, 5.0)]
    told: list[tuple[str, bool]] = []
    assert verify(config, lambda path, is_whole: told.append((path, is_whole))) == 0
    assert told == [("x", True)]
    part = folder.begin("x")
    assert part is not None and clear(config, []) == []
    folder.end(part)
    with pytest.raises(NotFoundError, match="cached file named 'y'"):
        clear(config, ["y"])
    assert clear(config, ["x"]) == ["x"]
