"""``nearboot probe run``: the pinger, which makes latency maps of what the responders answer.

Its map is one source of edges, from where it stands to the boot servers' places. It goes into a folder that ``latency
load`` or a controller reads, or is loaded at once; a pinger that hears of nobody publishes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TypeVar

from nearboot.app import boot_server, latency
from nearboot.app.daemon import FIELDS, run_daemon, say_ready
from nearboot.app.database import reading
from nearboot.app.fetch import replacing
from nearboot.app.latency_document import SUFFIX, Document, map_key
from nearboot.app.probe import keys_of
from nearboot.config import Config, ProbeConfig
from nearboot.errors import ConfigError, Fault, InputError, NearbootError, NotFoundError
from nearboot.inventory import store
from nearboot.latency import signature
from nearboot.model import AdminState, BootServer, Location
from nearboot.model.place import parents_of, upwards
from nearboot.probe import ping_target
from nearboot.probe.ping_client import Lines, Pacing, run_round
from nearboot.probe.ping_report import Pair, Summary, edge_list, heard, is_alone, pairs, summary
from nearboot.probe.ping_round import Round, Target

log = logging.getLogger(__name__)

T = TypeVar("T")

DEAF = "no target answers: this pinger's own network is suspect, or its key is not theirs"
SWEEP_S = 0.1
"""Between two probes to a target where one round is all."""
SPREAD = 0.9
"""The share of an interval that its probes are spread over."""
VALID_ROUNDS, MIN_VALID_S = 10, 900.0
"""How long a signed map holds."""
STDOUT = Path("-")
SOURCE = re.compile(r"[A-Za-z0-9_][\w.-]{0,99}\Z")


@dataclass(frozen=True, slots=True)
class Pinging:
    """From where to where, and what for. One of ``location`` and ``me`` (a boot server's name) is needed."""

    location: str | None = None
    me: str | None = None
    names: tuple[str, ...] = ()  # boot servers, or places for all that stand there; none: all but this place's
    file: Path | None = None  # targets, in place of the inventory's
    families: tuple[int, ...] = (4, 6)
    publish: Path | None = None  # a folder, a file, or - for stdout
    source: str | None = None  # who publishes; None: probe-LOCATION
    load: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """A round: each target's line, the pairs that are published and the map as text; or why there is none."""

    summaries: tuple[Summary, ...]
    pairs: tuple[Pair, ...]
    text: str
    counts: Mapping[str, int]
    trouble: str = ""
    loaded: latency.Loaded | None = None


def ping_once(config: Config, how: Pinging, clock: Callable[[], datetime]) -> Measured:
    """One round, as fast as its probes keep apart; published and loaded where ``how`` says so."""
    pinger = Pinger(config, how, clock)
    with _lines(config.probe) as lines:
        pacing = pinger.pacing(spread_s=min(SWEEP_S * config.probe.probes, config.probe.interval_s))
        round_ = asyncio.run(run_round(lines, pinger.targets(), pacing, key=pinger.key, chance=pinger.chance))
    return pinger.finish(round_)


def ping(config: Config, how: Pinging, clock: Callable[[], datetime]) -> None:
    """Round after round until SIGTERM or SIGINT."""
    pinger = Pinger(config, how, clock)
    found = pinger.targets()
    stop = asyncio.Event()
    with _lines(config.probe) as lines:
        ready = f"probe run from {pinger.location} to {len(found)} targets every {config.probe.interval_s:g} s"
        run_daemon(_ping(pinger, lines, found, stop, ready), stop)


class Pinger:
    """What one pinger is: where it stands, its key, its targets, and what it does with a round."""

    def __init__(self, config: Config, how: Pinging, clock: Callable[[], datetime]) -> None:
        self.key = next(iter(keys_of(config.probe)), None)
        self.chance = SystemRandom()
        self.location = _standing(config, how)
        self.source = how.source or f"probe-{self.location}"
        if not SOURCE.match(self.source):
            raise ConfigError(
                f"the source {self.source!r}; expected letters, digits, dots and hyphens: it names a file"
            )
        self.interval_s, self.timeout_s = config.probe.interval_s, config.probe.timeout_s
        self._config, self._how, self._clock = config, how, clock

    def targets(self) -> list[Target]:
        """The targets of the file or of the inventory as they are now; InputError where there are none."""
        how, port = self._how, self._config.probe.port
        if how.file:
            return ping_target.parse(str(how.file), _text(how.file), port=port, families=how.families)
        with reading(self._config) as session:
            servers = _chosen(how.names, store.boot_servers(session), store.locations(session), self.location)
        found = ping_target.of_boot_servers(servers, port=port, families=how.families)
        if not found:
            what = f"no boot server with an address away from {self.location}"
            raise InputError([Fault("the inventory", 0, "boot_servers", what, "a target to probe")])
        return found

    def pacing(self, *, spread_s: float, number: int = 0) -> Pacing:
        """How a round is spread; each round begins at the next line."""
        probe = self._config.probe
        first = number * (probe.probes + 1)
        return Pacing(probe.probes, spread_s, probe.probes_per_second, probe.timeout_s, first)

    def finish(self, round_: Round) -> Measured:
        """Turn a round into a map, publish and load it."""
        found = pairs(list(round_.tallies.items()))
        lines = tuple(summary(target, tally) for target, tally in round_.tallies.items())
        if not any(pair.location != self.location for pair in found):
            return Measured(lines, (), "", round_.counts, "no probe could be sent to another place")
        if is_alone(found):
            return Measured(lines, (), "", round_.counts, DEAF)
        said = heard(found)
        text = edge_list(self.location, said, self._clock())
        proof = self._signature(text)
        self._publish(text, proof)
        loaded = self._load(text, proof) if self._how.load else None
        return Measured(lines, tuple(said), text, round_.counts, loaded=loaded)

    def _publish(self, text: str, proof: str | None) -> None:
        where = self._how.publish
        if where == STDOUT:
            print(text, end="", flush=True)
        elif where:
            path = where / f"{self.source}.csv" if where.is_dir() else where
            if proof is not None:  # first: a map without its signature is refused, one with the last map's too
                _write(path.with_name(path.name + SUFFIX), proof)
            _write(path, text)

    def _load(self, text: str, signature: str | None) -> latency.Loaded:
        """As ``latency load`` does: the guards hold for pingers too."""
        document = Document(f"{self.source}.csv", text.encode(), signature)
        how = latency.Reading(self.source, "edges")
        return latency.ingest(self._config, document, how, dry_run=False, actor="probe", now=self._clock())

    def _signature(self, text: str) -> str | None:
        """What proves the map, where ``latency.signing_key`` is set: it holds while the next rounds may be late."""
        if not self._config.latency.signing_key:
            return None
        valid_s = max(MIN_VALID_S, VALID_ROUNDS * self.interval_s)
        return signature.sign(
            text.encode(), map_key(self._config), source=self.source, now=self._clock(), valid_s=valid_s
        )


async def _ping(pinger: Pinger, lines: Lines, found: list[Target], stop: asyncio.Event, ready: str) -> None:
    say_ready(ready)
    number = 0
    began = time.monotonic()
    interval_s, timeout_s = pinger.interval_s, pinger.timeout_s
    while not stop.is_set():
        spread_s = max(0.0, SPREAD * interval_s - timeout_s)
        probing = run_round(
            lines, found, pinger.pacing(spread_s=spread_s, number=number), key=pinger.key, chance=pinger.chance
        )
        round_ = await unless(stop, probing)
        if round_ is None:
            return  # half a round says too little
        if (done := await _tried(pinger, partial(pinger.finish, round_))) is not None:
            _tell(pinger, done)
        found = await _tried(pinger, pinger.targets) or found  # those of before while the database is away
        number += 1
        # Rounds keep their times; one that took longer than the interval is followed at once.
        late_s = time.monotonic() - began
        began += max(interval_s, late_s // interval_s * interval_s)
        await unless(stop, asyncio.sleep(max(0.0, began - time.monotonic())))


async def _tried(pinger: Pinger, step: Callable[[], T]) -> T | None:
    """What a step gives; None where it failed, which is told: the next round may fare better."""
    try:
        return await asyncio.to_thread(step)
    except NearbootError as error:
        log.error("source=%s %s", pinger.source, "; ".join(str(error).splitlines()))
        return None


async def unless(stop: asyncio.Event, main: Coroutine[object, object, T]) -> T | None:
    """What the coroutine gives; None where ``stop`` is set before: it is cancelled then."""
    task, stopping = asyncio.ensure_future(main), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for each in (task, stopping):
            each.cancel()
        await asyncio.gather(task, stopping, return_exceptions=True)


def _tell(pinger: Pinger, done: Measured) -> None:
    """One line of the log for a round, and one for each target that is silent."""
    sent, received = (sum(getattr(item, name) for item in done.summaries) for name in ("sent", "received"))
    epoch = f" epoch={done.loaded.epoch} {done.loaded.state.value}" if done.loaded else ""
    said = {
        "source": pinger.source,
        "targets": len(done.summaries),
        "sent": sent,
        "received": received,
        "pairs": len(done.pairs),
        **{name: count for name, count in sorted(done.counts.items()) if name != "taken"},
    }
    log.info("round %s%s", " ".join(f"{name}={value}" for name, value in said.items()), epoch, extra={FIELDS: said})
    for item in done.summaries:
        if not item.received:
            target, why = item.target, f" ({item.problem})" if item.problem else ""
            log.warning("silent place=%s target=%s address=%s%s", target.location, target.name, target.host, why)
    for reason in done.loaded.held if done.loaded else ():
        log.warning("source=%s held: %s", pinger.source, reason.text)
    if done.trouble:
        log.warning("source=%s nothing is published: %s", pinger.source, done.trouble)


def _lines(probe: ProbeConfig) -> Lines:
    """The pinger's sockets, entered by who uses them."""
    return Lines(base=probe.source_port, count=probe.source_ports, tclass=probe.tclass)


def _standing(config: Config, how: Pinging) -> str:
    """The place that the pinger stands at: the boot server's, or the one that was named."""
    if (how.location is None) == (how.me is None):
        raise ConfigError("where does this pinger stand? Say it by one of --location PLACE and --boot-server NAME")
    if how.me is not None:
        with reading(config) as session:
            return boot_server.named(session, how.me).location
    assert how.location is not None
    if how.file is None:  # with a file of targets no database is needed
        with reading(config) as session:
            _check_place(how.location, store.locations(session))
    return how.location


def _check_place(name: str, locations: Sequence[Location]) -> None:
    known = [str(location.slug) for location in locations]
    if name not in known:
        raise NotFoundError("location", name, get_close_matches(name, known, 3))


def _chosen(
    names: Sequence[str], servers: Sequence[BootServer], locations: Sequence[Location], here: str
) -> list[BootServer]:
    """The boot servers that are meant: by their names, or the places at or below which they stand; none: all others."""
    usable = [server for server in servers if server.state is not AdminState.DISABLED]
    if not names:
        return [server for server in usable if server.location != here]
    parents = parents_of(locations)
    within = {server.name: {str(server.name), *map(str, upwards(server.location, parents))} for server in servers}
    for name in names:
        if not any(name in each for each in within.values()):
            known = sorted({each for names in within.values() for each in names})
            raise NotFoundError("boot server or location with one", name, get_close_matches(name, known, 3))
    return [server for server in servers if within[server.name] & set(names)]


def _write(path: Path, text: str) -> None:
    """Replace a file at once or not at all."""
    try:
        with replacing(path.absolute()) as file:
            file.write(text.encode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else "not UTF-8"
        raise InputError([Fault(str(file), 0, "", why, "a file of targets")]) from error
