"""The same choice as select's for thousands of locations and boot servers at once, in arrays, without the sentences.

Arrays inside, values outside. What is asked about one place is answered by select; tests/routing/test_grid has the
property that both choose alike, and tests/bench/bench_routing.py the times for 10,000 × 1,000.

    grid = Grid.of(slugs, boot_servers, rtt_ms, policy=policy)
    choices = choose(grid, stood, policy=policy, now=now)
    choices.chosen(grid)["ams"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf, isnan

import numpy as np
from numpy.typing import NDArray

from nearboot.model import BootServer, Location, Slug
from nearboot.routing.hysteresis import Held, Previous
from nearboot.routing.policy import Policy
from nearboot.routing.select import NO_OVERRIDE, NO_PAST, Estimates, Past
from nearboot.routing.slow_start import wait_s
from nearboot.routing.spread import GOLDEN, LAST_SHIFT, MIX, TURN_SALT, key, uniform
from nearboot.routing.standing import Standing, Stood

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

UNKNOWN_MS = 1e300
"""The cost of a path of which nothing is known: behind all others, and still one to take when there is no other."""

ROWS_AT_ONCE = 512  # so many locations' work fits the processor's cache, and takes no memory to speak of


@dataclass(frozen=True, slots=True)
class Grid:
    """What a block costs from each location (rows, by slug) to each boot server (columns, by name)."""

    locations: tuple[Slug, ...]
    boot_servers: tuple[BootServer, ...]
    cost_ms: Floats
    noise_ms: Floats | None  # None: not known of any path
    location_keys: NDArray[np.uint64]
    server_keys: NDArray[np.uint64]
    weights: Floats

    @classmethod
    def of(
        cls,
        locations: Sequence[Slug],
        boot_servers: Sequence[BootServer],
        rtt_ms: NDArray[np.floating],
        *,
        policy: Policy,
        loss: NDArray[np.floating] | float = 0.0,
        penalty: NDArray[np.floating] | float = 0.0,
        noise_ms: Floats | None = None,
    ) -> Grid:
        """Arrays in the order of the arguments, which need not be sorted; NaN: nothing is known."""
        lost = np.minimum(loss, policy.loss_clip)
        cost = np.asarray(rtt_ms * (1 + np.asarray(penalty)) + lost / (1 - lost) * policy.rto_ms, dtype=np.float64)
        cost[~np.isfinite(cost)] = UNKNOWN_MS
        rows, columns = _sorted(locations), _sorted([server.name for server in boot_servers])
        slugs = tuple(locations[row] for row in rows)
        servers = tuple(boot_servers[column] for column in columns)
        return cls(
            slugs,
            servers,
            _arranged(cost, rows, columns),
            None if noise_ms is None else _arranged(noise_ms, rows, columns),
            np.array([key(slug) for slug in slugs], dtype=np.uint64),
            np.array([key(server.name) for server in servers], dtype=np.uint64),
            np.array([max(server.weight, 0) for server in servers], dtype=np.float64),
        )

    @classmethod
    def asked(
        cls, locations: Sequence[Location], boot_servers: Sequence[BootServer], estimates: Estimates, policy: Policy
    ) -> Grid:
        """The grid of what is estimated, pair by pair."""
        shape = (len(locations), len(boot_servers))
        rtt, loss, penalty, noise = (np.zeros(shape) for _ in range(4))
        for row, location in enumerate(locations):
            for column, server in enumerate(boot_servers):
                found = estimates(location.slug, server)
                rtt[row, column] = np.nan if found.rtt_ms is None else found.rtt_ms
                loss[row, column], penalty[row, column] = found.loss, found.penalty
                noise[row, column] = found.noise_ms
        slugs = [location.slug for location in locations]
        return cls.of(slugs, boot_servers, rtt, policy=policy, loss=loss, penalty=penalty, noise_ms=noise)


@dataclass(frozen=True, slots=True)
class Choices:
    """Which boot server (column, -1: none) each location (row) has; since when, in seconds of the epoch (NaN: ever)."""

    index: Ints
    moved_s: Floats
    usable: Bools  # by column: whether it could be used
    decided_at: datetime | None = None

    @classmethod
    def before(cls, previous: Previous, grid: Grid) -> Choices:
        """The last decision, as arrays."""
        columns = {server.name: column for column, server in enumerate(grid.boot_servers)}
        held = [previous.choices.get(slug) for slug in grid.locations]
        return cls(
            np.array([columns.get(each.boot_server, -1) if each else -1 for each in held], dtype=np.int64),
            np.array([_epoch(each.moved_at if each else None) for each in held], dtype=np.float64),
            np.array([server.name in previous.usable for server in grid.boot_servers], dtype=np.bool_),
            previous.decided_at,
        )

    def chosen(self, grid: Grid) -> dict[Slug, Slug | None]:
        """Each location's boot server."""
        names: list[Slug | None] = [server.name for server in grid.boot_servers]
        names.append(None)  # index -1
        return dict(zip(grid.locations, map(names.__getitem__, self.index.tolist()), strict=True))

    def previous(self, grid: Grid) -> Previous:
        """The choices as the next decision wants them."""
        moved = [None if isnan(at) else datetime.fromtimestamp(at, UTC) for at in self.moved_s.tolist()]
        choices = {
            slug: Held(name, at)
            for (slug, name), at in zip(self.chosen(grid).items(), moved, strict=True)
            if name is not None
        }
        usable = frozenset(s.name for s, good in zip(grid.boot_servers, self.usable, strict=True) if good)
        return Previous(choices, usable, self.decided_at)

    def loads(self, grid: Grid, demand: Mapping[Slug, int]) -> dict[Slug, int]:
        """How many servers each boot server has. ``demand``: servers by location."""
        counts = np.array([demand.get(slug, 0) for slug in grid.locations], dtype=np.int64)
        had = self.index >= 0
        found = np.bincount(self.index[had], weights=counts[had], minlength=len(grid.boot_servers))
        return {server.name: int(count) for server, count in zip(grid.boot_servers, found, strict=True)}


