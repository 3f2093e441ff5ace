"""``nearboot serve leases``: follows the lease files of Kea; each assignment is an event of its server.

An assignment of an address that the same client still held is a renewal, and marked as one: a system that runs renews
its lease all day, and that is no boot. What was held before we began is read from the files.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from nearboot.app.daemon import run_daemon, say_ready
from nearboot.app.database import database
from nearboot.app.decided import decided_for
from nearboot.app.events import record
from nearboot.app.read_log import escaped
from nearboot.config import Config
from nearboot.errors import NearbootError, ProtocolError
from nearboot.inventory import route_store, store
from nearboot.inventory.schema_store import writing
from nearboot.kea.lease_runner import Position, follow
from nearboot.kea.leases import Lease, LeaseReader, lease_event
from nearboot.model import Address, Interface, Server, Slug, Subnet
from nearboot.provisioning.belonging import RENEWAL

log = logging.getLogger(__name__)

NOTICED = timedelta(seconds=0.5)
"""Kea writes whole seconds, cut off. A row is seen within this time: so it was written no earlier than that ago."""
SECOND = timedelta(seconds=1)
CLEANED = (".2", ".1")
"""What Kea's lease file clean-up names its result, and the file that it works on; in the order in which Kea loads."""


def serve(config: Config, files: tuple[Path, ...]) -> None:
    """Follow the files until SIGTERM or SIGINT; leases that are in them already are not told again."""
    with database(config) as engine:
        stop = asyncio.Event()
        run_daemon(_serve(engine, files, stop), stop)


async def _serve(engine: Engine, files: tuple[Path, ...], stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        for file in files:
            if not file.exists():
                log.warning("file=%s is not there yet: it is waited for (Kea makes it with its first lease)", file)
            group.create_task(follow_file(engine, file, stop, skip_existing=True))
        await asyncio.sleep(0)  # each has begun, and found where its file ends: from now on no row is missed
        say_ready(f"leases of {', '.join(str(file) for file in files)}")


async def follow_file(engine: Engine, file: Path, stop: asyncio.Event, *, skip_existing: bool) -> None:
    """Follow one lease file until ``stop``; a row that cannot be read is logged and passed over."""

    held = Held.of(file) if skip_existing else Held()

    async def on_lease(lease: Lease, _position: Position) -> None:
        renewed = held.take(lease)
        if lease.is_assignment:
            try:
                await asyncio.to_thread(note, engine, lease, datetime.now(UTC), renewed=renewed)
            except NearbootError as error:  # following goes on without its book
                log.error("event lost: kind=dhcp-lease client=%s subject=%s: %s", lease.mac, lease.address, error)

    await follow(
        file,
        on_lease=on_lease,
        stop=stop,
        skip_existing=skip_existing,
        on_problem=lambda error: log.warning("file=%s %s", file, error),
    )


class Held:
    """The leases of one file as they stand."""

    def __init__(self) -> None:
        self._leases: dict[Address, Lease] = {}

    @classmethod
    def of(cls, file: Path) -> Held:
        """What the file says, with what a clean-up has set aside of it: its result (.2), and what it works on (.1)."""
        held = cls()
        for path in (*(file.with_name(file.name + ending) for ending in CLEANED), file):
            for lease in _leases_in(path):
                held.take(lease)
        return held

    def take(self, lease: Lease) -> bool:
        """Go on by one row; tells whether it renews a lease that its client still had."""
        before = self._leases.pop(lease.address, None)
        if not lease.is_assignment:
            return False
        self._leases[lease.address] = lease
        if before is None or (before.mac, before.duid) != (lease.mac, lease.duid):
            return False
        return lease.committed_at <= before.committed_at + timedelta(seconds=before.valid_lifetime_s)


def note(engine: Engine, lease: Lease, now: datetime, *, renewed: bool = False) -> None:
    """Store an assignment, with the boot server that Kea names to this client.

    ``renewed``: known to be a renewal; where it is not, the server's earlier events may still show it.
    """
    with writing(engine) as session:
        server = _server(session, lease)
        event = lease_event(lease, server=server.name if server else None, boot_server=_named(session, server, lease))
        if renewed:
            event = replace(event, detail={**event.detail, RENEWAL: True})
        if now - event.at < SECOND + NOTICED:
            event = replace(event, at=max(event.at, now - NOTICED))
        told = record(session, event)
    log.log(
        logging.DEBUG if told.detail.get(RENEWAL) else logging.INFO,
        "%s %s client=%s%s",
        told.kind.value,
        told.subject,
        escaped(told.client),
        f" server={told.server}" if told.server else "",
    )


def _server(session: Session, lease: Lease) -> Server | None:
    if lease.mac is not None and (found := store.server_by_mac(session, lease.mac)):
        return found
    return store.server_by_duid(session, lease.duid) if lease.duid is not None else None


def _named(session: Session, server: Server | None, lease: Lease) -> Slug | None:
    """A reservation sends its host to the boot server of its own location, a subnet to that of the subnet's."""
    if server is None:
        return None
    family = lease.address.version
    own = decided_for(session, server).get(family)
    subnet = store.subnet_by_kea_id(session, lease.subnet_id, family=family)
    if subnet is None or (own is not None and _is_reserved(server, lease, subnet)):
        return own
    return route_store.chosen(session, subnet.location).get(family)


def _is_reserved(server: Server, lease: Lease, subnet: Subnet) -> bool:
    """Whether the interface that got the lease has its reservation in that subnet (as kea.reservation puts it)."""
    for interface in server.interfaces:
        address = interface.ipv4 if subnet.prefix.version == 4 else interface.ipv6
        if address is not None and address in subnet.prefix and _is_client(interface, lease):
            return True
    return False


def _is_client(interface: Interface, lease: Lease) -> bool:
    """Whether Kea takes the client for this interface: in v6 by its DUID where the inventory has one, else by MAC."""
    if lease.address.version == 6 and interface.duid is not None:
        return interface.duid == lease.duid
    return interface.mac is not None and interface.mac == lease.mac


def _leases_in(path: Path) -> Iterator[Lease]:
    """The rows of a file that can be read; none where there is no file."""
    reader = LeaseReader()
    with suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ProtocolError):
                if (lease := reader.read(line)) is not None:
                    yield lease
