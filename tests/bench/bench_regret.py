"""What missing measurements cost: the regret of choosing by the ladder's estimates, on 241 real cities.

Not a test: it prints tables. 15 boot-server cities are drawn by seed, 30 % and 70 % of the pairs hidden (both
directions at once, or each by itself). Every other city chooses the boot server that costs least by the ladder; regret
is what its round trip is longer than that of the best one, as a mean over 10 seeds. "to boot servers": the map has
pairs of a city and a boot server alone; "mesh": of all cities.

    python tests/bench/bench_regret.py FOLDER_WITH_THE_CSV_FILES [SEEDS]
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import fmean, median, quantiles
from time import perf_counter

from nearboot.latency.estimate import Ladder
from nearboot.latency.guard import check
from nearboot.latency.place import Places
from nearboot.model import Estimate, LatencyMap, LatencySample, Location, LocationKind, Slug

NOW = datetime(2018, 11, 10, 13, tzinfo=UTC)
BOOT_SERVERS = 15
Believe = Callable[[Slug, Slug], Estimate]
Pair = tuple[Slug, Slug]


@dataclass(frozen=True, slots=True)
class Trial:
    """One draw: what is known, and what is true."""

    samples: tuple[LatencySample, ...]
    places: tuple[Location, ...]
    distrusted: frozenset[Slug]
    boot_servers: tuple[Slug, ...]
    truth: dict[Pair, float]


@dataclass(frozen=True, slots=True)
class Score:
    """Of one method and one draw. ``regrets``: by the rung of the chosen path; ``errors``: of the hidden pairs."""

    regrets: dict[str, list[float]]
    errors: dict[str, list[float]]


def main(folder: Path, seeds: int) -> None:
    """Every method under every way of hiding."""
    world = _world(folder)
    for mesh in (False, True):
        for directions in (False, True):
            for hidden in (0.3, 0.7):
                where = "mesh" if mesh else "to boot servers"
                what = "directions" if directions else "pairs"
                print(f"\n{where}, {hidden:.0%} of {what} hidden, {seeds} seeds: ms")
                print(f"{'':34}{'regret':>8}{'p95':>7}{'error':>8}   regret by the rung of the choice (choices)")
                trials = [_trial(world, seed, hidden, mesh=mesh, directions=directions) for seed in range(seeds)]
                for name, method in METHODS.items():
                    begun = perf_counter()
                    scores = [_score(trial, method(trial)) for trial in trials]
                    _print(name, scores, (perf_counter() - begun) / seeds)


def _world(folder: Path) -> tuple[LatencyMap, tuple[Location, ...], frozenset[Slug]]:
    with (folder / "cities_2018.csv").open(newline="") as file:
        places = tuple(
            Location(
                _slug(row["city"]), LocationKind.SITE, latitude=float(row["Lat"]), longitude=float(row["Long"])
            )
            for row in csv.DictReader(file)
        )  # fmt: skip
    known = {place.slug for place in places}
    with (folder / "wondernetwork_2018-11_pairs.csv").open(newline="") as file:
        samples = tuple(
            LatencySample(_slug(row["src"]), _slug(row["dst"]), float(row["avg_ms"]), float(row["min_ms"]))
            for row in csv.DictReader(file)
            if {_slug(row["src"]), _slug(row["dst"])} <= known and row["src"] != row["dst"] and float(row["avg_ms"]) > 0
        )
    guarded = check(LatencyMap("wondernetwork", NOW, samples), places, now=NOW)
    return guarded.map, places, guarded.distrusted


def _slug(city: str) -> Slug:
    return Slug(city.lower().replace(" ", "-"))


def _trial(
    world: tuple[LatencyMap, tuple[Location, ...], frozenset[Slug]],
    seed: int,
    hidden: float,
    *,
    mesh: bool,
    directions: bool,
) -> Trial:
    latency_map, places, distrusted = world
    random = Random(seed)
    truth = {(s.src, s.dst): s.rtt_ms for s in latency_map.samples if s.rtt_ms is not None}
    often = sorted(p.slug for p in places if sum(key[1] == p.slug for key in truth) > 0.8 * len(places))
    boot_servers = tuple(random.sample(often, BOOT_SERVERS))
    drawn = {pair: random.random() for pair in sorted({*truth, *((b, a) for a, b in truth)})}
    samples = tuple(
        s
        for s in latency_map.samples
        if drawn[(s.src, s.dst) if directions else (min(s.src, s.dst), max(s.src, s.dst))] >= hidden
        and (mesh or s.dst in boot_servers or (directions and s.src in boot_servers))
    )
    return Trial(samples, places, distrusted, boot_servers, truth)


def _score(trial: Trial, believe: Believe) -> Score:
    known = {(s.src, s.dst) for s in trial.samples}
    regrets, errors = defaultdict(list), defaultdict(list)
    for place in (place.slug for place in trial.places if place.slug not in trial.boot_servers):
        there = [server for server in trial.boot_servers if (place, server) in trial.truth]
        if len(there) < BOOT_SERVERS - 3:  # a city that hardly measured has no truth to compare with
            continue
        found = {server: believe(place, server) for server in there}
        chosen = min(there, key=lambda server: (_cost(found[server]), server))
        best = min(trial.truth[place, server] for server in there)
        regrets[found[chosen].rung].append(trial.truth[place, chosen] - best)
        for server, estimate in found.items():
            if (place, server) not in known and estimate.rtt_ms is not None:
                errors[estimate.rung].append(abs(estimate.rtt_ms / trial.truth[place, server] - 1))
    return Score(dict(regrets), dict(errors))


def _cost(estimate: Estimate) -> float:
    return float("inf") if estimate.rtt_ms is None else estimate.rtt_ms * (1 + estimate.penalty)


def _print(name: str, scores: Sequence[Score], seconds: float) -> None:
    means = [fmean(_flat(score.regrets.values())) for score in scores]
    every = [regret for score in scores for regret in _flat(score.regrets.values())]
    errors = [error for score in scores for error in _flat(score.errors.values())]
    rungs = sorted({rung for score in scores for rung in score.regrets}, key=RUNGS.index)
    told = []
    for rung in rungs:
        of_rung = [regret for score in scores for regret in score.regrets.get(rung, [])]
        told.append(f"{rung} {fmean(of_rung):.1f} ({len(of_rung)})")
    error = f"{median(errors):.3f}" if errors else "-"
    print(
        f"{name:34}{fmean(means):8.2f}{quantiles(every, n=20)[-1]:7.1f}{error:>8}   {', '.join(told)}; {seconds:.1f} s"
    )


def _flat(lists: Iterable[Sequence[float]]) -> list[float]:
    return [value for values in lists for value in values]


def _ladder(trial: Trial, places: Sequence[Location] | None = None) -> Ladder:
    latency_map = LatencyMap("wondernetwork", NOW, trial.samples)
    return Ladder.of([latency_map], places or trial.places, now=NOW, distrusted=trial.distrusted)


def _whole(trial: Trial) -> Believe:
    ladder = _ladder(trial)
    return lambda a, b: ladder.estimate(a, b, family=4)


def _by_distance(trial: Trial) -> Believe:
    ladder = replace(_ladder(trial), neighbours=None)
    return lambda a, b: ladder.estimate(a, b, family=4)


def _measured(trial: Trial) -> Believe:
    bare = [replace(place, latitude=None, longitude=None) for place in trial.places]
    ladder = _ladder(trial, bare)
    return lambda a, b: ladder.estimate(a, b, family=4)


def _rows(trial: Trial) -> Believe:
    """The median of the three nearest cities, within 1,500 km, that measured the boot server."""
    ladder, places = replace(_ladder(trial), neighbours=None), Places.of(trial.places)
    to: dict[Slug, dict[Slug, float]] = defaultdict(dict)
    for s in trial.samples:
        if s.rtt_ms is not None:
            to[s.dst][s.src] = s.rtt_ms

    def believe(a: Slug, b: Slug) -> Estimate:
        found = ladder.estimate(a, b, family=4)
        if found.rung != "geo":
            return found
        near = sorted((places.distance_km(a, other) or 0.0, rtt) for other, rtt in to[b].items() if other != a)
        three = [rtt for km, rtt in near[:3] if km < 1500]
        return Estimate(median(three), 0.0, "rows", penalty=0.15) if three else found

    return believe


METHODS: dict[str, Callable[[Trial], Believe]] = {
    "measured and reverse alone": _measured,
    "and distance": _by_distance,
    "and the three nearest rows": _rows,
    "the ladder, with neighbours": _whole,
}
RUNGS = ("measured", "reverse", "rows", "neighbours", "geo", "default")

if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10)
