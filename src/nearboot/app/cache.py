"""What the cache of origins' files holds, for people: to list, to check against its checksums, to remove.

It may be in use meanwhile: what is being fetched or read is left alone, or goes on being read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches

from nearboot.boot.cache_store import CacheFolder
from nearboot.boot.freshness import Entry
from nearboot.config import Config
from nearboot.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Stored:
    """A cached file. ``validated_at``: when an origin last gave or confirmed it; ``used_at``: as far as is written."""

    path: str
    size: int
    origin: str
    url: str
    sha256: str
    validated_at: datetime
    used_at: datetime


def stored(config: Config) -> list[Stored]:
    """All cached files, by path."""
    folder = _folder(config)
    return [] if folder is None else sorted(_shown(folder), key=lambda each: each.path)


def verify(config: Config, on_file: Callable[[str, bool], None]) -> int:
    """Read every cached file; tells of each whether it is what was fetched, and gives how many are not."""
    folder = _folder(config)
    wrong = 0
    for entry in sorted(folder.entries() if folder else [], key=lambda entry: entry.path):
        is_whole = folder.is_whole(entry) if folder else False
        wrong += not is_whole
        on_file(entry.path, is_whole)
    return wrong


def clear(config: Config, paths: Sequence[str]) -> list[str]:
    """Remove the files of these paths, or all; gives those that were removed. NotFoundError for what is not cached."""
    folder = _folder(config)
    entries = {entry.path: entry for entry in folder.entries()} if folder else {}
    wanted = [path.lstrip("/") for path in paths] or sorted(entries)
    unknown = [path for path in wanted if path not in entries]
    if unknown:
        near = get_close_matches(unknown[0], entries, 3)
        raise NotFoundError("cached file", unknown[0], near, others=unknown[1:])
    return [path for path in wanted if folder and folder.evict(entries[path])]


def _folder(config: Config) -> CacheFolder | None:
    """None where there is none: looking makes none."""
    root = config.cache_dir
    return CacheFolder(root, config.cache.max_mib << 20) if root.is_dir() else None


def _shown(folder: CacheFolder) -> list[Stored]:
    return [_one(entry, folder.used_at(entry)) for entry in folder.entries()]


def _one(entry: Entry, used_at: float) -> Stored:
    return Stored(
        path=entry.path,
        size=entry.size,
        origin=entry.head.origin,
        url=entry.head.url,
        sha256=entry.sha256,
        validated_at=datetime.fromtimestamp(entry.validated_at, UTC),
        used_at=datetime.fromtimestamp(used_at, UTC),
    )
