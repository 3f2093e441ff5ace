"""Questions about addresses by the thousand: which the servers have, and which leases came to be known.

For a server that decides about each request whether its client is one of ours; about one address: store.

    with reading(engine) as session: names, addresses = fixed_addresses(session)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy import BigInteger, cast, select
from sqlalchemy.orm import Session

from nearboot.inventory.boot_orm import EventRow
from nearboot.inventory.orm import BootServerRow, InterfaceRow, ServerRow
from nearboot.model import EventKind


@dataclass(frozen=True, slots=True)
class KnownLease:
    """An assignment of an address. ``number``: of its event, as it was stored; ``server``: None for a stranger's."""

    number: int
    address: str
    server: str | None
    at: datetime
    until: datetime | None

    def holds(self, now: datetime) -> bool:
        """Whether its time is not over; one without a lifetime has no end."""
        return self.until is None or now <= self.until


def fixed_addresses(session: Session) -> tuple[frozenset[str], frozenset[str]]:
    """The names of all servers, and the addresses that the inventory gives them."""
    names = frozenset(session.scalars(select(ServerRow.name)))
    rows = session.execute(select(InterfaceRow.ipv4, InterfaceRow.ipv6))
    return names, frozenset(address for address in chain.from_iterable(rows) if address is not None)


def boot_server_addresses(session: Session) -> frozenset[str]:
    """The addresses of all boot servers."""
    rows = session.execute(select(BootServerRow.ipv4, BootServerRow.ipv6))
    return frozenset(address for address in chain.from_iterable(rows) if address is not None)


def leases_known(session: Session, *, since: datetime, after: int = 0) -> list[KnownLease]:
    """The leases assigned since a time whose numbers are larger than ``after``, in the order of assignment."""
    lifetime = cast(EventRow.detail["valid_lifetime_s"].as_string(), BigInteger)  # "for ever" is 2**32 - 1 in DHCP
    rows = session.execute(
        select(EventRow.id, EventRow.subject, ServerRow.name, EventRow.at, lifetime)
        .join(ServerRow, ServerRow.id == EventRow.server_id, isouter=True)
        .where(EventRow.kind == EventKind.DHCP_LEASE.value, EventRow.at >= since, EventRow.id > after)
        .order_by(EventRow.at, EventRow.id)
    )
    return [
        KnownLease(number, address, server, at, None if lifetime_s is None else at + timedelta(seconds=lifetime_s))
        for number, address, server, at, lifetime_s in rows
    ]
