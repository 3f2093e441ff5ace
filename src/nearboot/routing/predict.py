"""How long a boot takes: files in TFTP blocks, blocks in windows, windows at the cost of a block. Not a measurement.

transfer_s(40_000_000, cost_ms=0.4, client=CLIENTS[NbpFamily.PXELINUX])    # 11.4
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from nearboot.model import NbpFamily


@dataclass(frozen=True, slots=True)
class Client:
    """The boot program that reads kernel and initrd, and what it asks for (RFC 2348, RFC 7440)."""

    name: str
    blksize: int  # bytes of a file in one packet
    windowsize: int  # packets before it acknowledges: 1 is lock-step


CLIENTS = {  # what each asks for, as seen on the wire; Debian 12's versions
    NbpFamily.PXELINUX: Client("PXELINUX", 1408, 1),
    NbpFamily.GRUB: Client("GRUB", 1024, 1),
    NbpFamily.IPXE: Client("iPXE", 1432, 1),
}

EXAMPLE = {"100 MB": 100_000_000}
"""What is reckoned with where no file's size is known: about a kernel and its initrd."""


def block_count(size: int, blksize: int) -> int:
    """How many DATA packets carry a file: the last one is shorter than the rest, maybe empty (RFC 1350 section 6)."""
    return ceil((size + 1) / blksize)


def round_trips(size: int, client: Client) -> int:
    """How often a client waits for the boot server while it reads a file: once for each window."""
    return ceil(block_count(size, client.blksize) / client.windowsize)


def transfer_s(size: int, cost_ms: float | None, client: Client) -> float | None:
    """The time that a file takes: a block's cost for each window (RFC 7440); None where the cost is unknown."""
    return None if cost_ms is None else round_trips(size, client) * cost_ms / 1000


def total_s(sizes: Iterable[int], cost_ms: float | None, client: Client) -> float | None:
    """The time of all files, one after the other; None without files or where the cost is unknown."""
    times = [transfer_s(size, cost_ms, client) for size in sizes]
    known = [time for time in times if time is not None]
    return sum(known) if known else None
