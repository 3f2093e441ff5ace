"""How long choosing takes at 10,000 locations × 1,000 boot servers × 1,000,000 servers, and what memory.

Not a test: it prints times, each the best of three with the worst beside it. Made-up places on a sphere, round trips by
distance with noise. Run it on a quiet machine:

    python tests/bench/bench_routing.py [LOCATIONS BOOT_SERVERS SERVERS]
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from time import perf_counter
from typing import TypeVar

import numpy as np

from nearboot.model import AdminState, BootServer, Estimate, Health, Location, LocationKind, Slug
from nearboot.routing.grid import Choices, Grid, choose, failover
from nearboot.routing.policy import Policy
from nearboot.routing.select import Past, select
from nearboot.routing.standing import Stood, stand

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
POLICY = Policy()
T = TypeVar("T")


def main(locations: int, boot_servers: int, servers: int) -> None:
    """Build the fleet, time each question, print a line each."""
    random = np.random.default_rng(1)
    slugs = [Slug(f"l{n:05}") for n in range(locations)]
    fleet = [BootServer(Slug(f"b{n:04}"), Slug(f"at{n}"), IPv4Address(n + 1)) for n in range(boot_servers)]
    health = {server.name: Health(server.name, NOW, True) for server in fleet}
    rtt = _round_trips(random, locations, boot_servers)
    noise = np.asarray(0.02 * rtt, dtype=np.float64)
    weight = np.bincount(random.integers(0, locations, servers), minlength=locations)
    demand = {slug: int(count) for slug, count in zip(slugs, weight, strict=True)}
    print(f"{locations:,} locations × {boot_servers:,} boot servers × {servers:,} servers")
    grid = _timed("costs of all pairs", lambda: Grid.of(slugs, fleet, rtt, policy=POLICY, noise_ms=noise))
    stood = _timed("standing of all boot servers", lambda: _stood(fleet, health))
    first = _timed("select, nothing before", lambda: choose(grid, stood, policy=POLICY, now=NOW))
    later = NOW + timedelta(minutes=20)
    jitter = rtt * random.normal(1, 0.05, rtt.shape)
    noisy = Grid.of(slugs, fleet, jitter, policy=POLICY, noise_ms=noise)
    again = _timed(
        "select, new map, with hysteresis", lambda: choose(noisy, stood, policy=POLICY, now=later, before=first)
    )
    print(
        f"  moved by 5 % noise: {_moves(first, again):,} with hysteresis, "
        f"{_moves(first, choose(noisy, stood, policy=POLICY, now=later)):,} without"
    )
    busiest = fleet[int(np.bincount(first.index).argmax())]
    sick = {**health, busiest.name: Health(busiest.name, NOW, False)}
    after = _timed(
        "fail over of the busiest", lambda: failover(grid, _stood(fleet, sick), first, policy=POLICY, now=later)
    )
    print(f"  moved: {_moves(first, after):,} locations")
    _timed("what if a tenth were drained, with loads", lambda: _whatif(grid, fleet, health, first, demand))
    _timed("look-up of every server's boot server", lambda: first.index[random.integers(0, locations, servers)])
    previous = first.previous(grid)
    row = len(slugs) // 2

    def explain() -> object:
        return select(
            [Location(slugs[row], LocationKind.RACK)], fleet,
            lambda _, server: Estimate(float(rtt[row, int(server.name[1:])]), 0.0, "measured"),
            health, family=4, policy=POLICY, now=later, past=Past(previous),
        )  # fmt: skip

    _timed("explain one location", explain)
    print(f"memory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _round_trips(random: np.random.Generator, locations: int, boot_servers: int) -> np.ndarray:
    """2 ms and 2 ms per 100 km between points on a sphere, and up to a half more."""

    def points(count: int) -> np.ndarray:
        found = random.normal(size=(count, 3))
        return found / np.linalg.norm(found, axis=1)[:, None]

    km = 6371 * np.arccos(np.clip(points(locations) @ points(boot_servers).T, -1, 1))
    return (2 + km / 50) * random.uniform(1, 1.5, km.shape)


def _stood(fleet: list[BootServer], health: dict[Slug, Health]) -> tuple[Stood, ...]:
    return stand(fleet, health, family=4, policy=POLICY, now=NOW)[0]


def _whatif(
    grid: Grid, fleet: list[BootServer], health: dict[Slug, Health], before: Choices, demand: dict[Slug, int]
) -> tuple[int, dict[Slug, int], dict[Slug, int]]:
    drained = [replace(s, state=AdminState.DRAINING) if n % 10 == 0 else s for n, s in enumerate(fleet)]
    after = choose(grid, _stood(drained, health), policy=POLICY, now=NOW, before=before)
    return _moves(before, after), before.loads(grid, demand), after.loads(grid, demand)


def _moves(before: Choices, after: Choices) -> int:
    return int((before.index != after.index).sum())


def _timed(what: str, work: Callable[[], T]) -> T:
    times = []
    for _ in range(3):
        begun = perf_counter()
        result = work()
        times.append(perf_counter() - begun)
    print(f"{what}: {min(times) * 1000:.1f} ms (at most {max(times) * 1000:.1f})")
    return result


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:4]) if len(sys.argv) > 3 else (10_000, 1_000, 1_000_000)))
