"""How long a boot takes: files in TFTP blocks, blocks in windows, windows at the cost of a block. Not a measurement.

transfer_s(40_000_000, cost_ms=0.4, policy=Policy(windowsize=16))    # 0.68
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from nearboot.routing.policy import Policy


def block_count(size: int, blksize: int) -> int:
    """How many DATA packets carry a file: the last one is shorter than the rest, maybe empty (RFC 1350 section 6)."""
    return ceil((size + 1) / blksize)


def transfer_s(size: int, cost_ms: float | None, policy: Policy) -> float | None:
    """The time that a file takes: a block's cost for each window (RFC 7440); None where the cost is unknown."""
    if cost_ms is None:
        return None
    return ceil(block_count(size, policy.blksize) / policy.windowsize) * cost_ms / 1000


def total_s(sizes: Iterable[int], cost_ms: float | None, policy: Policy) -> float | None:
    """The time of all files, one after the other; None without files or where the cost is unknown."""
    times = [transfer_s(size, cost_ms, policy) for size in sizes]
    known = [time for time in times if time is not None]
    return sum(known) if known else None
