"""The file name of a request as a path below a root: what boot ROMs write, and nothing that leaves the root.

Pure: it looks at no file; symlinks are the ``store``'s matter. Quirks taken: a leading "/", "\\" for "/" (Windows
loaders, shim), "//" (GRUB), a tail of 0xFF or NUL (old PXE ROMs read DHCP's file name past its end).

    clean("/boot\\\\grubx64.efi\\xff").parts == ("boot", "grubx64.efi")
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_PART = 255
"""NAME_MAX of Linux file systems."""


@dataclass(frozen=True, slots=True)
class CleanName:
    """The parts below the root; ``note`` is empty, or says what was taken off."""

    parts: tuple[str, ...]
    note: str = ""


def clean(filename: str) -> CleanName:
    """The path that ``filename`` means; PermissionError for "..", FileNotFoundError for what can name no file."""
    name = filename.rstrip("\xff\0")
    note = f"{len(filename) - len(name)} trailing 0xFF or NUL stripped" if name != filename else ""
    parts = tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
    if ".." in parts:
        raise PermissionError(f"{filename!r} leaves the root")
    if not parts or any("\0" in part or len(part.encode()) > MAX_PART for part in parts):
        raise FileNotFoundError(f"{filename!r} names no file")
    return CleanName(parts, note)