def choose(
    grid: Grid,
    stood: Sequence[Stood],
    *,
    policy: Policy,
    now: datetime,
    past: Past = NO_PAST,
    before: Choices | None = None,
    pin: frozenset[Slug] = NO_OVERRIDE.pin,
) -> Choices:
    """The boot server of each location. ``stood`` by name (standing.stand); ``before`` goes before past.previous."""
    before = Choices.before(past.previous, grid) if before is None else before
    work = _Work(grid, _columns(stood, pin), before, policy, now, past)
    index = np.full(len(grid.locations), -1, dtype=np.int64)
    if work.columns.any():
        for start in range(0, len(index), ROWS_AT_ONCE):
            rows = np.arange(start, min(start + ROWS_AT_ONCE, len(index)))
            index[rows] = work.decide(rows)
    return _moved(before, index, _pool(stood), now)


def failover(
    grid: Grid,
    stood: Sequence[Stood],
    before: Choices,
    *,
    policy: Policy,
    now: datetime,
    past: Past = NO_PAST,
    pin: frozenset[Slug] = NO_OVERRIDE.pin,
) -> Choices:
    """The choices after boot servers went away, costs being what they were: only who had one of them is asked anew.

    Where one came (back) as well, all are.
    """
    columns, pool = _columns(stood, pin), _pool(stood)
    if (pool & ~before.usable).any() or not columns.any() or past.since:
        return choose(grid, stood, policy=policy, now=now, past=past, before=before, pin=pin)
    work = _Work(grid, columns, before, policy, now, past)
    index = before.index.copy()
    lost = np.flatnonzero((index < 0) | ~columns[index])
    for start in range(0, len(lost), ROWS_AT_ONCE):
        rows = lost[start : start + ROWS_AT_ONCE]
        index[rows] = work.decide(rows)
    return _moved(before, index, pool, now)


