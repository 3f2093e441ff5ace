"""Latency files: which format a document is in, and its rows between the names that it uses.

A format is a line of ``FORMATS``: how to recognise it, how to parse it. Units are stated by the file or by the user,
never guessed. A bad row is quarantined with its place and reason; a document without one good row is refused.

    parsed = parse("pairs.csv", text, source=None, now=now)
    parsed.rows[0]              # RawRow(src="Indore", dst="Adelaide", rtt_ms=310.32, ...)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePath

from nearboot.errors import Fault, InputError
from nearboot.latency import atlas, edgelist, fping, matrix, ndjson, netnorad, prometheus, udppinger
from nearboot.latency.document import WRITTEN_AT_ONCE, Document, Parts
from nearboot.latency.rows import Options, RawRow, Table, Unit, counted, merge_duplicates, read_name
from nearboot.model import Quarantine

MAX_FAULTS = 100  # faults listed one by one; the rest are counted


@dataclass(frozen=True, slots=True)
class Format:
    """A row of the parser table."""

    name: str
    about: str
    sniff: Callable[[Document, Options], bool]
    parse: Callable[[Document, Options], Parts]


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


def _is_table(sniff: Callable[[Table, Options], bool]) -> Callable[[Document, Options], bool]:
    return lambda document, options: not document.is_json and sniff(document.table, options)


FORMATS = (
    Format("atlas", "results of RIPE Atlas pings, JSON", atlas.sniff, atlas.parse),
    Format("prometheus", "an answer of Prometheus' /api/v1/query or query_range", prometheus.sniff, prometheus.parse),
    Format("fping-json", "what fping -J says, a JSON object a line", fping.sniff_json, fping.parse_json),
    Format(
        "edges-json",
        "a JSON object a pair: src, dst, rtt_ms, ...",
        ndjson.sniff,
        lambda document, options: edgelist.parse(ndjson.table(document), options),
    ),
    Format("fping", "what fping -C (or -c) says on stderr", fping.sniff, fping.parse),
    Format("netnorad", "lines of OpenNetNorad: uping,host_pong=...", netnorad.sniff, netnorad.parse),
    Format("udppinger", "CSV of UdpPinger: address, ms, loss, without a header", udppinger.sniff, udppinger.parse),
    Format(
        "edges",
        "one pair a line under a header: src, dst, rtt_ms, ...",
        _is_table(edgelist.sniff),
        lambda document, options: edgelist.parse(document.table, options),
    ),
    Format(
        "matrix",
        "sources down, destinations across, round trips between",
        _is_table(matrix.sniff),
        lambda document, options: matrix.parse(document.table, options),
    ),
)
"""In the order of detection: the first that recognises a document parses it."""

NAMES = tuple(each.name for each in FORMATS)


def parse(
    filename: str,
    text: str,
    *,
    format: str | None = None,
    unit: str | None = None,
    columns: Mapping[str, str] | None = None,
    src: str | None = None,
    source: str | None,
    publisher: str | None = None,
    as_of: datetime | None = None,
    now: datetime,
) -> ParsedMap:
    """Read a latency file; ``InputError`` lists every fault if it is of no known format or has no good row.

    ``format``: a name of ``FORMATS`` (None: detected). ``unit``: ms, s or us. ``columns``: field (src, dst, rtt, min,
    jitter, loss, count, timestamp, family) to column name. ``src``: where it was measured from, for the formats that do
    not say it. ``source``: who publishes the map (None: who the file says, else ``publisher``, else the file's name).
    ``as_of``: how old what has no time of its own is at least. What the head of the file states (``# unit: ms``) counts
    as if it were given here.
    """
    document = Document(filename, text)
    said = _said(document, unit=unit, **{"from": src, "format": format})
    options = Options(now, _unit(filename, said["unit"]), columns or {}, _name(filename, said["from"]), as_of)
    chosen = _format(document, said["format"], options)
    rows, refused, notes = chosen.parse(document, options)
    refused = sorted(document.broken + refused, key=lambda row: row.line)
    rows, doubts = _without_endless(document, rows)
    if not rows:
        raise InputError(_nothing_good(filename, refused))
    notes += doubts
    merged, extra = merge_duplicates(_dated(row, as_of) for row in rows)
    if extra:
        verb = "row repeats" if extra == 1 else "rows repeat"
        notes.append(f"{extra} {verb} a pair: each such pair has the median of its rows")
    publisher = source or document.stated.get("source") or publisher or PurePath(filename).stem
    return ParsedMap(publisher, filename, chosen.name, now, tuple(merged), tuple(refused), tuple(notes))


def _without_endless(document: Document, rows: list[RawRow]) -> tuple[list[RawRow], list[str]]:
    """The rows without those of a last line that may have been cut within its last number, and what to say of it.

    A short file without an end of line is one that a person wrote.
    """
    line = document.endless
    if line is None:
        return rows, []
    kept = [row for row in rows if row.line != line.number]
    if len(kept) == len(rows):
        return rows, []
    told = f"the last line ({line.number}) has no end of line: "
    if len(document.text) < WRITTEN_AT_ONCE or not kept:
        return rows, [told + "is the file whole?"]
    return kept, [told + f"it may be cut off within its last number, and was not used: {line.text[-60:]}"]


def _said(document: Document, **given: str | None) -> dict[str, str | None]:
    """What the user says, or else the head of the file; ``InputError`` where they differ."""
    faults = []
    for key, value in given.items():
        stated = document.stated.get(key, value)
        if value is not None and stated != value:
            faults.append(Fault(document.file, 1, key, f"{stated!r} in the file, but --{key} {value}", f"one {key}"))
    if faults:
        raise InputError(faults)
    return {key: value or document.stated.get(key) for key, value in given.items()}


def _dated(row: RawRow, as_of: datetime | None) -> RawRow:
    return row if row.measured_at or as_of is None else replace(row, measured_at=as_of)


def _name(filename: str, text: str | None) -> str:
    try:
        return read_name(text) if text is not None else ""
    except ValueError as error:
        raise InputError([Fault(filename, 0, "from", str(error), "the name of a location")]) from error


def _unit(filename: str, unit: str | None) -> Unit | None:
    if unit is None:
        return None
    try:
        return Unit(unit.strip().lower().replace("µ", "u").replace("μ", "u"))
    except ValueError:
        raise InputError([Fault(filename, 0, "unit", repr(unit), "ms, s or us")]) from None


def _format(document: Document, name: str | None, options: Options) -> Format:
    if name is not None:
        for candidate in FORMATS:
            if candidate.name == name:
                return candidate
        raise InputError([Fault(document.file, 0, "format", repr(name), f"one of {', '.join(NAMES)}")])
    for candidate in FORMATS:
        if candidate.sniff(document, options):
            return candidate
    expected = "; or ".join(f"{candidate.name}: {candidate.about}" for candidate in FORMATS)
    first = next(document.lines())
    raise InputError([Fault(document.file, first.number, "", f"the line {first.text[:120]!r}", expected)])


def _nothing_good(filename: str, refused: list[Quarantine]) -> list[Fault]:
    faults = [Fault(filename, 0, "", "no usable measurement", "at least one")]
    faults += [Fault(row.file, row.line, "", row.reason, "a measurement") for row in refused[:MAX_FAULTS]]
    if len(refused) > MAX_FAULTS:
        faults.append(Fault(filename, 0, "", counted(len(refused) - MAX_FAULTS, "more such row"), "measurements"))
    return faults
