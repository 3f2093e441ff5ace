"""Where latency maps come from: a file, a folder that others write into, or a URL. Loading them is app.latency's.

What was read is remembered by a mark (time and size, ETag), so that a map is not loaded a second time.

    marks = Marks.of(config)
    for found in new_documents(parse_source("wan=https://maps.example.net/wan.csv"), marks): ...
    marks.keep(found)
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from nearboot.app.files import write_document
from nearboot.app.latency_document import SUFFIX, Document, read_document
from nearboot.app.latency_fetch import Answer, fetch, redacted
from nearboot.config import Config
from nearboot.errors import Fault, InputError

log = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024 * 1024
MAX_FILES = 10_000
"""Of a folder: more are not a folder of latency maps."""
TIMEOUT_S = 10.0
PASSED_OVER = (SUFFIX, ".tmp", ".part", ".swp", "~", ".gz")
"""Ends of names that are no maps: signatures, and what is being written."""
MARKS_FILE = "latency-sources.json"

_NAMED = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)=(?P<place>.+)\Z", re.DOTALL)
_TIME = re.compile(  # of publication, in a file's name: 2026-11-22T12-00, 20261122120000Z, 1795345200
    r"[-_.]?(?:(?:\d{4}-\d\d-\d\d|\d{8})(?:[T_.-]?\d\d(?:[-:.]?\d\d){0,2})?Z?|\d{9,})(?!\d)"
)


@dataclass(frozen=True, slots=True)
class Source:
    """A place that maps come from. ``name``: what its maps are called; "": as their files are."""

    place: str
    name: str = ""

    @property
    def is_url(self) -> bool:
        return self.place.startswith(("http://", "https://"))

    def __str__(self) -> str:
        return redacted(self.place) if self.is_url else self.place


@dataclass(frozen=True, slots=True)
class Found:
    """A document that was not read before. ``as_of``: when it was changed last, as far as that is known."""

    document: Document
    publisher: str  # what its map is called where nobody says it
    key: str
    mark: str
    as_of: datetime | None = None  # aware UTC


@dataclass(slots=True)
class Marks:
    """What was read already, in a file of the state folder; without one, in memory."""

    path: Path | None = None
    by_key: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config) -> Self:
        """Those of the last run; a file that is broken is begun anew, which loads maps once more."""
        path = Path(config.state_dir, MARKS_FILE)
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            stored = {}
        except (OSError, ValueError) as error:
            log.warning("file=%s cannot be read (%s): it is begun anew", path, error)
            stored = {}
        known = stored if isinstance(stored, dict) else {}
        return cls(path, {str(key): str(mark) for key, mark in known.items()})

    def keep(self, found: Found) -> None:
        """It was read: do not give it again."""
        self.by_key[found.key] = found.mark
        if self.path is not None:
            write_document(self.path, json.dumps(self.by_key, indent=1, sort_keys=True) + "\n")


def parse_source(text: str) -> Source:
    """``[NAME=]PATH`` or ``[NAME=]URL``; ``ValueError`` for a URL that is none of http and https."""
    named = _NAMED.match(text)
    source = Source(named["place"], named["name"]) if named and not Path(text).exists() else Source(text)
    scheme, mark, _ = source.place.partition("://")
    if mark and not source.is_url:
        raise ValueError(f"{scheme}:// is not read; give a file, a folder, or an http(s) URL")
    if source.is_url and not urlsplit(source.place).hostname:
        raise ValueError(f"{source} has no host")
    return source


def new_documents(source: Source, marks: Marks, *, with_signature: bool = False) -> Iterator[Found]:
    """What the source has that was not read yet: of a folder the newest file of each kind.

    ``InputError``: a file that cannot be read; ``PeerError``: a server that does not answer well. ``with_signature``:
    ask a URL for its signature too; a file's is always read.
    """
    if source.is_url:
        yield from _from_url(source, marks, with_signature=with_signature)
    elif Path(source.place).is_dir():
        yield from _from_folder(source, marks)
    else:
        yield from _from_file(Path(source.place), source.name or Path(source.place).stem, marks)


def named_file(source: Source) -> Found:
    """A file that the user names: read whether it was before or not, and as old as what it says."""
    name = source.name or Path(source.place).stem
    found = next(_from_file(Path(source.place), name, Marks()))
    return Found(found.document, found.publisher, "", "")


def text_of(file: str) -> str:
    """A document's text; ``InputError`` where it cannot be read."""
    return read_document(file).text


