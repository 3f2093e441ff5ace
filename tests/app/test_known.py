"""The set of known clients: what is in it, when it is read anew, and what a database that is away does to it."""

from __future__ import annotations

import ctypes
import logging
import os
import queue
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from nearboot.app import inventory
from nearboot.app.known import ClientAddresses, KnownClients
from nearboot.config import Config
from nearboot.errors import DatabaseError
from nearboot.inventory import boot_store, schema_store
from nearboot.inventory.schema_store import writing
from nearboot.model import Event, EventKind

HOUR = timedelta(hours=1)
FIXED = {"127.0.0.1", "127.0.0.9", "127.0.0.5"}  # of two servers and two boot servers
POOL = "198.51.100.20"
NEVER = 1e6
"""A pause that no test sees the end of."""


@pytest.fixture
def opened(fleet: Config) -> Iterator[Engine]:
    engine = schema_store.open_engine(fleet.database)
    yield engine
    engine.dispose()


@pytest.fixture
def addresses(opened: Engine) -> ClientAddresses:
    return ClientAddresses(opened, longest_lease=HOUR)


def leased(engine: Engine, at: datetime, server: str | None = "lo-01", address: str = POOL) -> None:
    detail = {"valid_lifetime_s": 3600}
    with writing(engine) as session:
        boot_store.add_event(session, Event(at, EventKind.DHCP_LEASE, server=server, subject=address, detail=detail))


def test_servers_and_boot_servers_are_known(addresses: ClientAddresses, now: datetime) -> None:
    assert addresses.read(now) == FIXED


def test_a_lease_makes_an_address_known_for_its_lifetime(
    addresses: ClientAddresses, opened: Engine, now: datetime
) -> None:
    """Whether it was there at the start or came later; a renewal makes it longer."""
    leased(opened, now - HOUR / 2)
    assert addresses.read(now) == FIXED | {POOL}
    leased(opened, now, address="198.51.100.21")
    assert addresses.read(now) == FIXED | {POOL, "198.51.100.21"}
    leased(opened, now + HOUR / 4)
    assert addresses.read(now + HOUR * 1.2) == FIXED | {POOL}
    assert addresses.read(now + HOUR * 1.3) == FIXED


def test_a_strangers_lease_makes_nobody_known_and_ends_what_was(
    addresses: ClientAddresses, opened: Engine, now: datetime
) -> None:
    """The newest assignment of an address says whose it is, also when older ones are read again."""
    leased(opened, now, server=None)
    leased(opened, now, address="198.51.100.21")
    assert addresses.read(now) == FIXED | {"198.51.100.21"}
    leased(opened, now + HOUR / 60, server=None, address="198.51.100.21")
    for minutes in (1, 2, 59, 60, 61):
        assert addresses.read(now + HOUR * minutes / 60) == FIXED


def test_a_lease_that_is_noticed_late_does_not_go_before_a_newer_one(
    addresses: ClientAddresses, opened: Engine, now: datetime
) -> None:
    """Their order is that of the assignments, not of the book."""
    leased(opened, now, server=None)
    assert addresses.read(now) == FIXED
    leased(opened, now - HOUR / 60, server="lo-01")
    assert addresses.read(now) == FIXED


def test_a_server_that_is_removed_is_not_known_any_more(
    addresses: ClientAddresses, opened: Engine, fleet: Config, now: datetime
) -> None:
    """Neither its own addresses nor the one that it has leased."""
    leased(opened, now, server="lo-02")
    assert addresses.read(now) == FIXED | {POOL}
    file = next(path for path in fleet.root.parent.glob("fleet.yaml"))
    begin, end = file.read_text().index("  - name: lo-02"), file.read_text().index("subnets:")
    file.write_text(file.read_text()[:begin] + file.read_text()[end:])
    inventory.load(fleet, [str(file)], prune=True, dry_run=False, actor="ada", now=now)
    assert addresses.read(now) == FIXED - {"127.0.0.9"}


class Book:
    """A database of one's own making: ``say`` what the next reading finds, ``read`` tells that it was asked."""

    def __init__(self) -> None:
        self.answer: frozenset[str] | Exception = frozenset({"192.0.2.1"})
        self.asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    def __call__(self) -> frozenset[str]:
        self.asked.put(None)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def book() -> Book:
    return Book()


Clients = Callable[..., KnownClients]


