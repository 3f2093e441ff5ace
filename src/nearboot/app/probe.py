"""``nearboot probe serve``: the responder to latency probes, one beside each boot server; and the probes' keys."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from ipaddress import ip_network

from nearboot.app.daemon import FIELDS, run_daemon, say_ready
from nearboot.app.measure import Measures
from nearboot.app.metrics import PROBE, Exposition
from nearboot.app.secret import read_secret
from nearboot.app.watch import measured
from nearboot.config import Config, ProbeConfig
from nearboot.errors import ConfigError
from nearboot.probe.ping_answer import Desk, Terms
from nearboot.probe.ping_packet import Key
from nearboot.probe.ping_server import PingServer
from nearboot.tftp import listening

log = logging.getLogger(__name__)

COUNTS_S = 60.0
"""How often the counters are told, where they moved."""


def serve(config: Config) -> None:
    """Answer probes until SIGTERM or SIGINT."""
    probe = config.probe
    terms = terms_of(probe)
    try:
        sockets = listening(probe.host, probe.port, workers=1)
    except OSError as error:
        raise ConfigError(f"probes: cannot listen on {probe.host} port {probe.port}: {error.strerror}") from error
    desk = Desk(terms, sockets[0].getsockname()[1])
    exposition = Exposition(lambda: Measures(dict(desk.counts)), PROBE)
    with ExitStack() as stack:
        for sock in sockets:
            stack.enter_context(sock)
        metrics = stack.enter_context(
            measured(probe.metrics_listen, exposition, lambda: "", setting="probe.metrics_listen")
        )
        stop = asyncio.Event()
        run_daemon(_serve(sockets, desk, stop, note=f" metrics={metrics.url}" if metrics else ""), stop)


def terms_of(probe: ProbeConfig) -> Terms:
    """On what terms the settings answer; ConfigError where they name none."""
    try:
        allowed = tuple(ip_network(text) for text in probe.allow)
    except ValueError as error:
        raise ConfigError(f"probe.allow: {error}; expected prefixes as 10.0.0.0/8 or 2001:db8::/32") from error
    return Terms(keys_of(probe), probe.plain, allowed, probe.answers_per_second, probe.max_skew_s)


def keys_of(probe: ProbeConfig) -> tuple[Key, ...]:
    """The keys that the settings refer to; ConfigError where one cannot be had, or is too short."""
    found = []
    for reference in probe.keys:
        try:
            found.append(Key.of(read_secret(reference)))
        except ValueError as error:
            raise ConfigError(f"probe.keys: {reference}: {error}") from error
    return tuple(found)


async def _serve(sockets: Sequence[socket.socket], desk: Desk, stop: asyncio.Event, *, note: str) -> None:
    host, port = sockets[0].getsockname()[:2]
    terms = desk.terms
    kinds = [*(["signed"] if terms.keys else []), *(["plain"] if terms.takes_plain else [])]
    with PingServer(sockets, desk):
        if not terms.keys:
            log.warning("probes are not authenticated: set probe.keys, or --key")
        say_ready(f"probe on {host} port {port} answers {' and '.join(kinds)} probes{note}")
        told: dict[str, int] = {}
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), COUNTS_S)
            told = _tell(desk, told)


def _tell(desk: Desk, told: dict[str, int]) -> dict[str, int]:
    """One line of the log with all counters since the start that are not 0, where one moved."""
    counts = {name: count for name, count in desk.counts.items() if count}
    if counts != told:
        log.info("probes %s", " ".join(f"{name}={count}" for name, count in counts.items()), extra={FIELDS: counts})
    return counts
