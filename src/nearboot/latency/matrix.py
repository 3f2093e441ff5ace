"""Matrices: sources down the first column, destinations along the header, a round trip in each cell.

The two axes may name different places (published cloud matrices do), the unit is stated by the user, and an empty cell,
0, -1 or NaN says that nothing was measured: all four are in use.
"""

from __future__ import annotations

from nearboot.errors import Fault, InputError
from nearboot.latency.rows import Options, RawRow, Record, Table, Unit, counted, read_name, read_rtt_ms
from nearboot.model import Quarantine

MISSING = frozenset({"", "0", "0.0", "-1", "-1.0", "nan"})


def sniff(table: Table, options: Options) -> bool:
    """Whether there are labels on both axes, and most of what lies between is numbers."""
    if options.columns or len(table.header.cells) < 2 or not table.records:
        return False
    cells = [cell.strip() for record in table.records[:50] for cell in record.cells[1:]]
    numbers = sum(_looks_like_a_number(cell) for cell in cells)
    labels = [cell for cell in table.header.cells[1:] if not _looks_like_a_number(cell.strip())]
    return numbers * 2 > len(cells) and len(labels) * 2 > len(table.header.cells) - 1


def parse(table: Table, options: Options) -> tuple[list[RawRow], list[Quarantine], list[str]]:
    """The measured cells, the cells and lines refused with their reasons, and a note of how many were empty."""
    unit = options.unit
    if unit is None:
        raise InputError([Fault(table.file, 0, "unit", "none", "the unit of the cells: say it with --unit ms (s, us)")])
    labels = _labels(table)
    rows: list[RawRow] = []
    refused: list[Quarantine] = []
    empty = 0
    for record in table.records:
        try:
            src = _source(record, len(table.header.cells))
        except ValueError as error:
            refused.append(Quarantine(table.file, record.line, table.text(record), str(error)))
            continue
        for dst, cell in zip(labels, record.cells[1:], strict=True):
            if cell.strip().lower() in MISSING:
                empty += src.casefold() != dst.casefold()  # nobody measures a place to itself
                continue
            try:
                rows.append(_measured(src, dst, cell, unit, record.line))
            except ValueError as error:
                refused.append(Quarantine(table.file, record.line, f"{src} → {dst}: {cell.strip()[:80]}", str(error)))
    return rows, refused, [f"{counted(empty, 'cell')} without a measurement"] if empty else []


def _measured(src: str, dst: str, cell: str, unit: Unit, line: int) -> RawRow:
    return RawRow(src, dst, read_rtt_ms(cell, unit), line=line)


def _source(record: Record, width: int) -> str:
    if len(record.cells) != width:
        raise ValueError(f"the line has {counted(len(record.cells), 'cell')}; the header has {width}")
    return read_name(record.cells[0])


def _labels(table: Table) -> list[str]:
    labels: list[str] = []
    faults: list[Fault] = []
    for index, cell in enumerate(table.header.cells[1:], start=2):
        try:
            labels.append(read_name(cell))
        except ValueError as error:
            faults.append(Fault(table.file, table.header.line, f"column {index}", str(error), "a location's name"))
    if faults:
        raise InputError(faults)
    return labels


def _looks_like_a_number(cell: str) -> bool:
    if cell.lower() in MISSING:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return True