def kind_of(name: str) -> str:
    """A file's name without the time in it: wan-2026-11-22.csv and wan-2026-11-23.csv are of one kind."""
    return _TIME.sub("", name)


def _from_file(path: Path, publisher: str, marks: Marks, *, key: str = "") -> Iterator[Found]:
    key = key or str(path.absolute())
    try:
        status = path.stat()
    except OSError as error:
        raise InputError([Fault(str(path), 0, "", error.strerror or str(error), "a file that can be read")]) from error
    mark = f"{path.name} {status.st_mtime_ns} {status.st_size}"
    if marks.by_key.get(key) == mark:
        return
    if status.st_size > MAX_BYTES:
        raise InputError([Fault(str(path), 0, "", f"{status.st_size} bytes", f"at most {MAX_BYTES}")])
    as_of = datetime.fromtimestamp(status.st_mtime, UTC)
    yield Found(read_document(str(path)), publisher, key, mark, as_of)


def _from_folder(source: Source, marks: Marks) -> Iterator[Found]:
    folder = Path(source.place)
    newest: dict[str, tuple[int, str]] = {}
    for name, changed_ns in _listed(folder):
        kind = kind_of(name)
        newest[kind] = max(newest.get(kind, (0, "")), (changed_ns, name))
    stems = Counter(Path(kind).stem for kind in newest)
    faults: list[Fault] = []
    for kind, (_, name) in sorted(newest.items()):
        called = kind if stems[Path(kind).stem] > 1 else Path(kind).stem
        if kind.startswith("."):  # nothing but a time
            publisher = source.name or folder.absolute().name
        else:
            publisher = f"{source.name}-{called}" if source.name else called
        try:
            yield from _from_file(folder / name, publisher, marks, key=str(folder.absolute() / kind))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)


def _listed(folder: Path) -> list[tuple[str, int]]:
    """The maps in a folder, and when each was changed; what goes meanwhile is passed over."""
    found: list[tuple[str, int]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.endswith(PASSED_OVER) or not entry.is_file():
                    continue
                found.append((entry.name, entry.stat().st_mtime_ns))
                if len(found) > MAX_FILES:
                    raise InputError([Fault(str(folder), 0, "", f"more than {MAX_FILES} files", "latency maps")])
    except OSError as error:
        raise InputError([Fault(str(folder), 0, "", error.strerror or str(error), "a folder of maps")]) from error
    return found


def _from_url(source: Source, marks: Marks, *, with_signature: bool) -> Iterator[Found]:
    known = _mark(marks.by_key.get(source.place, ""))
    answer = fetch(source.place, known, timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES)
    if answer is None:
        return
    digest = hashlib.sha256(answer.content).hexdigest()
    mark = json.dumps({"etag": answer.etag, "modified": answer.modified, "sha256": digest})
    if known.get("sha256") == digest:
        return
    signature = _signature(source.place) if with_signature else None
    document = Document(str(source), answer.content, signature)
    yield Found(document, source.name or _called(source.place), source.place, mark, answer.modified_at)


def _signature(url: str) -> str | None:
    parts = urlsplit(url)
    beside = parts._replace(path=parts.path + SUFFIX).geturl()
    answer: Answer | None = fetch(beside, {}, timeout_s=TIMEOUT_S, max_bytes=4096, absent_ok=True)
    return answer.content.decode("utf-8", "replace") if answer else None


def _called(url: str) -> str:
    """The file's name where the URL has one with an ending, else the host's."""
    parts = urlsplit(url)
    name = Path(kind_of(Path(parts.path).name))
    return name.stem if name.suffix and not parts.query else parts.hostname or url


def _mark(text: str) -> Mapping[str, str]:
    try:
        known = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in known.items() if value} if isinstance(known, dict) else {}