@dataclass(frozen=True, slots=True)
class _Work:
    """What is the same for all rows. ``columns``: the boot servers that can serve."""

    grid: Grid
    columns: Bools
    before: Choices
    policy: Policy
    now: datetime
    past: Past

    def decide(self, rows: Ints) -> Ints:
        """The column of each of these rows."""
        cost = self.grid.cost_ms[rows]
        cost[:, ~self.columns] = inf
        had = self.before.index[rows]
        fresh = np.broadcast_to(~self.before.usable, cost.shape)
        waiting = self._waiting()
        if waiting:
            fresh = fresh.copy()
            self._wait(rows, waiting, cost=cost, fresh=fresh)
        at = np.arange(len(rows))
        held = (had >= 0) & (cost[at, had] < inf)
        result = np.where(held, had, -1)
        keeping = np.flatnonzero(held)
        keeping = keeping[self._challenged(rows[keeping], cost[keeping], fresh[keeping], had[keeping])]
        if len(keeping):
            cost[keeping] = self._field(rows[keeping], cost[keeping], fresh[keeping], had[keeping])
        asked = np.union1d(keeping, np.flatnonzero(~held))
        if len(asked):
            result[asked] = self._first(rows[asked], cost if len(asked) == len(rows) else cost[asked])
        return result

    def _waiting(self) -> list[tuple[int, float]]:
        """The columns that came back, with the seconds since then."""
        since = self.past.since
        return [
            (column, (self.now - since[server.name]).total_seconds())
            for column, server in enumerate(self.grid.boot_servers)
            if server.name in since and self.columns[column]
        ]

    def _wait(self, rows: Ints, waiting: list[tuple[int, float]], *, cost: Floats, fresh: Bools) -> None:
        """Take those that came back out of the rows whose turn has not come, unless nothing else is there."""
        held_out = np.zeros(cost.shape, dtype=np.bool_)
        decided_at = self.before.decided_at
        for column, age_s in waiting:
            there = int(self.grid.server_keys[column])
            keys = self.grid.location_keys[rows].tolist()
            turn_s = np.array([wait_s(uniform(here, there, TURN_SALT), self.policy) for here in keys])
            held_out[:, column] = (turn_s > age_s) & (self.before.index[rows] != column)
            if decided_at is not None:
                fresh[:, column] |= turn_s > age_s - (self.now - decided_at).total_seconds()
        left: Bools = np.any((cost < inf) & ~held_out, axis=1)
        cost[held_out & left[:, None]] = inf

    def _challenged(self, rows: Ints, cost: Floats, fresh: Bools, had: Ints) -> Bools:
        """The rows in which the one they have may lose it: a quick look, so that most are done with."""
        kept = cost[np.arange(len(rows)), had]
        new = (fresh & (cost < inf)).any(axis=1)
        policy = self.policy
        least = np.maximum(policy.margin_ms, np.maximum(policy.band_ms, policy.band_share * np.minimum(kept, 1e300)))
        nearer: Bools = cost.min(axis=1) + least < kept
        return np.asarray(new | (~self._fixed(rows) & nearer))

    def _fixed(self, rows: Ints) -> Bools:
        """The rows that nearness does not move now."""
        if self.past.frozen:
            return np.ones(len(rows), dtype=np.bool_)
        return np.asarray(_epoch(self.now) - self.before.moved_s[rows] < self.policy.hold_s)  # NaN is in no hold

    def _field(self, rows: Ints, cost: Floats, fresh: Bools, had: Ints) -> Floats:
        """The costs of those that may take each row, the one it has among them; inf: not one of them."""
        at, policy = np.arange(len(rows)), self.policy
        kept = cost[at, had]
        doubt = self._doubt(rows, cost)
        lost: Bools = kept >= UNKNOWN_MS
        unknown = (cost >= UNKNOWN_MS) | lost[:, None]
        margin = np.where(unknown, 0.0, np.hypot(doubt, doubt[at, had][:, None]))
        band = np.maximum(policy.band_ms, policy.band_share * kept)
        least: Floats = np.where(lost, policy.margin_ms, np.maximum(policy.margin_ms, band))
        nearer: Bools = cost + np.maximum(margin, least[:, None]) < kept[:, None]
        may = fresh | (nearer & ~self._fixed(rows)[:, None])
        may[at, had] = True
        return np.where(may, cost, inf)

    def _doubt(self, rows: Ints, cost: Floats) -> Floats:
        known = np.where(cost < UNKNOWN_MS, cost, 0.0)
        share = self.policy.margin_share * known
        if self.grid.noise_ms is None:
            return share
        noise = self.grid.noise_ms[rows]
        return np.where(noise > 0, self.policy.margin_noise * noise, share)

    def _first(self, rows: Ints, field: Floats) -> Ints:
        """The nearest of each row, or of those within its band the first by score, then cost, then name."""
        near = field.min(axis=1)
        limit = near + np.maximum(self.policy.band_ms, self.policy.band_share * near)
        row, column = np.nonzero(field <= limit[:, None])
        cost = field[row, column]
        starts = np.flatnonzero(np.diff(row, prepend=-1))  # every row has one at least
        mixed = _uniform(self.grid.location_keys[rows[row]], self.grid.server_keys[column])
        scores = self.grid.weights[column] / -np.log(mixed)
        best = scores == np.maximum.reduceat(scores, starts)[row]
        cost = np.where(best, cost, inf)
        hits = np.flatnonzero(cost == np.minimum.reduceat(cost, starts)[row])
        _, first = np.unique(row[hits], return_index=True)
        return np.asarray(column[hits[first]])


def _uniform(locations: NDArray[np.uint64], servers: NDArray[np.uint64]) -> Floats:
    """spread.uniform of pairs."""
    mixed = locations + servers * np.uint64(GOLDEN)
    for shift, factor in MIX:
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(LAST_SHIFT)
    return np.asarray(((mixed >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53)


def _columns(stood: Sequence[Stood], pin: frozenset[Slug]) -> Bools:
    """The boot servers to choose from: the best pool, or those of it that are pinned."""
    pool = _pool(stood)
    pinned = pool & np.array([each.server.name in pin for each in stood], dtype=np.bool_)
    return pinned if pinned.any() else pool


def _pool(stood: Sequence[Stood]) -> Bools:
    best = min((each.standing for each in stood), default=Standing.UNUSABLE)
    return np.array([each.standing is best and best is not Standing.UNUSABLE for each in stood], dtype=np.bool_)


def _moved(before: Choices, index: Ints, pool: Bools, now: datetime) -> Choices:
    moved = (before.index >= 0) & (index != before.index)
    return Choices(index, np.where(moved, _epoch(now), before.moved_s), pool, now)


def _sorted(names: Sequence[Slug]) -> list[int]:
    return sorted(range(len(names)), key=lambda place: names[place])


def _arranged(array: NDArray[np.floating], rows: list[int], columns: list[int]) -> Floats:
    in_order = rows == list(range(len(rows))) and columns == list(range(len(columns)))
    return np.asarray(array if in_order else array[np.ix_(rows, columns)], dtype=np.float64)


def _epoch(at: datetime | None) -> float:
    return float("nan") if at is None else at.timestamp()
