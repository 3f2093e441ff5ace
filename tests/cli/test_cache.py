"""``nearboot cache``: what is held of origins' files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from origin_server import OriginServer

from nearboot.boot.cache_runner import FileCache
from nearboot.boot.cache_store import CacheFolder
from nearboot.boot.origin import Directory
from nearboot.boot.origin_client import OriginClient
from nearboot.model import Origin, Slug

Nearboot = Callable[..., Any]


@pytest.fixture
def backend() -> str:
    """It needs no database."""
    return "sqlite"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A cache folder with two files."""
    origin = OriginServer("mirror")
    origin.files.update({"deb/vmlinuz": b"kernel", "deb/initrd.gz": b"initrd"})
    client = OriginClient(connect_timeout_s=3, read_timeout_s=10, rest_s=1)
    cache = FileCache(CacheFolder(tmp_path / "state" / "cache", 1 << 20), client, fresh_s=60, retry_s=1)
    cache.directory = Directory((Origin(Slug("mirror"), origin.url),))
    for path in origin.files:
        cache.find(path).result(30)
    cache.close()
    origin.kill()
    yield tmp_path / "state" / "cache"


def test_cached_files_are_listed(nearboot: Nearboot, held: Path) -> None:
    """With where they came from."""
    rows = json.loads(nearboot("cache", "list", "-o", "json").out)
    assert [(row["path"], row["bytes"], row["origin"]) for row in rows] == [
        ("deb/initrd.gz", 6, "mirror"),
        ("deb/vmlinuz", 6, "mirror"),
    ]
    assert nearboot("cache", "list").lines[0].split() == ["PATH", "BYTES", "ORIGIN", "CONFIRMED", "USED", "SHA256"]


def test_a_corrupt_file_is_told(nearboot: Nearboot, held: Path) -> None:
    """By the exit code, too."""
    assert nearboot("cache", "verify").lines == ["ok      deb/initrd.gz", "ok      deb/vmlinuz"]
    for data in held.glob("*.data"):
        if data.read_bytes() == b"kernel":
            data.write_bytes(b"kernal")
    assert nearboot("cache", "verify", code=1).lines == ["ok      deb/initrd.gz", "corrupt deb/vmlinuz"]


def test_files_are_removed_by_name_or_all(nearboot: Nearboot, held: Path) -> None:
    """A name that is not cached removes nothing."""
    assert "did you mean deb/vmlinuz?" in nearboot("cache", "clear", "deb/vmlinux", code=1).err
    assert "--all" in nearboot("cache", "clear", code=1).err
    assert nearboot("cache", "clear", "/deb/vmlinuz").lines == ["removed deb/vmlinuz"]
    assert nearboot("cache", "clear", "--all").lines == ["removed deb/initrd.gz"]
    assert nearboot("cache", "clear", "--all").err == "nothing was removed\n"
    assert [name.name for name in held.iterdir() if name.name != "lock"] == []


def test_without_a_cache_there_is_nothing_to_show(nearboot: Nearboot, tmp_path: Path) -> None:
    """And none is made."""
    assert nearboot("cache", "list").err == "nothing is cached\n"
    assert nearboot("cache", "verify").lines == []
    assert not (tmp_path / "state" / "cache").exists()
