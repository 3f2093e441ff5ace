"""The table of live sessions: who may start one, and what a request means that meets a live one.

Pure. A session is known by its peer (address and port) and the address it asked; the same peer port can carry one read
at a time (RFC 1350's TID).

    verdict, live = table.admit(key, datagram)
    match verdict: case Admission.START: table.add(key, session) ...
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Generic, Protocol, TypeVar

from nearboot.tftp.limits import Limits

Peer = tuple[str, int] | tuple[str, int, int, int]
Key = tuple[Peer, str]
"""The peer as the socket names it, and the address that it asked."""


class Admission(Enum):
    START = auto()
    REPEAT = auto()  # same bytes, nothing ACKed: the first reply was lost, or is slow to come
    LATE = auto()  # same bytes, but the transfer moves: a copy that the network made late, or the client begins anew
    REPLACE = auto()  # the client has begun anew from the same port (U-Boot, UNDI)
    OVER_SESSIONS = auto()
    OVER_CLIENT = auto()
    REFUSED_PORT = auto()


class Live(Protocol):
    """What the table asks of a session."""

    @property
    def datagram(self) -> bytes:
        """The request as it came."""

    @property
    def moving(self) -> bool:
        """Whether the client has ACKed anything."""


L = TypeVar("L", bound=Live)


class SessionTable(Generic[L]):
    """Live sessions by key, bounded by ``limits``."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._live: dict[Key, L] = {}
        self._by_client: dict[str, int] = {}

    def admit(self, key: Key, datagram: bytes) -> tuple[Admission, L | None]:
        """What to do with a request, and the live session that it meets. Changes nothing."""
        live = self._live.get(key)
        if live is not None:
            if live.datagram != datagram:
                return Admission.REPLACE, live
            return (Admission.LATE if live.moving else Admission.REPEAT), live
        peer = key[0]
        if peer[1] in self._limits.refused_ports:
            return Admission.REFUSED_PORT, None
        if len(self._live) >= self._limits.sessions:
            return Admission.OVER_SESSIONS, None
        if self._by_client.get(peer[0], 0) >= self._limits.sessions_per_client:
            return Admission.OVER_CLIENT, None
        return Admission.START, None

    def add(self, key: Key, session: L) -> None:
        self._live[key] = session
        address = key[0][0]
        self._by_client[address] = self._by_client.get(address, 0) + 1

    def get(self, key: Key) -> L | None:
        """The live session at ``key``."""
        return self._live.get(key)

    def remove(self, key: Key) -> None:
        del self._live[key]
        address = key[0][0]
        left = self._by_client[address] - 1
        if left:
            self._by_client[address] = left
        else:
            del self._by_client[address]

    def sessions(self) -> list[L]:
        return list(self._live.values())

    def __len__(self) -> int:
        return len(self._live)
