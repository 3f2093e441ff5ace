"""The static boot files of the configuration's root."""

from __future__ import annotations

from nearboot.boot.store import find_file
from nearboot.config import Config


def file_size(config: Config, path: str) -> int | None:
    """The size in bytes of a boot file; None where the root has none of that name."""
    found = find_file(config.root, path)
    return found.stat().st_size if found else None
