"""Shortest paths between sites over the lab's links: by which link a site's router sends. Static, nothing learned.

next_hops(links, "ams")  # {"fra": Link("ams", "fra", ...)}
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from nearboot.lab.topology import Link
from nearboot.model import Slug


def next_hops(links: Iterable[Link], start: Slug) -> dict[Slug, Link]:
    """Give the first link towards every site that can be reached: least delay, then least names."""
    neighbours: dict[Slug, list[tuple[Slug, Link]]] = {}
    for link in links:
        neighbours.setdefault(link.a, []).append((link.b, link))
        neighbours.setdefault(link.b, []).append((link.a, link))
    first: dict[Slug, Link] = {}
    heap: list[tuple[float, tuple[Slug, ...], int]] = [(0.0, (start,), 0)]
    by_step: list[Link | None] = [None]
    done: set[Slug] = set()
    while heap:
        delay, trail, step = heapq.heappop(heap)
        here, hop = trail[-1], by_step[step]
        if here in done:
            continue
        done.add(here)
        if hop:
            first[here] = hop
        for there, link in neighbours.get(here, ()):
            if there not in done:
                by_step.append(hop or link)
                heapq.heappush(heap, (delay + link.delay_ms, (*trail, there), len(by_step) - 1))
    return first
