"""One round of probes: what is on its way, what came back, and how long each took. No sockets, no clock.

A round trip is taken on the pinger's monotonic clock, without the time that the reply waited in our socket (by the
kernel's time stamp) and the time that the target had the probe (by its own clock): no two clocks are compared, and a
clock that is set meanwhile changes nothing.

    made = round.ask(target, line, wall_ns=...)
    round.leave(made, now_ns=...); sock.sendto(made.datagram, ...)
    round.take(datagram, (host, port), line, now_ns=..., waited_ns=...)
    round.tallies[target].rtts_ns
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address
from random import Random

from nearboot.errors import ProtocolError
from nearboot.probe.ping_packet import (
    Key,
    PlainProbe,
    SignedProbe,
    encode_plain,
    encode_signed,
    parse,
    wire_us,
)

MAX_TURNAROUND_NS = 50_000_000
"""A target that says it had the probe for longer is not believed: it could make itself seem near."""


@dataclass(frozen=True, slots=True)
class Target:
    """A responder: the place it stands at, its name, and where it listens."""

    location: str
    name: str
    host: str  # an address, in the spelling of ``ipaddress``
    port: int

    @property
    def family(self) -> int:
        """4 or 6."""
        return ip_address(self.host.partition("%")[0]).version


class Came(Enum):
    """What became of a datagram; the value names its counter."""

    TAKEN = "taken"
    UNUSED = "unused"  # the reply to a first probe, which warms up the path alone
    STRAY = "stray"  # nothing on its way fits: late, repeated, or forged
    MALFORMED = "malformed"
    IMPLAUSIBLE = "implausible"  # the target says that it had it longer than can be


@dataclass(slots=True)
class Tally:
    """What one target's probes did. ``sent`` counts those that say something of loss."""

    sent: int = 0
    rtts_ns: list[int] = field(default_factory=list)
    unsent: int = 0  # the kernel had no way for them
    unusable: int = 0  # answered implausibly
    problem: str = ""  # why the last unsent one was


@dataclass(frozen=True, slots=True)
class Made:
    """A probe to be sent; ``number`` is what its reply will carry."""

    number: int
    datagram: bytes
    target: Target
    line: int  # the socket, thus the source port, that it leaves by
    counts: bool


class Round:
    """The probes of one round. ``key`` None: UdpPinger's. ``chance`` must be one that nobody foresees."""

    def __init__(self, targets: Sequence[Target], *, key: Key | None, chance: Random, tclass: int = 0) -> None:
        self.tallies = {target: Tally() for target in targets}
        self.counts: Counter[str] = Counter()
        self._key, self._chance, self._tclass = key, chance, tclass
        self._nonce, self._sequence = chance.getrandbits(64), 0
        self._under_way: dict[int, tuple[Made, int]] = {}

    def ask(self, target: Target, line: int, *, wall_ns: int, counts: bool = True) -> Made:
        """The next probe to a target. ``counts`` False: it only warms up the path (ARP, caches on the way)."""
        if self._key:
            self._sequence += 1
            signed = SignedProbe(self._nonce, self._sequence, wall_ns, tclass=self._tclass)
            return Made(self._sequence, encode_signed(signed, self._key), target, line, counts)
        # UdpPinger has one signature a run. One a probe tells the probes apart, and is as hard to guess each time.
        signature = self._chance.getrandbits(32)
        while signature in self._under_way:
            signature = self._chance.getrandbits(32)
        plain = PlainProbe(signature, wire_us(wall_ns), tclass=self._tclass)
        return Made(signature, encode_plain(plain), target, line, counts)

    def leave(self, made: Made, *, now_ns: int) -> None:
        """A probe is sent now; called as late as can be, since its time begins here."""
        self._under_way[made.number] = made, now_ns
        self.tallies[made.target].sent += made.counts

    def failed(self, made: Made, problem: str) -> None:
        """The kernel refused a probe that was to leave: that is not loss on the path."""
        del self._under_way[made.number]
        tally = self.tallies[made.target]
        tally.sent -= made.counts
        tally.unsent += made.counts
        tally.problem = problem

    def take(self, datagram: bytes, peer: tuple[str, int], line: int, *, now_ns: int, waited_ns: int) -> Came:
        """What came in on a line; ``waited_ns``: how long it had waited in the socket."""
        came = self._take(datagram, peer, line, now_ns - waited_ns)
        self.counts[came.value] += 1
        return came

    @property
    def under_way(self) -> int:
        """Probes that were neither answered nor given up."""
        return len(self._under_way)

    def _take(self, datagram: bytes, peer: tuple[str, int], line: int, arrived_ns: int) -> Came:
        try:
            probe = parse(datagram, (self._key,) if self._key else ())
        except ProtocolError:
            return Came.MALFORMED
        number = self._number(probe)
        if not probe.is_reply or number is None or number not in self._under_way:
            return Came.STRAY
        made, left_ns = self._under_way[number]
        if made.line != line or (made.target.host, made.target.port) != peer:
            return Came.STRAY
        del self._under_way[number]
        if not made.counts:
            return Came.UNUSED
        tally = self.tallies[made.target]
        elapsed_ns = arrived_ns - left_ns
        if not 0 <= probe.turnaround_ns <= min(MAX_TURNAROUND_NS, elapsed_ns - 1):
            tally.sent -= 1
            tally.unusable += 1
            return Came.IMPLAUSIBLE
        tally.rtts_ns.append(elapsed_ns - probe.turnaround_ns)
        return Came.TAKEN

    def _number(self, probe: PlainProbe | SignedProbe) -> int | None:
        """The number of the probe that this answers; None: it is none of this round, or not of the kind asked for."""
        if isinstance(probe, SignedProbe):
            return probe.sequence if self._key and probe.nonce == self._nonce else None
        return None if self._key else probe.signature
