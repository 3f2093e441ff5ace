"""How long estimating all pairs takes at 10,000 locations × 1,000 boot servers, and what memory.

Not a test: it prints times, each the best of three with the worst beside it. Made-up places on a sphere; one in fifty
pairs measured, then half of them, then all.

    python tests/bench/bench_field.py [LOCATIONS BOOT_SERVERS]
"""

from __future__ import annotations

import resource
import sys
from time import perf_counter

import numpy as np

from nearboot.latency.estimate_field import RUNGS, fill
from nearboot.latency.estimate_terrain import distances_km, unit_vectors


def main(locations: int, boot_servers: int) -> None:
    """Fill matrices of which little and much was measured."""
    random = np.random.default_rng(1)
    rows, columns = _places(random, locations), _places(random, boot_servers)
    km = distances_km(unit_vectors(rows), unit_vectors(columns))
    truth = (2 + km / 50) * random.uniform(1, 1.5, km.shape).astype(np.float32)
    del km
    print(f"{locations:,} locations × {boot_servers:,} boot servers")
    for share in (0.02, 0.5, 1.0):
        measured = np.where(random.random(truth.shape, dtype=np.float32) < share, truth, np.float32(np.nan))
        times = []
        for _ in range(3):
            begun = perf_counter()
            field = fill(measured, rows_at=rows, columns_at=columns)
            times.append(perf_counter() - begun)
        counts = np.bincount(field.rung.ravel(), minlength=len(RUNGS))
        told = ", ".join(f"{rung} {count:,}" for rung, count in zip(RUNGS, counts, strict=True) if count)
        print(f"{share:.0%} measured: {min(times):.2f} s (at most {max(times):.2f}); {told}")
    print(f"memory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _places(random: np.random.Generator, count: int) -> np.ndarray:
    latitude = np.degrees(np.arcsin(random.uniform(-1, 1, count)))
    return np.stack([latitude, random.uniform(-180, 180, count)], axis=1)


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:3]) if len(sys.argv) > 2 else (10_000, 1_000)))
