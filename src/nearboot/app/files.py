"""Files on this machine: the static boot files of the configuration's root, and documents that commands write."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from nearboot.boot.store import find_file
from nearboot.config import Config
from nearboot.errors import ConfigError

log = logging.getLogger(__name__)

HEALTH_CONTENT = b"nearboot boot server: ok\n"


def file_size(config: Config, path: str) -> int | None:
    """The size in bytes of a boot file; None where the root has none of that name."""
    found = find_file(config.root, path)
    return found.stat().st_size if found else None


def write_document(path: Path, text: str) -> bool:
    """Write a file, and its folder where it is missing; replaced at once or not at all.

    False where it holds this text already; ConfigError where it cannot be written.
    """
    try:
        if path.exists() and path.read_bytes() == text.encode():
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
    return True


def _replace(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    written = Path(file.name)
    try:
        written.chmod(0o644)
        written.replace(path)
    except OSError:
        written.unlink()
        raise


def provide_health_file(root: Path, name: str) -> None:
    """Put the small file that health checks read into a root that has none; a root that is read-only is told of."""
    if find_file(root, name) is not None:
        return
    try:
        with (root / name).open("xb") as file:
            file.write(HEALTH_CONTENT)
    except OSError as error:
        log.warning("file=%s cannot be made (%s): boot-server check will call this boot server unhealthy", name, error)
