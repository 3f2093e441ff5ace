"""Probing the boot servers: a real read from each, the result kept in the database for the routes.

``check`` is one look by hand, which counts at once. ``serve`` is a standing prober: it looks every few seconds from its
vantage, and some bad or good reads in a row turn what it says of a boot server.

    results = check(config, (), vantage="laptop", clock=utc_now)
    serve(config, vantage="ams", every_s=5.0)            # until SIGTERM
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from random import Random

from nearboot.app import boot_server, files
from nearboot.app.daemon import run_daemon, say_ready
from nearboot.app.database import reading, writing
from nearboot.app.health_verdict import believed, counts
from nearboot.config import Config
from nearboot.errors import ConfigError, NearbootError
from nearboot.inventory import route_store, store
from nearboot.model import Health, HealthSample, Reason
from nearboot.probe.health_runner import Reading, probe_all
from nearboot.probe.health_verdict import Counts, Judged, settled

log = logging.getLogger(__name__)

ANY = "any"
JITTER = 0.2
"""Rounds are this share shorter or longer by chance, so that probers do not come to march in step."""


@dataclass(frozen=True, slots=True)
class Round:
    """One look at all boot servers. ``turned``: those that this vantage calls up or down from now on."""

    results: tuple[Health, ...]
    turned: tuple[HealthSample, ...] = ()
    distrust: Reason | None = None
    """Why this vantage does not count; None: it does."""


def check(config: Config, names: tuple[str, ...], *, vantage: str, clock: Callable[[], datetime]) -> list[Health]:
    """Probe the named boot servers (none named: all), and store what was found; it counts without more reads."""
    how = reading_of(config, attempts=config.health.attempts)
    with reading(config) as session:
        found = [boot_server.named(session, name) for name in names] or list(store.boot_servers(session))
    results = asyncio.run(probe_all(found, how, vantage=vantage, clock=clock))
    with writing(config) as session:
        route_store.add_checks(session, results)
    return results


def verdict(config: Config, now: datetime) -> Judged:
    """What is believed of each boot server after all that the vantages saw."""
    with reading(config) as session:
        return believed(session, config, store.boot_servers(session), now)


def reading_of(config: Config, *, attempts: int = 1) -> Reading:
    """What the configuration has read; ConfigError where ``health.sha256`` is no checksum."""
    health, wanted = config.health, config.health.sha256.strip().lower()
    if wanted not in ("", ANY) and not re.fullmatch("[0-9a-f]{64}", wanted):
        raise ConfigError(f"health.sha256: found {health.sha256!r}, expected 64 hexadecimal digits, 'any', or nothing")
    expected = {"": sha256(files.HEALTH_CONTENT).hexdigest(), ANY: ""}.get(wanted, wanted)
    return Reading(health.file, expected, health.timeout_s, attempts, health.http)


def serve(config: Config, *, vantage: str, every_s: float) -> None:
    """Look again and again until SIGTERM or SIGINT."""
    how = reading_of(config)
    with reading(config):
        pass  # a database that is not there is told at the start; later it is waited for
    stop = asyncio.Event()
    run_daemon(_serve(config, how, vantage, every_s, stop), stop)


async def look(config: Config, how: Reading, *, vantage: str, clock: Callable[[], datetime]) -> Round:
    """One round of the prober: read from all boot servers and store what that makes of them."""
    with reading(config) as session:
        found = store.boot_servers(session)
    results = await probe_all(found, how, vantage=vantage, clock=clock)
    settle = partial(_settle, counts=counts(config))
    with writing(config) as session:
        stored = route_store.add_checks(session, results, settle)
        judged = believed(session, config, found, clock())
    turned = tuple(sample for before, sample in stored if sample.up is not (True if before is None else before))
    return Round(tuple(results), turned, judged.distrusted.get(vantage))


def tell(done: Round, before: Round | None) -> None:
    """A log line for each boot server that turned, and for a vantage that begins or ceases to distrust itself."""
    for sample in done.turned:
        say, word = (log.info, "up") if sample.up else (log.warning, "down")
        check = sample.check
        say("boot server %s: boot_server=%s vantage=%s reads_in_a_row=%d %s", word, check.boot_server, check.vantage,
            sample.streak, check.detail)  # fmt: skip
    was = before.distrust if before else None
    if done.distrust and not was:
        log.warning("vantage distrusted: %s", done.distrust.text)
    elif was and not done.distrust:
        log.info("vantage trusted again: what it sees counts")


async def _serve(config: Config, how: Reading, vantage: str, every_s: float, stop: asyncio.Event) -> None:
    say_ready(f"health checks from {vantage} every {every_s:g} s")
    chance, before, trouble = Random(), None, ""
    while not stop.is_set():
        started = time.monotonic()
        try:
            done = await look(config, how, vantage=vantage, clock=lambda: datetime.now(UTC))
            tell(done, before)
            before, trouble = done, ""
        except NearbootError as error:  # most likely the database is away
            if str(error) != trouble:
                log.warning("a round of health checks was lost: %s", error)
            trouble = str(error)
        except Exception:  # the top of a daemon: the next round may do better
            log.exception("a round of health checks was lost")
        rest_s = every_s * chance.uniform(1 - JITTER, 1 + JITTER) - (time.monotonic() - started)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.0, rest_s))


def _settle(before: bool | None, healthy: bool, streak: int, *, counts: Counts) -> bool:
    return settled(before, healthy=healthy, streak=streak, counts=counts)
