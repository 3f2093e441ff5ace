"""How long a large file takes to a client far away: windowsize by blksize, against what the protocol itself allows.

A transfer cannot be faster than one round trip for each window: ceil(blocks / windowsize) of them, the OACK's ACK 0
counted, the last ACK not (RFC 7440). The load generator holds each ACK back for a round trip. What would take longer
than ``measure_s`` is broken off after its first blocks and computed from them. All cells run at once: they mostly wait.
On a machine that is busy otherwise each round trip is longer by what a process waits for a processor.
"""

from __future__ import annotations

import json
import math
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tftp_programs import Sample, compiled, load, nearboot_wide, running, starting_load

WINDOWS = (1, 4, 16, 64, 256)
BLKSIZES = (512, 1428)
PART_BLOCKS = 2000


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement to come."""

    blksize: int
    windowsize: int
    blocks: int
    rtt_ms: float
    measure_s: float

    @property
    def windows(self) -> int:
        return math.ceil(self.blocks / self.windowsize)

    @property
    def bound_s(self) -> float:
        return self.windows * self.rtt_ms / 1000

    @property
    def windows_measured(self) -> int:
        """All, or where that takes too long those of the first blocks."""
        part = self.windows if self.bound_s <= self.measure_s else PART_BLOCKS // self.windowsize
        return min(self.windows, part)

    def options(self) -> list[object]:
        """For the load generator."""
        asked = ["-b", self.blksize, "-w", self.windowsize, "-d", self.rtt_ms, "-t", 2 * self.bound_s + 60]
        is_part = self.windows_measured < self.windows
        return [*asked, "-k", self.windows_measured * self.windowsize] if is_part else asked


@dataclass(frozen=True, slots=True)
class Timed:
    """What a cell gave; ``of_bound`` is 1.00 where the protocol's own bound was met."""

    blksize: int
    windowsize: int
    seconds: float
    bound_s: float
    of_bound: float
    is_measured: bool
    windows_measured: int
    repeats: int
    out_of_order: int
    whole: bool


def distance(folder: Path, *, size: int, rtt_ms: float, measure_s: float) -> dict[str, Any]:
    """The table, as JSON would have it."""
    root = folder / "root"
    root.mkdir()
    sample = Sample.of(root, "image", size)
    program = compiled("tftp_load", folder)
    with running("nearboot", nearboot_wide, folder, root, cpu=None) as server:
        for blksize in BLKSIZES:
            load(program, server, sample, "-b", blksize, "-w", 64, cpu=None)  # framed before the clock runs
        started = [
            (cell, starting_load(program, server, sample, *cell.options(), cpu=None))
            for cell in cells(size, rtt_ms, measure_s)
        ]
        rows = [asdict(timed(cell, process)) for cell, process in started]
    return {"size": size, "rtt_ms": rtt_ms, "rows": rows, "whole": all(each["whole"] for each in rows)}


def cells(size: int, rtt_ms: float, measure_s: float) -> list[Cell]:
    return [Cell(b, w, size // b + 1, rtt_ms, measure_s) for b in BLKSIZES for w in WINDOWS]


def timed(cell: Cell, process: subprocess.Popen[str]) -> Timed:
    """Waits for its end."""
    output, _ = process.communicate()
    counted = json.loads(output)
    seconds = counted["seconds"] * cell.windows / cell.windows_measured
    return Timed(
        blksize=cell.blksize,
        windowsize=counted["windowsize"],
        seconds=round(seconds, 2),
        bound_s=round(cell.bound_s, 2),
        of_bound=round(seconds / cell.bound_s, 4),
        is_measured=cell.windows_measured == cell.windows,
        windows_measured=cell.windows_measured,
        repeats=counted["repeats"],
        out_of_order=counted["out_of_order"],
        whole=counted["whole"] == 1,
    )


def as_text(result: dict[str, Any]) -> str:
    head = f"{result['size'] / 1e6:g} MB at {result['rtt_ms']:g} ms of round trip; the bound is one round trip a window"
    lines = [head, f"{'blksize':>8}{'window':>8}{'seconds':>11}{'bound':>11}{'ratio':>8}  how"]
    for row in result["rows"]:
        how = "measured" if row["is_measured"] else f"computed from the first {row['windows_measured']} windows"
        how += "" if row["whole"] else ", NOT WHOLE"
        how += f", {row['out_of_order']} out of order" if row["out_of_order"] else ""
        lines.append(
            f"{row['blksize']:8}{row['windowsize']:8}{row['seconds']:11.1f}{row['bound_s']:11.1f}"
            f"{row['of_bound']:8.3f}  {how}"
        )
    return "\n".join(lines)
