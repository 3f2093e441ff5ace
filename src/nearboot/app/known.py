"""Which addresses are of clients of ours: what the setting ``tftp.known_only`` lets ``serve tftp`` answer.

Known are the addresses that the inventory gives to a server or a boot server, those that are leased to a server at the
time, and this machine's own loopback. The data plane looks into a set; a thread reads that set anew from the database
every few seconds, and sooner when an address was missed, so that a client whose lease is new is served when it asks
again. While the database is away the last set holds.

    with known_clients(config, engine) as known:
        TftpServer(..., known=known)
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from nearboot.config import Config
from nearboot.errors import NearbootError
from nearboot.inventory import known_store
from nearboot.inventory.known_store import KnownLease
from nearboot.inventory.schema_store import reading

log = logging.getLogger(__name__)

EVERY_S = 5.0
"""A reading takes 0.15 s for 20,000 servers with 80,000 addresses and 40,000 leases (SQLite)."""
SOONEST_S = 0.25
"""After a miss; GRUB and PXELINUX ask again within half a second, the others later."""
SHARE = 0.05
"""Of its time the thread reads at most so much: whoever floods us with forged addresses must not slow the transfers."""
SAY_AGAIN_S = 10.0
OVERLAP = 5000
"""Events whose numbers are looked at again: PostgreSQL numbers them before they are committed, so a larger one may be
seen first."""

Read = Callable[[], frozenset[str]]


@contextmanager
def known_clients(config: Config, engine: Engine) -> Iterator[KnownClients | None]:
    """The hook of the setting ``tftp.known_only``, with its thread; None where that is not set."""
    if not config.tftp.known_only:
        yield None
        return
    lifetime = timedelta(seconds=config.kea.valid_lifetime_s)
    clients = KnownClients(ClientAddresses(engine, longest_lease=lifetime))
    clients.start()
    try:
        yield clients
    finally:
        clients.close()


class KnownClients:
    """Says of an address whether it is known, without blocking. ``read`` gives all that are."""

    def __init__(self, read: Read, *, every_s: float = EVERY_S, soonest_s: float = SOONEST_S) -> None:
        self._read = read
        self._every_s, self._soonest_s = every_s, soonest_s
        self._addresses: frozenset[str] = frozenset()
        self._missed: str | None = None
        self._wanted = threading.Event()
        self._closing = threading.Event()
        self._is_away = False
        self._said_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="nearboot-known", daemon=True)

    def __call__(self, address: str) -> bool:
        """Called on the data plane for each request."""
        if address in self._addresses:
            return True
        if _is_loopback(address):
            return True
        self._missed = address
        if not self._wanted.is_set():
            self._wanted.set()
        return False

    def __len__(self) -> int:
        """How many addresses are known."""
        return len(self._addresses)

    def start(self) -> None:
        """Read the first set, and go on in a thread; the errors of the first reading are the caller's."""
        self._addresses = self._read()
        log.info("known clients only: addresses=%d", len(self))
        self._thread.start()

    def close(self) -> None:
        """End the thread; idempotent."""
        self._closing.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def refresh(self) -> None:
        """Read the set anew; the old one stays where the database does not answer, which is said once."""
        missed, self._missed = self._missed, None
        try:
            self._addresses = self._read()
        except NearbootError as error:
            if not self._is_away:
                log.warning("known clients: the last %d addresses hold, since %s", len(self), error)
            self._is_away = True
            return
        if self._is_away:
            log.info("known clients: the database answers again, addresses=%d", len(self))
        self._is_away = False
        if missed is not None and missed not in self._addresses:
            self._say_unknown(missed)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wanted.wait(self._every_s)
            self._wanted.clear()
            if self._closing.is_set():
                return
            began = time.monotonic()
            try:
                self.refresh()
            except Exception:  # whatever it is, the clients that are known go on being served
                log.exception("known clients: the last %d addresses hold", len(self))
            self._closing.wait(max(self._soonest_s, (time.monotonic() - began) / SHARE))

    def _say_unknown(self, address: str) -> None:
        """One of those that get no answer, now and then: an operator may look for it."""
        now = time.monotonic()
        if now - self._said_at > SAY_AGAIN_S:
            self._said_at = now
            log.info("client=%s is not known: it gets no answer (tftp.known_only)", address)


class ClientAddresses:
    """Reads the addresses of the inventory's servers and boot servers, and those leased to its servers.

    Leases are read once and then by their numbers; those older than ``longest_lease`` are not looked for at the start:
    whoever boots has just got or renewed one.
    """

    def __init__(self, engine: Engine, *, longest_lease: timedelta) -> None:
        self._engine = engine
        self._longest = longest_lease
        self._leases: dict[str, KnownLease] = {}
        self._newest = 0

    def __call__(self) -> frozenset[str]:
        return self.read(datetime.now(UTC))

    def read(self, now: datetime) -> frozenset[str]:
        """All addresses that are known at a time; DatabaseError changes nothing."""
        with reading(self._engine) as session:
            servers, fixed = known_store.fixed_addresses(session)
            boot_servers = known_store.boot_server_addresses(session)
            after = max(0, self._newest - OVERLAP)
            leases = known_store.leases_known(session, since=now - self._longest, after=after)
        self._take(leases, now)
        leased = {lease.address for lease in self._leases.values() if lease.server in servers and lease.holds(now)}
        return fixed.union(boot_servers, leased)

    def _take(self, leases: list[KnownLease], now: datetime) -> None:
        """The newest lease of an address says whose it is; one that is over is forgotten when it is not read again."""
        for lease in leases:
            before = self._leases.get(lease.address)
            if before is None or (before.at, before.number) <= (lease.at, lease.number):
                self._leases[lease.address] = lease
            self._newest = max(self._newest, lease.number)
        again = self._newest - OVERLAP
        self._leases = {
            address: lease for address, lease in self._leases.items() if lease.holds(now) or lease.number > again
        }


def _is_loopback(address: str) -> bool:
    """Nobody outside can forge it; it is the operator who tries this server from this machine."""
    return address.startswith("127.") or address == "::1"
