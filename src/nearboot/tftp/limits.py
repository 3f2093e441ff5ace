"""All that an operator can bound in the server, in one value.

TftpServer(handler, host="::", port=69, limits=Limits(sessions_per_client=32))
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nearboot.tftp.options import Policy
from nearboot.tftp.transfer import Pace, Rollover


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one data-plane loop."""

    sessions: int = 16384
    """Transfers at once; a request over it is dropped, since the client asks again and U-Boot would loop on an
    ERROR."""
    sessions_per_client: int = 512
    """For each client address: a whole rack may stand behind one NAT."""
    refused_ports: frozenset[int] = frozenset({0, 7, 17, 19, 53, 69, 123})
    """Source ports that would answer our answer: no client uses them, reflection loops do."""
    cache_bytes: int = 256 << 20
    """Framed content kept in memory."""
    policy: Policy = field(default_factory=Policy)
    pace: Pace = field(default_factory=Pace)
    rollover: Rollover = Rollover.ZERO
