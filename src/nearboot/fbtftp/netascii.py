"""A reader whose line ends become netascii's: LF is CR LF, CR is CR NUL (RFC 764, as RFC 1350 wants).

NetasciiReader(StringResponseData("a\\n")).read(512) == b"a\\r\\n"
"""

from __future__ import annotations

import io
from typing import Protocol

from nearboot.tftp.stream_runner import Netascii

CHUNK = 64 << 10


class Reader(Protocol):
    """What of a ``ResponseData`` is used."""

    def read(self, n: int) -> bytes: ...

    def close(self) -> None: ...


class NetasciiReader:
    """Turns a reader's line ends as it is read. ``size`` has to read it whole, and keeps it in memory from there on."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._source: Netascii | io.BytesIO = Netascii(reader.read)
        self._size: int | None = None

    def read(self, size: int) -> bytes:
        return self._source.read(size)

    def close(self) -> None:
        self._reader.close()

    def size(self) -> int:
        """Bytes on the wire."""
        if self._size is None:
            whole = b"".join(iter(lambda: self._source.read(CHUNK), b""))
            self._source, self._size = io.BytesIO(whole), len(whole)
        return self._size
