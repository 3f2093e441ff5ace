"""A day of noisy latency maps, one a minute: how often locations move, and what the moving or staying costs.

Made from the spread of a file of measured pairs (src,dst,distance_km,avg_ms,min_ms,max_ms,mdev_ms,...): each minute
each pair's round trip is its level plus noise of its own deviation, within its own minimum and maximum. Levels change
as well: each pair takes another path about once in two days, for one to three hours, to a level between those two.
Boot servers are 15 of the cities, by seed. Regret is the level of what a location has over that of the best it could
have at that minute, which noise hides. Prints a table; a flip is a change of a location's boot server.

    python tests/bench/bench_replay.py PAIRS.csv [SEEDS]
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearboot.model import BootServer, Slug
from nearboot.routing.grid import Choices, Grid, choose
from nearboot.routing.policy import Policy
from nearboot.routing.standing import stand

MINUTES = 1440
BOOT_SERVERS = 15
START = datetime(2026, 11, 22, tzinfo=UTC)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """The measured pairs of some cities to the boot servers' cities, as arrays."""

    cities: list[str]
    servers: list[str]
    avg: Floats
    low: Floats
    high: Floats
    mdev: Floats


@dataclass(frozen=True)
class Way:
    """One way to choose. ``tau`` in minutes: smoothing of each pair before the choice, 0: none."""

    name: str
    policy: Policy | None  # None: without hysteresis
    tau: float = 0.0


def ways() -> list[Way]:
    """What the table compares; the last row of each half is what nearboot does by default."""
    found = []
    for tau in (0.0, 1.0):
        found += [
            Way("last value", None, tau),
            Way("margin 0.5 ms", Policy(margin_ms=0.5, margin_noise=0, margin_share=0, hold_s=0), tau),
            Way("margin 2 ms", Policy(margin_ms=2, margin_noise=0, margin_share=0, hold_s=0), tau),
            *(_noise(k, 0, tau) for k in (1.0, 1.5, 2.0, 3.0)),
            Way("hold-down 10 min alone", Policy(margin_ms=0, margin_noise=0, margin_share=0, hold_s=600), tau),
            *(_noise(k, 600, tau) for k in (1.0, 1.5, 2.0)),
            Way("default", Policy(), tau),
        ]
    return found


def _noise(factor: float, hold_s: float, tau: float) -> Way:
    name = f"{factor} × noise{', hold-down' if hold_s else ''}"
    return Way(name, Policy(margin_ms=0.5, margin_noise=factor, hold_s=hold_s), tau)


def main(file: str, seeds: int) -> None:
    """Replay the day for each seed and each way, and print the means."""
    rows = list(csv.DictReader(Path(file).read_text(encoding="utf-8").splitlines()))
    totals: dict[tuple[str, float], list[tuple[float, float, float]]] = {}
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        spread = _spread(rows, random)
        levels, seen = _day(spread, random)
        for way in ways():
            totals.setdefault((way.name, way.tau), []).append(_replay(way, spread, levels, seen))
    print(f"{seeds} seeds, {BOOT_SERVERS} boot servers, {MINUTES} maps; per location and day")
    print(f"{'way':<24} {'smoothed':<9} {'flips':>7} {'mean regret ms':>15} {'worst 1 % ms':>13}")
    for (name, tau), found in totals.items():
        flips, regret, worst = np.mean(found, axis=0)
        print(f"{name:<24} {'1 min' if tau else 'no':<9} {flips:7.2f} {regret:15.3f} {worst:13.2f}")


def _spread(rows: list[dict[str, str]], random: np.random.Generator) -> Spread:
    pairs = {(row["src"], row["dst"]): row for row in rows}
    every = sorted({row["src"] for row in rows})
    servers = sorted(random.choice(every, BOOT_SERVERS, replace=False).tolist())
    cities = [city for city in every if all((city, s) in pairs for s in servers if s != city)]

    def column(name: str, local: float) -> Floats:
        return np.array([[float(pairs[c, s][name]) if c != s else local for s in servers] for c in cities])

    low, high = column("min_ms", 0.2), column("max_ms", 0.6)
    return Spread(cities, servers, column("avg_ms", 0.3), low, high, column("mdev_ms", 0.05))


def _day(spread: Spread, random: np.random.Generator) -> tuple[Floats, Floats]:
    """The levels and what is measured of them, by minute, city and boot server."""
    shape = spread.avg.shape
    levels = np.broadcast_to(spread.avg, (MINUTES, *shape)).copy()
    changed = np.argwhere(random.random(shape) < 0.5)
    for city, server in changed:
        begin, length = random.integers(0, MINUTES), random.integers(60, 181)
        level = random.uniform(spread.low[city, server], spread.high[city, server])
        levels[begin : begin + length, city, server] = level
    noise = random.normal(size=levels.shape) * spread.mdev
    return levels, np.clip(levels + noise, np.minimum(spread.low, levels), np.maximum(spread.high, levels))


def _replay(way: Way, spread: Spread, levels: Floats, seen: Floats) -> tuple[float, float, float]:
    """Flips per location, mean regret and the mean of the worst hundredth."""
    policy = way.policy or Policy()
    servers = [BootServer(Slug(name), Slug(name), IPv4Address(n + 1)) for n, name in enumerate(spread.servers)]
    stood, _ = stand(servers, {}, family=4, policy=policy, now=START)
    slugs = [Slug(city) for city in spread.cities]
    before: Choices | None = None
    smooth, keep = seen[0], np.exp(-1 / way.tau) if way.tau else 0.0
    flips, regrets = 0, []
    at = np.arange(len(slugs))
    for minute in range(MINUTES):
        smooth = keep * smooth + (1 - keep) * seen[minute]
        grid = Grid.of(slugs, servers, smooth, policy=policy, noise_ms=spread.mdev)
        now = START + timedelta(minutes=minute)
        after = choose(grid, stood, policy=policy, now=now, before=before if way.policy else None)
        flips += int((after.index != before.index).sum()) if before else 0
        regrets.append(levels[minute][at, after.index] - levels[minute].min(axis=1))
        before = after
    every = np.sort(np.concatenate(regrets))
    return flips / len(slugs), float(every.mean()), float(every[-len(every) // 100 :].mean())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3)
