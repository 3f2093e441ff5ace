"""Reads what boots from disk: template folders, and files below a root that nothing may leave.

Not a cache and not a server; TFTP and HTTP both look up through it, so that both give the same answer to the same path.

    content = BootFiles(root, read_templates(folder)).content(answer)   # bytes, a Path, or None
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nearboot.boot.render import Renderer, syntax_fault
from nearboot.boot.resolve import Answer, Missing, Rendered
from nearboot.errors import ConfigError, Fault, InputError

SUFFIX = ".j2"


@dataclass(frozen=True, slots=True)
class BootFiles:
    """A file root and the templates: all that is needed to turn an answer into content."""

    root: Path
    templates: Mapping[str, str]
    _renderer: Renderer = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_renderer", Renderer(self.templates))

    def content(self, answer: Answer) -> bytes | Path | None:
        """The rendered text in UTF-8, the file to stream, or None; ``InputError`` for a template that cannot be
        rendered."""
        if isinstance(answer, Rendered):
            return self._renderer.render(answer.template, answer.context).encode()
        if isinstance(answer, Missing):
            return None
        return find_file(self.root, answer.path)


def read_templates(*folders: Path) -> dict[str, str]:
    """Every ``*.j2`` below the folders, by its path there; the first folder that has a name wins.

    So an operator's folder comes before the one that nearboot ships, and need only hold what differs. ``InputError``
    names each template that cannot be parsed, with its line.
    """
    found: dict[str, str] = {}
    faults: list[Fault] = []
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"the template folder {folder} does not exist")
        for path in sorted(folder.rglob(f"*{SUFFIX}")):
            name = path.relative_to(folder).as_posix()
            if name not in found:
                found[name] = _read(path)
                faults += [fault] if (fault := syntax_fault(found[name], str(path))) else []
    if faults:
        raise InputError(faults)
    return found


def find_file(root: Path, path: str) -> Path | None:
    """The regular file at ``path`` below ``root``, links resolved; None where there is none, or a link leads outside.

    FIFOs and devices are no files: opening one could block the server.
    """
    try:
        base = root.resolve(strict=True)
        found = (base / path.lstrip("/")).resolve(strict=True)
        if not found.is_relative_to(base) or not stat.S_ISREG(found.stat().st_mode):
            return None
    except (OSError, ValueError, RuntimeError):  # absent, a NUL in the name, a loop of links
        return None
    return found if os.access(found, os.R_OK) else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the template {path} cannot be read: {error}") from error