@pytest.fixture
def clients(book: Book) -> Iterator[Clients]:
    """Known clients of the book, with their thread; ended with the test."""
    made: list[KnownClients] = []

    def make(*, every_s: float = NEVER, soonest_s: float = 0.0) -> KnownClients:
        made.append(KnownClients(book, every_s=every_s, soonest_s=soonest_s))
        made[-1].start()
        book.asked.get(timeout=10)
        return made[-1]

    yield make
    for each in made:
        each.close()
        each.close()


def test_the_set_is_there_before_the_first_request(clients: Clients) -> None:
    known = clients()
    assert known("192.0.2.1")
    assert not known("192.0.2.2")
    assert not known("2001:db8::1")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_is_always_known(clients: Clients, book: Book, address: str) -> None:
    """Nobody outside can forge its loopback; no reading is asked for."""
    assert clients()(address)
    assert book.asked.empty()


def test_a_miss_brings_a_reading(clients: Clients, book: Book) -> None:
    """The client whose lease is new is known when it asks again."""
    known = clients()
    book.answer = frozenset({"192.0.2.2"})
    assert not known("192.0.2.2")
    book.asked.get(timeout=10)
    known.close()  # the reading under way is over then
    assert known("192.0.2.2")
    assert not known("192.0.2.1")


def test_the_set_is_read_anew_all_the_time(clients: Clients, book: Book) -> None:
    """Without any miss: an address may have been taken away."""
    clients(every_s=0.01)
    for _ in range(5):
        book.asked.get(timeout=10)


def test_misses_bring_no_more_readings_than_the_pause_allows(clients: Clients, book: Book) -> None:
    """A flood of forged addresses costs the database one reading in a while."""
    known = clients(soonest_s=NEVER)
    known("203.0.113.1")
    book.asked.get(timeout=10)
    for number in range(1000):
        assert not known(f"203.0.113.{number % 250}")
    known.close()
    assert book.asked.empty()


