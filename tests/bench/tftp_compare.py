"""nearboot against the TFTP servers that are installed, and against the physical limit, case by case.

Each round runs each server once in each case; medians count. Where one client waits for one server both share a
processor, so that the figure is the work for a packet and not the time that an idle processor takes to wake; else
the servers have one and the load has another.
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf, isnan, nan
from pathlib import Path
from typing import Any

from tftp_programs import (
    LOAD_CPU,
    NOT_PEERS,
    OTHER_WAYS,
    SERVER_CPU,
    SERVERS,
    MissingError,
    Sample,
    Server,
    compiled,
    load,
    running,
)

SIZES = {"initrd": 40_000_000, "kernel": 8_000_000, "cfg": 1000}
LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Case:
    """What the load does."""

    name: str
    file: str
    options: tuple[object, ...]
    counts: str = "mb_per_s"
    clients: int = 1

    @property
    def cpu(self) -> int:
        return SERVER_CPU if self.clients == 1 else LOAD_CPU


CASES = (
    Case("lockstep-1", "initrd", ("-b", 1428)),
    Case("lockstep-512", "kernel", ("-b", 512)),
    Case("window16-1", "initrd", ("-b", 1428, "-w", 16)),
    Case("window64-1", "initrd", ("-b", 1428, "-w", 64)),
    Case("lockstep-32", "kernel", ("-b", 1428, "-c", 32, "-n", 32), clients=32),
    Case("window16-32", "kernel", ("-b", 1428, "-w", 16, "-c", 32, "-n", 64), clients=32),
    Case("cfg-32", "cfg", ("-b", 1428, "-c", 32, "-n", 3000), counts="reads_per_s", clients=32),
)
"""The name's number is that of the clients, or the blksize. Files: 40 MB, 8 MB and 1 kB."""


def compare(
    folder: Path, *, rounds: int, servers: list[str] | None = None, cases: list[str] | None = None
) -> dict[str, Any]:
    """Medians of each server by case, and nearboot's ratios to the limit and to the best peer."""
    root = folder / "root"
    root.mkdir()
    root.chmod(0o755)
    samples = {name: Sample.of(root, name, size) for name, size in SIZES.items()}
    programs = {name: compiled(name, folder) for name in ("tftp_load", "tftp_limit")}
    chosen = [case for case in CASES if cases is None or case.name in cases]
    with ExitStack() as stack:
        present, absent = start(stack, folder, root, servers)
        figures: dict[tuple[str, str], list[float]] = {}
        for _ in range(rounds):
            for case in chosen:
                for server in present:
                    seen = figures.setdefault((case.name, server.name), [])
                    if -inf not in seen:  # one that failed is not waited for in each round
                        seen.append(measure(programs["tftp_load"], case, server, samples[case.file]))
    names = [server.name for server in present]
    rows = [row(case, names, figures) for case in chosen]
    whole = all(each["figures"].get("nearboot", 0) is not None for each in rows)
    return {"rounds": rounds, "servers": names, "absent": absent, "cases": rows, "whole": whole}


def start(stack: ExitStack, folder: Path, root: Path, wanted: list[str] | None) -> tuple[list[Server], dict[str, str]]:
    """Those that run here, and why the others do not."""
    present: list[Server] = []
    known = SERVERS | OTHER_WAYS
    chosen = list(SERVERS) if wanted is None else wanted
    absent = {name: "is not known" for name in chosen if name not in known}
    for name in [name for name in chosen if name in known]:
        try:
            present.append(stack.enter_context(running(name, known[name], folder, root)))
        except MissingError as error:
            absent[name] = str(error)
    return present, absent


def measure(program: Path, case: Case, server: Server, sample: Sample) -> float:
    """Infinitely little where a read failed."""
    counted = load(program, server, sample, "-t", LIMIT_S, *case.options, cpu=case.cpu)
    whole = not counted["failed"] and not counted["unfinished"]
    return float(counted[case.counts]) if whole else -inf


def row(case: Case, names: list[str], figures: dict[tuple[str, str], list[float]]) -> dict[str, Any]:
    seen = {name: figures[case.name, name] for name in names}
    medians = {name: nan if -inf in each else statistics.median(each) for name, each in seen.items()}
    ours = medians.get("nearboot", nan)
    peers = [figure for name, figure in medians.items() if name not in NOT_PEERS and not isnan(figure)]
    return {
        "case": case.name,
        "unit": "MB/s" if case.counts == "mb_per_s" else "reads/s",
        "figures": {name: plain(figure) for name, figure in medians.items()},
        "of_limit": plain(ours / medians.get("limit", nan)),
        "of_best_peer": plain(ours / max(peers, default=nan)),
    }


def plain(figure: float) -> float | None:
    """JSON has no NaN."""
    return None if isnan(figure) else round(figure, 3)


def as_text(result: dict[str, Any]) -> str:
    names = result["servers"]
    lines = [f"{'case':14}{'unit':>8}" + "".join(f"{name:>16}" for name in names) + f"{'/limit':>9}{'/best peer':>12}"]
    for each in result["cases"]:
        figures = "".join(f"{shown(each['figures'][name], 1):>16}" for name in names)
        ratios = f"{shown(each['of_limit'], 2):>9}{shown(each['of_best_peer'], 2):>12}"
        lines.append(f"{each['case']:14}{each['unit']:>8}{figures}{ratios}")
    lines += [f"not measured: {name} {why}" for name, why in result["absent"].items()]
    return "\n".join(lines)


def shown(figure: float | None, digits: int) -> str:
    return "failed" if figure is None else f"{figure:.{digits}f}"
