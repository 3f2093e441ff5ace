"""``nearboot tftp get``: a file from a TFTP server, streamed into a file or to a stream, with its checksum.

fetched = fetch(parse_url("tftp://[2001:db8::5]/grub/grub.cfg"), Path("grub.cfg"), Asking(windowsize=16))
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from nearboot.errors import ConfigError
from nearboot.tftp import read_to

PORT = 69
Output = Path | BinaryIO
OnProgress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Target:
    """What to read, and from where."""

    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Asking:
    """How to ask: the options of the request, and the patience."""

    blksize: int = 1428
    windowsize: int = 16
    timeout_s: float = 1.0
    retries: int = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came; ``blksize`` and ``windowsize`` are those that the server granted."""

    size: int
    duration_s: float
    sha256: str
    blksize: int
    windowsize: int


def parse_url(text: str) -> Target:
    """A ``tftp://host[:port]/path`` (RFC 3617) with ``%`` escapes, IPv6 in brackets; ValueError says what is wrong."""
    parts = urlsplit(text)
    if parts.scheme != "tftp":
        raise ValueError("expected tftp://HOST[:PORT]/PATH")
    path, _, mode = unquote(parts.path[1:]).partition(";mode=")
    if not parts.hostname:
        raise ValueError("no host; expected tftp://HOST[:PORT]/PATH, IPv6 addresses in brackets")
    if not path or "\0" in path:
        raise ValueError("no path; expected tftp://HOST[:PORT]/PATH")
    if mode not in ("", "octet"):
        raise ValueError(f"mode {mode!r}; expected octet")
    if parts.query:
        path += f"?{parts.query}"  # TFTP knows no queries: boot.ipxe?mac=... is a file name
    return Target(unquote(parts.hostname), PORT if parts.port is None else parts.port, path)


def fetch(target: Target, output: Output, asking: Asking, on_progress: OnProgress | None = None) -> Fetched:
    """Read a file. A regular file is replaced when all has come, or not at all.

    PeerError and ProtocolError are the server's; ConfigError: the output cannot be written.
    """
    digest = hashlib.sha256()
    begun = time.monotonic()
    try:
        with opened(output) as file:

            def write(block: bytes) -> None:
                digest.update(block)
                file.write(block)

            download = asyncio.run(
                read_to(
                    write,
                    target.host,
                    target.port,
                    target.path,
                    blksize=asking.blksize,
                    windowsize=asking.windowsize,
                    timeout_s=asking.timeout_s,
                    retries=asking.retries,
                    on_progress=on_progress,
                )
            )
            file.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        name = output if isinstance(output, Path) else "the output"
        raise ConfigError(f"{name} cannot be written: {error.strerror or error}") from error
    duration_s = time.monotonic() - begun
    return Fetched(download.received_bytes, duration_s, digest.hexdigest(), download.blksize, download.windowsize)


@contextmanager
def opened(output: Output) -> Iterator[BinaryIO]:
    """A stream as it is; a device or a pipe opened; of a file a new one beside it, put in its place at the end."""
    if not isinstance(output, Path):
        yield output
    elif output.exists() and not output.is_file():
        with output.open("wb") as file:
            yield file
    else:
        with replacing(output.resolve()) as file:
            yield file


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of ``path`` if all goes well, and is gone else; the mode is the old file's."""
    mode = path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask()
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name[:200]}.", delete=False) as file:
        written = Path(file.name)
        try:
            yield file  # type: ignore[misc]  # a wrapper with all of a BinaryIO's methods
            file.flush()
            os.fsync(file.fileno())
            written.chmod(mode)
            written.replace(path)
        except BaseException:
            written.unlink(missing_ok=True)
            raise


def _umask() -> int:
    """The process's umask; it can be read by setting it alone."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
