"""Many reads at once of one server process: whether all are whole and right, and the memory that each takes.

The clients have an address each (127.1.0.1 on), and none goes on before all are answered, so all are under way at once.
Memory is what the server's own grows by (its proportional set size, PSS) from just before, with the content framed
already, to the most that was seen. What the kernel holds stands beside it: packets queued in UDP sockets, and its
slabs, where sockets, files and epoll entries live; both are of the whole machine, the load's own sockets among them.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tftp_programs import Sample, Server, compiled, load, nearboot, nearboot_single_port, running, starting_load

BLKSIZE = 1428
SAMPLE_S = 0.1
LIMIT_S = 600
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Memory:
    """At one time, in bytes; ``descriptors`` of the server counts its sockets and a few more."""

    pss: int
    descriptors: int
    queued: int
    slab: int

    @classmethod
    def of(cls, pid: int) -> Memory:
        process = Path(f"/proc/{pid}")
        return cls(
            pss=1024 * number(process / "smaps_rollup", "Pss:"),
            descriptors=sum(1 for _ in (process / "fd").iterdir()),
            queued=PAGE * number(Path("/proc/net/sockstat"), "UDP: inuse", word=-1),
            slab=1024 * number(Path("/proc/meminfo"), "Slab:"),
        )

    def most(self, other: Memory) -> Memory:
        return Memory(*(max(a, b) for a, b in zip(asdict(self).values(), asdict(other).values(), strict=True)))


def many(folder: Path, *, clients: int, size: int, windowsize: int, is_single_port: bool = False) -> dict[str, Any]:
    """What was read, and the memory at its most."""
    root = folder / "root"
    root.mkdir()
    sample = Sample.of(root, "image", size)
    program = compiled("tftp_load", folder)
    asked = ["-b", BLKSIZE, "-w", windowsize]
    crowd = ["-c", clients, "-n", clients, "-s", "-g", "-t", LIMIT_S]
    command = nearboot_single_port if is_single_port else nearboot
    with running("nearboot", command, folder, root) as server:
        load(program, server, sample, *asked)  # frames the content, and warms the server up
        before = Memory.of(server.pid)
        process = starting_load(program, server, sample, *asked, *crowd)
        most, counted = watch(server, process)
        after = Memory.of(server.pid)
    return {
        "clients": clients,
        "size": size,
        "whole": counted["whole"] == clients,
        "bytes_each": round((most.pss - before.pss) / clients),
        "kernel_bytes_each": round((most.queued - before.queued + most.slab - before.slab) / clients),
        "memory": {"before": asdict(before), "most": asdict(most), "after": asdict(after)},
        "load": counted,
    }


def watch(server: Server, process: subprocess.Popen[str]) -> tuple[Memory, dict[str, Any]]:
    """Until the load ends: the most of each kind of memory, and what the load counted."""
    most = Memory.of(server.pid)
    while process.poll() is None:
        most = most.most(Memory.of(server.pid))
        time.sleep(SAMPLE_S)
    output, _ = process.communicate()
    return most, json.loads(output)


def number(path: Path, label: str, *, word: int = 1) -> int:
    """A number of the line that begins with ``label``."""
    for line in path.read_text().splitlines():
        if line.startswith(label):
            return int(line.split()[word])
    raise ValueError(f"{path}: no line begins with {label!r}")


def as_text(result: dict[str, Any]) -> str:
    read, before, most = result["load"], result["memory"]["before"], result["memory"]["most"]
    asked = f"blksize {read['blksize']}, windowsize {read['windowsize']}"
    ended = ", ".join(f"{name} {read[name]}" for name in ("failed", "corrupt", "unfinished"))
    pss = f"{before['pss'] / 1e6:.1f} MB before, {most['pss'] / 1e6:.1f} MB at most"
    kernel = f"{mega(most, before, 'queued')} MB queued in UDP sockets, {mega(most, before, 'slab')} MB more of slabs"
    lines = [
        f"{result['clients']} clients of one server process, {result['size'] / 1e6:g} MB each, {asked}",
        f"whole and right {read['whole']}, {ended}; under way at once {read['at_once']}; repeats {read['repeats']}",
        f"{read['seconds']:.1f} s, {read['mb_per_s']:.0f} MB/s; half took {read['p50_s']:.1f} s or less",
        f"server memory (PSS) {pss}: {result['bytes_each']} bytes for each transfer",
        f"server descriptors {before['descriptors']} before, {most['descriptors']} at most",
        f"kernel, both ends: {kernel}: {result['kernel_bytes_each']} bytes for each transfer",
    ]
    return "\n".join(lines)


def mega(most: dict[str, int], before: dict[str, int], name: str) -> str:
    return f"{(most[name] - before[name]) / 1e6:.1f}"
