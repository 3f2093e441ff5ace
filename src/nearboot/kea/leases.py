"""Kea's lease file (memfile, CSV): its rows as values, and an assignment as an event of a host's timeline.

Kea appends a row with each change of a lease, so the file is a log of what DHCP did. The columns are read by name: Kea
2.2 to 3.0 differ in them (``pool_id`` since 2.6). Commas in a text stand as ``&#x2c``. Pure: `lease_runner` follows
the file.

    reader = LeaseReader()
    leases = [lease for line in text.splitlines() if (lease := reader.read(line))]
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from ipaddress import ip_address

from nearboot.errors import ProtocolError
from nearboot.model import Address, Duid, Event, EventKind, Mac, Phase, Slug, duid_from_text, mac_from_text

_ESCAPE = re.compile(r"&#x([0-9a-fA-F]{2})")
_NEEDED = ("address", "valid_lifetime", "expire", "subnet_id")


class LeaseState(Enum):
    """What became of a lease (Kea's ``state`` column)."""

    ASSIGNED = 0
    DECLINED = 1  # somebody else uses the address
    RECLAIMED = 2  # expired, and taken back
    RELEASED = 3  # Kea 2.7 and later
    REGISTERED = 4  # a self-made IPv6 address that the client announced (RFC 9686)


@dataclass(frozen=True, slots=True)
class Lease:
    """One row: what Kea decided about an address. ``valid_lifetime_s`` 0: the lease is deleted."""

    address: Address
    mac: Mac | None
    duid: Duid | None
    subnet_id: int
    committed_at: datetime  # aware UTC: when the client last had it given or renewed
    valid_lifetime_s: int
    state: LeaseState
    hostname: str = ""

    @property
    def is_assignment(self) -> bool:
        """Tell whether this row says that a client got, or renewed, the address."""
        return self.state is LeaseState.ASSIGNED and self.valid_lifetime_s > 0


class LeaseReader:
    """Reads the lines of one file in order; the first is the header, and so may later ones be."""

    def __init__(self) -> None:
        self._columns: list[str] = []

    def read(self, line: str) -> Lease | None:
        """Return the lease of a line; None for a header or an empty line; ``ProtocolError`` for any other text."""
        cells = line.rstrip("\r\n").split(",")
        if cells == [""]:
            return None
        if cells[0] == "address":
            self._columns = cells
            return None
        row = dict(zip(self._columns, cells, strict=False))
        missing = [name for name in _NEEDED if not row.get(name)]
        if missing:
            raise ProtocolError(f"lease file: a row without {', '.join(missing)}: {line[:120]!r}")
        try:
            return _lease(row)
        except (ValueError, OverflowError) as error:
            raise ProtocolError(f"lease file: {error}: {line[:120]!r}") from error


def lease_event(lease: Lease, *, server: str | None, boot_server: Slug | None = None) -> Event:
    """Make the event of an assignment; ``server`` None where the inventory does not know the client."""
    return Event(
        at=lease.committed_at,
        kind=EventKind.DHCP_LEASE,
        server=server,
        client=lease.mac or lease.duid or "",
        boot_server=boot_server,
        subject=str(lease.address),
        phase=Phase.DHCP,
        detail={
            "subnet_id": lease.subnet_id,
            "valid_lifetime_s": lease.valid_lifetime_s,
            "hostname": lease.hostname,
        },
    )


def _lease(row: Mapping[str, str]) -> Lease:
    lifetime = int(row["valid_lifetime"])
    return Lease(
        address=ip_address(row["address"]),
        mac=mac_from_text(row["hwaddr"]) if _is_mac(row.get("hwaddr", "")) else None,
        duid=duid_from_text(row["duid"]) if row.get("duid", "").count(":") >= 2 else None,
        subnet_id=int(row["subnet_id"]),
        committed_at=datetime.fromtimestamp(int(row["expire"]) - lifetime, UTC),
        valid_lifetime_s=lifetime,
        state=LeaseState(int(row.get("state") or 0)),
        hostname=_plain(row.get("hostname", "")).rstrip("."),
    )


def _is_mac(text: str) -> bool:
    """Tell an Ethernet address from those of other links (InfiniBand has 20 octets) and from none at all."""
    return text.count(":") == 5


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), text)
