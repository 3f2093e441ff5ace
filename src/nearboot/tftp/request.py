"""What a read asks for, what answers it, and what is told about it afterwards: the values that handlers meet.

async def handler(request: ReadRequest) -> Content: ...     # FileNotFoundError: ERROR 1; PermissionError: ERROR 2
def on_event(event: TransferEvent) -> None: ...
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from ipaddress import IPv6Address

from nearboot.tftp.content import Content, FileContent
from nearboot.tftp.packet import Mode


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """One RRQ. ``options`` in the order asked, names in lower case; ``client`` is address and port, v4 never mapped.

    ``server`` is the address that was asked, and that answers.
    """

    filename: str
    mode: Mode
    options: Mapping[str, str]
    client: tuple[str, int]
    server: str


Handler = Callable[[ReadRequest], Awaitable[Content]]
"""Finds content off the data plane. FileNotFoundError is ERROR 1, PermissionError ERROR 2, anything else ERROR 0."""

Fast = Callable[[ReadRequest], bytes | FileContent | None]
"""Finds content on the data plane: must not block. None leaves the request to the Handler; errors as there."""


class Outcome(Enum):
    __hash__ = object.__hash__  # Enum's own is Python: 0.15 µs for each look-up in a table

    COMPLETED = "completed"
    ABORTED_BY_CLIENT = "aborted_by_client"  # size probes end so; not a failure
    TIMED_OUT = "timed_out"
    FAILED = "failed"  # our side
    NOT_FOUND = "not_found"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TransferEvent:
    """One finished request. Times are aware UTC; sizes are bytes; ``error`` is empty or says what happened.

    ``size`` is None where no content was found; ``bytes_sent`` leaves out headers and what was sent again.
    """

    started_at: datetime
    finished_at: datetime
    client: tuple[str, int]
    server: str
    filename: str
    outcome: Outcome
    size: int | None
    bytes_sent: int
    blksize: int
    windowsize: int
    retransmits: int
    duration_s: float
    error: str


def unmapped(address: str) -> str:
    """``::ffff:192.0.2.1`` as ``192.0.2.1``; any other address as it is."""
    if not address.startswith("::ffff:"):
        return address
    mapped = IPv6Address(address).ipv4_mapped
    return str(mapped) if mapped else address
