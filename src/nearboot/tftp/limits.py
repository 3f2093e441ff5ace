"""All that an operator can bound in the server, in one value.

TftpServer(handler, host="::", port=69, limits=Limits(sessions_per_client=32))
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network

from nearboot.tftp.options import Policy
from nearboot.tftp.transfer import Pace, Rollover

Prefix = IPv4Network | IPv6Network
LEAST_UNACKED = 16 << 10
"""Of a worker: five reads without options at once."""
THIS_MACHINE: tuple[Prefix, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


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
    allowed: tuple[Prefix, ...] = ()
    """Only clients of these prefixes are answered; none: all. Others get silence."""
    requests_per_second: float = 1000.0
    """For each client address, and five times that at once: a rack behind one NAT powers 40 machines on together, and
    each asks for a dozen names. 0: no limit."""
    errors_per_second: float = 200.0
    """ERROR replies to each client address, and five times that at once. 0: no limit."""
    unacked_bytes: int = 512 << 10
    """Sent to each client address within a minute without any ACK from it: its requests may be forged. 0: no limit."""
    addresses_per_network: int = 64
    """An IPv6 /64 may have this many addresses' worth of the three limits above: whoever has one address of it has all,
    and a rack may stand in one. 0: networks are not counted."""
    uncounted: tuple[Prefix, ...] = THIS_MACHINE
    """Clients for which the limits above do not hold: nobody outside can forge this machine's own addresses."""
    cache_bytes: int = 256 << 20
    """Framed content kept in memory."""
    policy: Policy = field(default_factory=Policy)
    pace: Pace = field(default_factory=Pace)
    rollover: Rollover = Rollover.ZERO
    single_port: bool = False
    """All of a transfer goes over the server's own port, for containers and NAT that let nothing else through."""

    def share(self, workers: int) -> Limits:
        """The part of one of so many workers in what an address may cause; the other limits hold for each.

        The kernel deals the requests of an address out by their ports, so all workers together keep the limits against
        whoever forges many ports. An address that uses a single port has one worker's part.
        """
        return replace(
            self,
            requests_per_second=self.requests_per_second / workers,
            errors_per_second=self.errors_per_second / workers,
            unacked_bytes=max(self.unacked_bytes // workers, min(self.unacked_bytes, LEAST_UNACKED)),
        )
