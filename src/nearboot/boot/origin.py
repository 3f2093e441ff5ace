"""Origins: which one is asked for a file first, which one rests, and what an answer of one means.

Pure. Not the client that asks (``origin_client``) and not the cache. An origin that failed rests for some seconds: it
is asked again before that only where no other is left, and nothing is cached.

    order = rests.order(nearest_first(origins, {"ams-mirror": 0.4, "sin-mirror": 170.0}), now)
    file_url(order[0].url, "debian 12/vmlinuz")     # http://.../debian%2012/vmlinuz
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from urllib.parse import quote

from nearboot.model import Origin

SAFE = "/!$&'()*+,;=:@~"
"""What a path may hold as it is (RFC 3986 section 3.3)."""


class Reply(Enum):
    """What an origin's status means for the file that was asked for."""

    WHOLE = "whole"
    PART = "part"
    SAME = "same"  # as it is cached
    ABSENT = "absent"
    REFUSED = "refused"  # this file only: the origin is not at fault, and does not rest
    FAILED = "failed"


REPLIES: Mapping[int, Reply] = {
    200: Reply.WHOLE,
    206: Reply.PART,
    304: Reply.SAME,
    404: Reply.ABSENT,
    410: Reply.ABSENT,
    408: Reply.FAILED,  # its load, and not the file
    429: Reply.FAILED,
}


@dataclass(frozen=True, slots=True)
class Directory:
    """Where files come from: origins, the nearest first, and the checksums that files must have (path → hex)."""

    origins: tuple[Origin, ...] = ()
    sha256: Mapping[str, str] = field(default_factory=dict)


def nearest_first(origins: Iterable[Origin], distance_ms: Mapping[str, float | None]) -> tuple[Origin, ...]:
    """By distance; those at equal and those at unknown distance by name, the unknown ones last."""

    def place(origin: Origin) -> tuple[float, str]:
        distance = distance_ms.get(origin.name)
        return inf if distance is None else distance, origin.name

    return tuple(sorted(origins, key=place))


def reply_of(status: int) -> Reply:
    """The meaning of an HTTP status."""
    return REPLIES.get(status, Reply.REFUSED if 400 <= status < 500 else Reply.FAILED)


def file_url(base: str, path: str) -> str:
    """The address of a file at an origin."""
    return f"{base.rstrip('/')}/{quote(path.encode('utf-8', 'surrogateescape'), safe=SAFE)}"


def named(path: str) -> str:
    """A path as logs and messages show it: one word that forges no other, in quotes where it needs them."""
    return path if _PLAIN.fullmatch(path) else ascii(path)


def names_file(path: str) -> bool:
    """Whether a path may be asked of an origin: parts that are names, no query, no folder."""
    return "?" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


class Rests:
    """Which origins rest, after a fault, for ``rest_s`` seconds. ``now`` is one monotonic clock's."""

    def __init__(self, rest_s: float) -> None:
        self._rest_s = rest_s
        self._until: dict[str, float] = {}

    def failed(self, name: str, now: float) -> None:
        """It rests from now on."""
        self._until[name] = now + self._rest_s

    def answered(self, name: str) -> None:
        """It is well."""
        self._until.pop(name, None)

    def is_resting(self, name: str, now: float) -> bool:
        return now < self._until.get(name, now)

    def awake(self, origins: Sequence[Origin], now: float) -> tuple[Origin, ...]:
        """Those that do not rest, in the order given."""
        return tuple(origin for origin in origins if not self.is_resting(origin.name, now))

    def order(self, origins: Sequence[Origin], now: float) -> tuple[Origin, ...]:
        """All of them, those that rest behind the others."""
        return tuple(sorted(origins, key=lambda origin: self.is_resting(origin.name, now)))


_PLAIN = re.compile(r"[!#-&(-\[\]-~]+")  # printable ASCII without space, quotes and backslash
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


def range_start(content_range: str) -> tuple[int, int | None] | None:
    """Where a part begins, and the size of the whole (None: not told), of a Content-Range (RFC 9110 section 14.4)."""
    match = _CONTENT_RANGE.fullmatch(content_range.strip())
    if match is None:
        return None
    return int(match[1]), None if match[3] == "*" else int(match[3])
