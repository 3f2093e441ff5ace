"""A latency file as text, and the three shapes that its formats have: lines, a table, JSON.

Lines at its head that are empty or comments (``#`` and a space) are not part of it. They may state what the format has
no place for:

    # unit: ms
    # from: ams

Not the formats themselves: those ask for the shape that they need, and each shape is made once.

    document = Document("map.csv", text); document.table.header
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nearboot.errors import Fault, InputError
from nearboot.latency.rows import RawRow, Record, Table
from nearboot.model import Quarantine

MAX_CHARS = 256 * 1024 * 1024
MAX_CELLS = 20_000_000
MAX_LINES = 2_000_000
MAX_HEAD = 50
MAX_CUT = 20  # characters of a number or a word that an end leaves
WRITTEN_AT_ONCE = 4096  # characters: programs write files in blocks of at least as many bytes
MAX_TEXT = 200  # of a refused line, in a report
DELIMITERS = (",", "\t", ";")
STATEMENTS = ("unit", "from", "source", "format")
"""What the head of a file may state."""

Parts = tuple[list[RawRow], list[Quarantine], list[str]]
"""What a format makes of a document: the good rows, the others with their reasons, and notes on it as a whole."""

_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its number in the file."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """A JSON value of a stream or of the outermost array: its line, and what to call it in a report."""

    line: int
    name: str  # "[3]" in an array, "" where the line says it all
    value: Any


class Document:
    """A file's text; ``InputError`` where it is too large or not of the shape that is asked for."""

    def __init__(self, file: str, text: str) -> None:
        if len(text) > MAX_CHARS:
            raise InputError([Fault(file, 0, "", f"{len(text)} characters", f"at most {MAX_CHARS}")])
        self.file = file
        self.text = text.removeprefix("\ufeff")  # Excel's byte order mark
        self.stated, self._at = _head(file, self.text)
        self._broken: list[Quarantine] = []
        if not self.text[self._at :].strip():
            raise self.fault(0, "an empty document", "measurements")

    @property
    def is_json(self) -> bool:
        """Whether it begins as JSON objects do."""
        return self.text[self._at :][:4096].lstrip()[:1] in ("{", "[")

    @property
    def first(self) -> str:
        """The first line with text."""
        return next(line.text for line in self.lines())

    def lines(self) -> Iterator[Line]:
        """The lines with text, below the head."""
        start = self.text.count("\n", 0, self._at)
        for number, line in enumerate(io.StringIO(self.text[self._at :]), start=start + 1):
            if line.strip():
                yield Line(number, line.rstrip("\r\n"))

    @property
    def endless(self) -> Line | None:
        """The last line of a text that has no end of line."""
        if self.is_json or self.text.endswith(("\n", "\r")):
            return None
        return Line(self.text.count("\n") + 1, self.text[self.text.rfind("\n") + 1 :])

    @cached_property
    def table(self) -> Table:
        """Delimited text in cells."""
        start = self.text.count("\n", 0, self._at)
        delimiter = max(DELIMITERS, key=self.first.count)
        body = io.StringIO(self.text[self._at :], newline="")
        reader = csv.reader(body, delimiter=delimiter, skipinitialspace=True)
        records: list[Record] = []
        cells = 0
        try:
            for row in reader:
                if not any(cell.strip() for cell in row):
                    continue
                records.append(Record(start + reader.line_num, row))
                cells += len(row)
                if len(records) > MAX_LINES or cells > MAX_CELLS:
                    raise self.fault(start + reader.line_num, "more", f"at most {MAX_LINES} lines")
        except csv.Error as error:
            raise self.fault(start + reader.line_num, str(error), "delimited text") from error
        if len(records) < 2:
            raise self.fault(1, "a single line", "a header line, and measurements below it")
        return Table(self.file, delimiter, records[0], records[1:])

    @cached_property
    def items(self) -> list[Item]:
        """The values of a JSON document: those of its outermost array, or one after the other (NDJSON)."""
        items = list(self._items())
        if not items:
            raise self.fault(0, "an empty list", "measurements")
        return items

    @property
    def broken(self) -> list[Quarantine]:
        """Lines of an NDJSON document that are no JSON, such as a last one that is cut off."""
        return self._broken

    def read_lines(self, read: Callable[[str, int], RawRow | None]) -> Parts:
        """The rows that ``read`` makes of each line (None: nothing to tell), and the lines that it refuses."""
        rows: list[RawRow] = []
        refused: list[Quarantine] = []
        for line in self.lines():
            try:
                row = read(line.text, line.number)
            except ValueError as error:
                refused.append(Quarantine(self.file, line.number, line.text[:MAX_TEXT], str(error)))
                continue
            if row is not None:
                rows.append(row)
        return rows, refused, []

    def read_items(self, read: Callable[[dict[str, Any], int], RawRow | None]) -> Parts:
        """The same for each JSON object."""
        rows: list[RawRow] = []
        refused: list[Quarantine] = []
        for item in self.items:
            try:
                if not isinstance(item.value, dict):
                    raise ValueError("no object")
                row = read(item.value, item.line)
            except ValueError as error:
                text = f"{item.name} {json.dumps(item.value, ensure_ascii=False)}".strip()[:MAX_TEXT]
                refused.append(Quarantine(self.file, item.line, text, str(error)))
                continue
            if row is not None:
                rows.append(row)
        return rows, refused, []

    def fault(self, line: int, found: str, expected: str, field: str = "") -> InputError:
        """The document is refused for one reason."""
        return InputError([Fault(self.file, line, field, found, expected)])

    def _items(self) -> Iterator[Item]:
        at = self._skip(self._at, _BLANK)
        in_array = self.text[at : at + 1] == "["
        at = self._skip(at + 1, _BLANK) if in_array else at
        count, line, line_at = 0, 1, 0
        while at < len(self.text) and not (in_array and self.text[at] == "]"):
            line, line_at = line + self.text.count("\n", line_at, at), at
            try:
                value, at = self._decode(at, line)
            except InputError as error:
                if in_array or count == 0:
                    raise
                end = self.text.find("\n", at) % (len(self.text) + 1)  # -1: the end
                self._broken.append(Quarantine(self.file, line, self.text[at:end][:MAX_TEXT], error.faults[0].found))
                at = self._skip(end, _BLANK)
                continue
            count += 1
            if count > MAX_LINES:
                raise self.fault(line, "more", f"at most {MAX_LINES} values")
            yield Item(line, f"[{count - 1}]" if in_array else "", value)
            at = self._next(at, line, in_array)
        if in_array and at >= len(self.text):
            raise self.fault(line, "the end of the file inside a list", "all of it: it looks cut off")

    def _decode(self, at: int, line: int) -> tuple[Any, int]:
        try:
            return _DECODER.raw_decode(self.text, at)
        except json.JSONDecodeError as error:
            rest = self.text[error.pos : error.pos + MAX_CUT].rstrip()
            # In the middle of a number or a word: 83. or tru
            is_cut = error.msg.startswith("Unterminated") or (len(rest) < MAX_CUT and not set(rest) & set('{}[]",:'))
            where = f"{error.msg} at line {error.lineno}, column {error.colno}"
            raise self.fault(line, where, "all of it: it looks cut off" if is_cut else "JSON") from error
        except RecursionError as error:
            raise self.fault(line, "lists in lists without end", "measurements") from error
        except ValueError as error:
            raise self.fault(line, str(error), "JSON") from error

    def _next(self, at: int, line: int, in_array: bool) -> int:
        """Where the next value begins; between values of an array there is a comma."""
        at = self._skip(at, _BLANK)
        if not in_array or at >= len(self.text) or self.text[at] == "]":
            return at
        if self.text[at] != ",":
            raise self.fault(line, f"{self.text[at : at + 20]!r} after a value", "a comma, or the end of the list")
        return self._skip(at + 1, _BLANK)

    def _skip(self, at: int, what: str) -> int:
        while at < len(self.text) and self.text[at] in what:
            at += 1
        return at


def _head(file: str, text: str) -> tuple[dict[str, str], int]:
    """What the comment lines at the head state, and where the document begins below them."""
    stated: dict[str, str] = {}
    faults: list[Fault] = []
    at = 0
    for number in range(1, MAX_HEAD + 1):
        end = text.find("\n", at)
        line = text[at : end if end >= 0 else len(text)]
        if line.strip() and line.strip() != "#" and not line.startswith("# "):  # "#src,dst" is a table's header
            break
        key, mark, value = line.lstrip("# ").partition(":")
        key = key.strip().lower()
        value = value.strip()
        if mark and key in STATEMENTS and value and stated.setdefault(key, value) != value:
            faults.append(Fault(file, number, key, f"{stated[key]!r} and {value!r}", "one statement"))
        at = end + 1 if end >= 0 else len(text)
        if end < 0:
            break
    if faults:
        raise InputError(faults)
    return stated, at


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:80]!r} twice in one object")
    return found


# NaN and Infinity are not JSON (RFC 8259 section 6) but in use: they come as text, which no number is read from.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=str)
