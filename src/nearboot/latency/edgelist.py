"""Edge lists: one measured pair a line, below a header that names the columns.

    src,dst,rtt_ms,loss,count,timestamp
    esams,eqiad,83.4,0.0,30,2026-11-22T12:00:00Z

Columns are the user's, or those of the known names below. The unit of a round trip is stated (by the column's name,
``avg_ms``, ``rtt (us)``, or by the user), never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nearboot.errors import Fault, InputError
from nearboot.latency.rows import (
    Options,
    RawRow,
    Record,
    Table,
    Unit,
    counted,
    read_count,
    read_family,
    read_jitter_ms,
    read_loss,
    read_name,
    read_rtt_ms,
    read_time,
)
from nearboot.model import Quarantine

# Names of one column by what it holds, best first: a median says more of a path than a mean.
KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    "src": ("src", "source", "from", "source_name", "src_name", "origin"),
    "dst": ("dst", "dest", "destination", "to", "target", "destination_name", "dst_name"),
    "unit": ("unit", "rtt_unit"),
    "rtt": ("rtt", "rtt_p50", "rttp50", "p50", "median", "rtt_median", "rtt_avg", "avg", "avg_rtt", "mean", "latency"),
    "min": ("min", "rtt_min", "min_rtt", "minimum"),
    "jitter": ("jitter", "mdev", "mad", "stddev", "rtt_mdev", "rtt_stddev"),
    "loss": ("loss", "loss_ratio", "lossratio", "packet_loss"),
    "count": ("count", "n", "sent", "probes", "samples"),
    "timestamp": ("timestamp", "ts", "time", "measured_at", "last_checked", "date"),
    "family": ("family", "af", "ip_version"),
}
REQUIRED = ("src", "dst", "rtt")
ONE_WAY = frozenset({"owd", "one_way", "oneway", "one_way_delay", "one_way_latency", "half_rtt", "rtt_half"})
"""What is published beside round trips, or instead of them."""
TIMED = ("rtt", "min", "jitter")  # the fields that have a unit

_SUFFIX = re.compile(r"(?P<name>.+)_(?P<unit>ms|s|us|msec|sec|usec|milliseconds|seconds|microseconds)\Z")
_SPELLINGS = {
    "ms": Unit.MS, "msec": Unit.MS, "milliseconds": Unit.MS,
    "s": Unit.S, "sec": Unit.S, "seconds": Unit.S,
    "us": Unit.US, "usec": Unit.US, "microseconds": Unit.US,
}  # fmt: skip
_OTHER = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Column:
    """Where a field stands in the table, and the unit that its values are in."""

    index: int
    label: str
    unit: Unit | None = None


def sniff(table: Table, options: Options) -> bool:
    """Whether the header names (or the user named) a source and a destination."""
    known = {split_label(label)[0] for label in table.header.cells}
    return all(field in options.columns or known & set(KNOWN_NAMES[field]) for field in ("src", "dst"))


def parse(table: Table, options: Options) -> tuple[list[RawRow], list[Quarantine], list[str]]:
    """The good rows, the others with their reasons, and notes on the columns; ``InputError`` if columns are missing."""
    columns, notes = _columns(table, options)
    rows: list[RawRow] = []
    refused: list[Quarantine] = []
    width = len(table.header.cells)
    for record in table.records:
        try:
            rows.append(_row(record, width, columns, options))
        except ValueError as error:
            refused.append(Quarantine(table.file, record.line, table.text(record), str(error)))
    return rows, refused, notes


def _row(record: Record, width: int, columns: dict[str, Column], options: Options) -> RawRow:
    if len(record.cells) != width:
        raise ValueError(f"the line has {counted(len(record.cells), 'cell')}; the header has {width}")
    cell = {field: record.cells[column.index].strip() for field, column in columns.items()}
    loss = read_loss(cell["loss"]) if cell.get("loss") else 0.0
    at = read_time(cell["timestamp"], options.now) if cell.get("timestamp") else None
    count = read_count(cell["count"]) if cell.get("count") else 0
    src, dst = read_name(cell["src"]), read_name(cell["dst"])
    family = read_family(cell["family"]) if cell.get("family") else None
    if loss == 1.0 and cell["rtt"].lower() in ("", "-1", "-1.0", "nan"):
        return RawRow(src, dst, None, None, 1.0, count, at, record.line, family=family)
    rtt = read_rtt_ms(cell["rtt"], _unit(columns["rtt"], cell))
    low = read_rtt_ms(cell["min"], _unit(columns["min"], cell), "min") if cell.get("min") else None
    if low is not None and low > rtt:
        raise ValueError(f"min {low:g} ms is above the round trip itself, {rtt:g} ms")
    jitter = read_jitter_ms(cell["jitter"], _unit(columns["jitter"], cell)) if cell.get("jitter") else None
    return RawRow(src, dst, rtt, low, loss, count, at, record.line, jitter, family)


def _columns(table: Table, options: Options) -> tuple[dict[str, Column], list[str]]:
    faults = _unknown_fields(table, options)
    notes: list[str] = []
    columns: dict[str, Column] = {}
    for field in KNOWN_NAMES:
        try:
            column = _column(table, field, options)
        except InputError as error:
            faults += error.faults
            continue
        if column is None or (field in TIMED[1:] and column.unit is None and "unit" not in columns):
            notes += [f"column {column.label!r} was not used: its unit is not stated"] if column else []
        else:
            columns[field] = column
    if faults:
        raise InputError(faults)
    used = {column.index for column in columns.values()}
    unused = [label for index, label in enumerate(table.header.cells) if index not in used]
    return columns, notes + ([f"columns not used: {', '.join(unused)}"] if unused else [])


def _column(table: Table, field: str, options: Options) -> Column | None:
    column = _named(table, field, options) if field in options.columns else _recognised(table, field)
    if column is None and field == "rtt" and (one_way := _one_way(table)):
        expected = "round trips: twice a one-way delay is none, for the ways may differ"
        raise _refusal(table, field, f"column {one_way!r}, which is not a round trip", expected)
    if column is None and field in REQUIRED:
        expected = f"a column for {field}: {', '.join(KNOWN_NAMES[field])}; or name it with --column {field}=LABEL"
        raise _refusal(table, field, f"only the columns {', '.join(table.header.cells)}", expected)
    return _with_unit(table, column, options, is_needed=field == "rtt") if column and field in TIMED else column


def _one_way(table: Table) -> str:
    return next((label for label in table.header.cells if split_label(label)[0] in ONE_WAY), "")


def _named(table: Table, field: str, options: Options) -> Column:
    wanted = options.columns[field]
    labels = [label.strip() for label in table.header.cells]
    if wanted not in labels:
        raise _refusal(table, field, f"no column {wanted!r}", f"one of {', '.join(labels)}")
    return Column(labels.index(wanted), wanted, split_label(wanted)[1])


def _recognised(table: Table, field: str) -> Column | None:
    split = [(index, label.strip(), *split_label(label)) for index, label in enumerate(table.header.cells)]
    for name in KNOWN_NAMES[field]:
        found = [Column(index, label, unit) for index, label, base, unit in split if base == name]
        if len(found) > 1:
            labels = ", ".join(column.label for column in found)
            raise _refusal(table, field, f"columns {labels}", f"one; name it with --column {field}={found[0].label}")
        if found:
            return found[0]
    return None


def _with_unit(table: Table, column: Column, options: Options, *, is_needed: bool) -> Column:
    stated = options.unit
    if column.unit and stated and column.unit is not stated:
        found = f"column {column.label!r} in {column.unit.value}, but --unit {stated.value}"
        raise _refusal(table, "rtt", found, "one unit")
    unit = column.unit or stated
    if unit is None and is_needed and not ("unit" in options.columns or _recognised(table, "unit")):
        expected = (
            f"the unit: say it with --unit ms (s, us), in the column's name, such as {column.label}_ms, "
            "or in a first line '# unit: ms'"
        )
        raise _refusal(table, "rtt", f"column {column.label!r} without a unit", expected)
    return Column(column.index, column.label, unit)


def _unknown_fields(table: Table, options: Options) -> list[Fault]:
    expected = f"one of the fields {', '.join(KNOWN_NAMES)}"
    return [
        Fault(table.file, 0, "column", f"{field}={label}", expected)
        for field, label in options.columns.items()
        if field not in KNOWN_NAMES
    ]


def _refusal(table: Table, field: str, found: str, expected: str) -> InputError:
    return InputError([Fault(table.file, table.header.line, field, found, expected)])


def split_label(label: str) -> tuple[str, Unit | None]:
    """A column's label, or a metric's name, without spelling and unit: "Avg RTT (µs)" is avg_rtt in us."""
    plain = _OTHER.sub("_", label.strip().lower().replace("µ", "u").replace("μ", "u")).strip("_")
    match = _SUFFIX.match(plain)
    return (match["name"], _SPELLINGS[match["unit"]]) if match else (plain, None)


def _unit(column: Column, cell: dict[str, str]) -> Unit:
    """The column's unit, or the line's own."""
    text = cell.get("unit", "")
    own = _SPELLINGS.get(text.lower().replace("µ", "u").replace("μ", "u"))
    if own is None and (text or column.unit is None):
        raise ValueError(f"unit {text[:20]!r} is none of ms, s and us")
    if own and column.unit and own is not column.unit:
        raise ValueError(f"unit {text} on the line, but {column.label!r} is in {column.unit.value}")
    unit = own or column.unit
    assert unit is not None, "one of the two is known here"
    return unit