def test_while_the_database_is_away_the_last_set_holds(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    """Said once, and once when it is back."""
    caplog.set_level(logging.INFO, "nearboot.app.known")
    known = KnownClients(book)
    known.refresh()
    book.answer = DatabaseError("connection refused")
    for _ in range(3):
        known.refresh()
    assert known("192.0.2.1")
    book.answer = frozenset({"192.0.2.1", "192.0.2.2"})
    for _ in range(3):
        known.refresh()
    assert known("192.0.2.2")
    assert [record.getMessage() for record in caplog.records] == [
        "known clients: the last 1 addresses hold, since connection refused",
        "known clients: the database answers again, addresses=2",
    ]


def test_a_database_that_fails_while_it_is_read_is_one_that_is_away(opened: Engine) -> None:
    """Whatever the driver raises: the set holds."""
    known = KnownClients(ClientAddresses(opened, longest_lease=HOUR))
    known.refresh()
    with opened.begin() as connection:
        connection.execute(text("ALTER TABLE interfaces RENAME TO elsewhere"))
    known.refresh()
    assert len(known) == len(FIXED)
    with opened.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO interfaces"))
        connection.execute(text("DELETE FROM interfaces"))
    known.refresh()
    assert len(known) == 2, "those of the boot servers"


def test_a_fault_of_our_own_ends_no_reading(clients: Clients, book: Book, caplog: pytest.LogCaptureFixture) -> None:
    """The set holds, the fault is in the log, the next reading is made."""
    known = clients()
    book.answer = ValueError("a bug")
    for _ in range(2):
        known("192.0.2.9")
        book.asked.get(timeout=10)
    known.close()
    assert known("192.0.2.1")
    assert "a bug" in caplog.text


def test_a_first_reading_that_fails_is_the_callers(book: Book) -> None:
    """A server that knew nobody would answer nobody."""
    book.answer = DatabaseError("no such table")
    with pytest.raises(DatabaseError):
        KnownClients(book).start()


def test_who_gets_no_answer_is_told_of_now_and_then(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    """One line for a flood; none for a client that is known by then."""
    caplog.set_level(logging.INFO, "nearboot.app.known")
    known = KnownClients(book)
    assert not known("192.0.2.1")
    known.refresh()
    assert caplog.text == ""
    for number in range(1, 5):
        assert not known(f"203.0.113.{number}")
        known.refresh()
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["client=203.0.113.1 is not known: it gets no answer (tftp.known_only)"]


HOSTS = """
servers:
  - name: pool-01
    location: here
    interfaces: [{name: eth0, mac: "52:54:00:00:00:03", ipv4: 198.51.100.3, ipv6: "2001:db8::3"}]
subnets: [{prefix: 198.51.100.0/24, location: here}, {prefix: "2001:db8::/64", location: here}]
boot_servers:
  - {name: wide-boot, location: here, ipv4: 192.0.2.1, ipv6: "2001:db8::1"}
"""
ADDRESSES = ("192.0.2.1", "2001:db8::1", "198.51.100.3", "2001:db8::3", POOL, "203.0.113.5", "2001:db8::5")
NEWNET = 0x40000000
HEALTH = b"\0\1nearboot-health\0octet\0"
WHOLE = b"\0\3\0\1ok\n"


@pytest.fixture
def wide(fleet: Config, tmp_path: Path, now: datetime) -> Config:
    """The fleet with a server and a boot server that have addresses of both families."""
    (tmp_path / "hosts.yaml").write_text(HOSTS)
    inventory.load(fleet, [str(tmp_path / "hosts.yaml")], prune=False, dry_run=False, actor="ada", now=now)
    return fleet


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace of the test's own that has all addresses; no packet leaves it."""
    name = f"nb-known-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        for address in ADDRESSES:
            subprocess.run(["ip", "-n", name, "address", "add", address, "dev", "lo"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread is in the namespace, and what it starts stays there."""
    setns = ctypes.CDLL(None, use_errno=True).setns
    with Path("/proc/thread-self/ns/net").open() as own, Path("/run/netns", namespace).open() as other:
        assert setns(other.fileno(), NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert setns(own.fileno(), NEWNET) == 0


@pytest.fixture
def client(namespace: str) -> Iterator[Callable[[str], socket.socket]]:
    """Opens sockets at an address of the namespace."""
    opened: list[socket.socket] = []

    def open_at(address: str) -> socket.socket:
        with inside(namespace):
            opened.append(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM))
        opened[-1].bind((address, 0))
        opened[-1].settimeout(10)
        return opened[-1]

    yield open_at
    for each in opened:
        each.close()


def is_silent(sock: socket.socket) -> bool:
    """Whether nothing has come so far."""
    sock.setblocking(False)
    try:
        sock.recv(100)
    except BlockingIOError:
        return True
    return False


@pytest.mark.root
def test_strangers_get_silence_and_a_client_with_a_new_lease_its_file(
    wide: Config,
    opened: Engine,
    daemon: Callable[..., Any],
    namespace: str,
    client: Callable[[str], socket.socket],
) -> None:
    """The daemon as it runs: v4 and v6, a boot server that checks another, this machine itself, a lease."""
    with inside(namespace):
        tftp = daemon("tftp", "--host", "::", "--port", 0, "--root", wide.root, "--known-only")
    strangers = [client("203.0.113.5"), client("2001:db8::5")]
    for stranger, server in zip(strangers, ("192.0.2.1", "2001:db8::1"), strict=True):
        for datagram in (HEALTH, b"\0\1nope\0octet\0", b"\0\1x", b"\0\2x\0octet\0"):
            stranger.sendto(datagram, (server, tftp.port))
    for address in ("198.51.100.3", "2001:db8::3", "192.0.2.1", "2001:db8::1", "127.0.0.1", "::1"):
        known = client(address)
        known.sendto(HEALTH, ("2001:db8::1" if ":" in address else "192.0.2.1", tftp.port))
        assert known.recv(100) == WHOLE, address
    leasing = client(POOL)
    leasing.settimeout(0.2)
    leasing.sendto(HEALTH, ("192.0.2.1", tftp.port))
    with pytest.raises(TimeoutError):
        leasing.recv(100)
    leased(opened, datetime.now(UTC))
    assert asked_again(leasing, ("192.0.2.1", tftp.port)) == WHOLE
    assert all(is_silent(stranger) for stranger in strangers)
    assert tftp.end() == 0
    assert " is not known: it gets no answer (tftp.known_only)" in tftp.log.read_text()


def asked_again(sock: socket.socket, server: tuple[str, int]) -> bytes:
    """As a client asks: until it has an answer; it gives up after 50 times."""
    for _ in range(50):
        sock.sendto(HEALTH, server)
        try:
            return sock.recv(100)
        except TimeoutError:
            continue
    raise TimeoutError
