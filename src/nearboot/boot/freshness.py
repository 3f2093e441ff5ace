"""What is known of a cached file: its sidecar, how long it may be used unasked, and how to ask whether it changed.

Pure: the files are the ``cache_store``'s matter. A sidecar is written after its data, so one that can be read names a
file that is whole, or was.

    entry = entry_from_text(text)
    if entry and not entry.is_fresh(now, fresh_s=60): headers = entry.validator.conditions()
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from enum import Enum

VERSION = 1
KEY_HEX = 32
SHA_HEX = 16
STRONG_AFTER_S = 2.0
"""A file that is so much older than the answer cannot have changed twice in the second that its date tells."""


class Came(Enum):
    """How a file came to a client from the cache."""

    HIT = "hit"  # it was there, and fresh
    MISS = "miss"  # fetched for this client
    SHARED = "shared"  # fetched at this moment for another client, perhaps by another process
    REVALIDATED = "revalidated"  # it was there; an origin said that it is still the same
    STALE = "stale"  # it was there; no origin could say whether it is still the same


@dataclass(frozen=True, slots=True)
class Validator:
    """By what an origin tells versions of a file apart (RFC 9110 section 8.8), as it wrote them."""

    etag: str = ""
    last_modified: str = ""
    is_date_strong: bool = False

    def conditions(self) -> dict[str, str]:
        """The headers that ask for the file only if it changed; none where the origin gave nothing to compare."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value}

    def rest(self, at: int) -> dict[str, str]:
        """The headers that ask for the rest of this version, or else for the whole of another; none: only the whole.

        RFC 9110 section 13.1.5: a weak tag or date could join two versions.
        """
        strong = self.etag if self.etag and not self.etag.startswith("W/") else ""
        strong = strong or (self.last_modified if self.is_date_strong and not self.etag else "")
        return {"Range": f"bytes={at}-", "If-Range": strong} if strong else {}


@dataclass(frozen=True, slots=True)
class Head:
    """What an origin says of a file before it gives it. ``size`` None: not told. ``fresh_s`` None: not told."""

    origin: str
    url: str
    size: int | None
    validator: Validator
    fresh_s: float | None = None
    may_keep: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """A cached file. ``validated_at``: when an origin last gave or confirmed it, in seconds of the Unix clock."""

    path: str
    head: Head
    size: int
    sha256: str
    validated_at: float

    @property
    def validator(self) -> Validator:
        return self.head.validator

    @property
    def file(self) -> str:
        """The name of its data in the cache folder."""
        return f"{key_of(self.path)}.{self.sha256[:SHA_HEX]}.data"

    def fresh_for(self, now: float, *, fresh_s: float) -> float:
        """For how many seconds it may still be used unasked; 0: an origin is to be asked."""
        age = now - self.validated_at
        limit = fresh_s if self.head.fresh_s is None else min(fresh_s, self.head.fresh_s)
        return max(0.0, limit - age) if age >= 0 else 0.0  # a clock that was set back proves nothing


def key_of(path: str) -> str:
    """The name under which a path is cached: of one length, and nothing of the path is in it."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:KEY_HEX]


def head_of(origin: str, url: str, headers: Mapping[str, str]) -> Head:
    """Read an answer's headers (names in lower case)."""
    length = headers.get("content-length", "")
    directives = _directives(headers.get("cache-control", ""))
    return Head(
        origin=origin,
        url=url,
        size=int(length) if length.isascii() and length.isdigit() else None,
        validator=Validator(headers.get("etag", ""), headers.get("last-modified", ""), _is_strong(headers)),
        fresh_s=_fresh_s(directives),
        may_keep="no-store" not in directives,
    )


def head_to_json(head: Head) -> dict[str, object]:
    return asdict(head)


def head_from_json(data: Mapping[str, object]) -> Head:
    """The reverse; KeyError, TypeError or ValueError for what is none."""
    told = data["validator"]
    if not isinstance(told, dict):
        raise TypeError("validator")
    validator = Validator(str(told["etag"]), str(told["last_modified"]), bool(told["is_date_strong"]))
    size, fresh_s = data["size"], data["fresh_s"]
    return Head(
        origin=str(data["origin"]),
        url=str(data["url"]),
        size=None if size is None else int(str(size)),
        validator=validator,
        fresh_s=None if fresh_s is None else float(str(fresh_s)),
        may_keep=bool(data["may_keep"]),
    )


def entry_to_text(entry: Entry) -> str:
    """The sidecar of a cached file."""
    fields = {name: value for name, value in asdict(entry).items() if name != "head"}
    return json.dumps({"version": VERSION, **fields, **head_to_json(entry.head), "size": entry.size}, indent=1) + "\n"


def entry_from_text(text: str) -> Entry | None:
    """The reverse; None for what is no sidecar of this version."""
    try:
        data = json.loads(text)
        if data["version"] != VERSION:
            return None
        entry = Entry(
            path=str(data["path"]),
            head=head_from_json(data),
            size=int(data["size"]),
            sha256=str(data["sha256"]),
            validated_at=float(data["validated_at"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
    is_hash = len(entry.sha256) == 64 and all(letter in "0123456789abcdef" for letter in entry.sha256)
    return entry if is_hash else None


def _directives(text: str) -> dict[str, str]:
    """Cache-Control's directives (RFC 9111 section 5.2), names in lower case."""
    pairs = (part.strip().partition("=") for part in text.split(","))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs if name.strip()}


def _fresh_s(directives: Mapping[str, str]) -> float | None:
    if "no-cache" in directives:
        return 0.0
    age = directives.get("max-age", "")
    return float(age) if age.isascii() and age.isdigit() else None


def _is_strong(headers: Mapping[str, str]) -> bool:
    try:
        age = parsedate_to_datetime(headers["date"]) - parsedate_to_datetime(headers["last-modified"])
    except (KeyError, TypeError, ValueError):
        return False
    return age.total_seconds() >= STRONG_AFTER_S
