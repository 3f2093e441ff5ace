"""Latency files: which format a document is in, and its rows between the names that it uses.

A format is a line of ``FORMATS``: how to recognise it, how to parse it. Units are stated by the file or by the user,
never guessed. A bad row is quarantined with its place and reason; a document without one good row is refused.

    parsed = parse("pairs.csv", text, source=None, now=now)
    parsed.rows[0]              # RawRow(src="Indore", dst="Adelaide", rtt_ms=310.32, ...)
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from nearboot.errors import Fault, InputError
from nearboot.latency import edgelist, matrix
from nearboot.latency.rows import Options, RawRow, Record, Table, Unit, counted, merge_duplicates
from nearboot.model import Quarantine

MAX_CHARS = 256 * 1024 * 1024
MAX_CELLS = 20_000_000
MAX_LINES = 2_000_000
MAX_FAULTS = 100  # faults listed one by one; the rest are counted
DELIMITERS = (",", "\t", ";")

Parts = tuple[list[RawRow], list[Quarantine], list[str]]


@dataclass(frozen=True, slots=True)
class Format:
    """A row of the parser table."""

    name: str
    about: str
    sniff: Callable[[Table, Options], bool]
    parse: Callable[[Table, Options], Parts]


@dataclass(frozen=True, slots=True)
class ParsedMap:
    """What a latency file says, between names. ``read_at`` becomes the time of publication of the map."""

    source: str
    file: str
    format: str
    read_at: datetime  # aware UTC
    rows: tuple[RawRow, ...]
    quarantined: tuple[Quarantine, ...] = ()
    notes: tuple[str, ...] = ()


FORMATS = (
    Format("edges", "one pair a line under a header: src, dst, rtt_ms, ...", edgelist.sniff, edgelist.parse),
    Format("matrix", "sources down, destinations across, round trips between", matrix.sniff, matrix.parse),
)
"""In the order of detection: the first that recognises a document parses it."""


def parse(
    filename: str,
    text: str,
    *,
    format: str | None = None,
    unit: str | None = None,
    columns: Mapping[str, str] | None = None,
    source: str | None,
    now: datetime,
) -> ParsedMap:
    """Read a latency file; ``InputError`` lists every fault if it is of no known format or has no good row.

    ``format``: a name of ``FORMATS`` (None: detected). ``unit``: ms, s or us. ``columns``: field (src, dst, rtt, min,
    loss, count, timestamp) to column name. ``source``: who publishes the map (None: the file's name without suffix).
    """
    options = Options(now, _unit(filename, unit), columns or {})
    table = _table(filename, text)
    chosen = _format(table, format, options)
    rows, refused, notes = chosen.parse(table, options)
    if not rows:
        raise InputError(_nothing_good(filename, refused))
    merged, extra = merge_duplicates(rows)
    if extra:
        verb = "row repeats" if extra == 1 else "rows repeat"
        notes.append(f"{extra} {verb} a pair: each such pair has the median of its rows")
    return ParsedMap(
        source or PurePath(filename).stem, filename, chosen.name, now, tuple(merged), tuple(refused), tuple(notes)
    )


def _unit(filename: str, unit: str | None) -> Unit | None:
    if unit is None:
        return None
    try:
        return Unit(unit.strip().lower().replace("µ", "u").replace("μ", "u"))
    except ValueError:
        raise InputError([Fault(filename, 0, "unit", repr(unit), "ms, s or us")]) from None


def _format(table: Table, name: str | None, options: Options) -> Format:
    if name is not None:
        for candidate in FORMATS:
            if candidate.name == name:
                return candidate
        known = ", ".join(candidate.name for candidate in FORMATS)
        raise InputError([Fault(table.file, 0, "format", repr(name), f"one of {known}")])
    for candidate in FORMATS:
        if candidate.sniff(table, options):
            return candidate
    header = table.delimiter.join(table.header.cells)[:120]
    expected = "; or ".join(f"{candidate.name}: {candidate.about}" for candidate in FORMATS)
    raise InputError([Fault(table.file, table.header.line, "", f"the header {header!r}", expected)])


def _table(filename: str, text: str) -> Table:
    """Split the document into cells, within the caps."""
    if len(text) > MAX_CHARS:
        raise InputError([Fault(filename, 0, "", f"{len(text)} characters", f"at most {MAX_CHARS}")])
    text = text.removeprefix("\ufeff")  # Excel's byte order mark
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    if not first:
        raise InputError([Fault(filename, 0, "", "an empty document", "a header line and measurements")])
    delimiter = max(DELIMITERS, key=first.count)
    records: list[Record] = []
    cells = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        for row in reader:
            if not any(row) or not any(cell.strip() for cell in row):
                continue
            records.append(Record(reader.line_num, row))
            cells += len(row)
            if len(records) > MAX_LINES or cells > MAX_CELLS:
                raise InputError([Fault(filename, reader.line_num, "", "more", f"at most {MAX_LINES} lines")])
    except csv.Error as error:
        raise InputError([Fault(filename, reader.line_num, "", str(error), "delimited text")]) from error
    if len(records) < 2:
        raise InputError([Fault(filename, 1, "", "a single line", "a header line, and measurements below it")])
    return Table(filename, delimiter, records[0], records[1:])


def _nothing_good(filename: str, refused: list[Quarantine]) -> list[Fault]:
    faults = [Fault(filename, 0, "", "no usable measurement", "at least one")]
    faults += [Fault(row.file, row.line, "", row.reason, "a measurement") for row in refused[:MAX_FAULTS]]
    if len(refused) > MAX_FAULTS:
        faults.append(Fault(filename, 0, "", counted(len(refused) - MAX_FAULTS, "more such row"), "measurements"))
    return faults
