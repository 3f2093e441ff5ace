"""Whether the user that root was given up for can use what a daemon needs; asked once, before anything is served.

check_rights(config, root)
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from nearboot.app.status import run_folder
from nearboot.config import Config
from nearboot.errors import ConfigError
from nearboot.tftp import unreadable


def check_rights(config: Config, root: Path) -> None:
    """Raise ConfigError that names everything this process's user cannot use, and whose it is.

    Python itself too, since it loads more of its modules later: one that lies in root's home is of no use.
    """
    written = [*_sqlite_files(config.database), config.cache_dir, run_folder(config)]
    wanted = [(Path(os.__file__), False), (root, False), *((path, True) for path in written if not _is_missing(path))]
    faults = [fault for path, is_written in wanted if (fault := unreadable(str(path), writable=is_written))]
    if faults:
        raise ConfigError("; ".join(faults))


def _is_missing(path: Path) -> bool:
    """Whether it is sure that there is nothing; what lies in a closed folder may be there."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _sqlite_files(url: str) -> list[Path]:
    """The folder, the file, and what SQLite keeps beside it while it is open."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return []  # whoever opens it says what is wrong
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return []
    file = Path(parsed.database)
    return [file.parent, *(file.with_name(file.name + more) for more in ("", "-wal", "-shm"))]
