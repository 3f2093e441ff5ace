"""What a responder answers, and what it leaves alone. No sockets, no clock.

A reply is as long as its request, so nobody gains by a forged sender. No loop lasts: replies are never answered, nor is
anything from our own port or another server's (below 1024); so a packet that is said to come from a second responder
dies there. Signed probes are answered once each: they must be fresh by their own time, and their number new.

    admitted = desk.admit(datagram, "192.0.2.7", 25000, now=..., wall_ns=...)
    reply = desk.reply(admitted, received_ns, answered_ns)      # unless it is a Refusal
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network

from nearboot.errors import ProtocolError
from nearboot.probe.ping_packet import ForgeryError, Key, PlainProbe, SignedProbe, encode_plain, encode_signed, parse
from nearboot.tftp.guard import BURST_S, Account, is_within

SERVER_PORTS = 1024
"""No pinger asks from below: DNS, NTP, echo and chargen servers, which would answer our answer, are there."""
PER_NETWORK = 64
"""An IPv6 /64 may have this many addresses' worth: whoever has one address of it has all."""
MAX_NONCES = 16384
WINDOW = 1024
"""Numbers behind a nonce's highest that are still told apart; a second's worth of a fast pinger."""


class Refusal(Enum):
    """Why a datagram is left without an answer; the value names its counter."""

    MALFORMED = "malformed"  # no probe at all
    REPLY = "reply"  # what another responder said
    SERVER_PORT = "server_port"  # from our own port, or a well-known one
    NOT_ALLOWED = "not_allowed"  # outside the prefixes allowed
    UNSIGNED = "unsigned"  # a plain probe, where keys are asked for
    FORGED = "forged"  # signed by no key of ours
    STALE = "stale"  # sent too long ago by its own time, or in the future
    REPLAYED = "replayed"  # seen before
    OVER_RATE = "over_rate"


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a responder answers."""

    keys: tuple[Key, ...] = ()
    """With any: signed probes alone are answered, unless ``plain``."""
    plain: bool = False
    allowed: tuple[IPv4Network | IPv6Network, ...] = ()
    """Pingers of these prefixes alone; none: all."""
    answers_per_second: float = 200.0
    """To each address, and five times that at once; 0: no limit."""
    max_skew_s: float = 60.0
    """How far a signed probe's time may be from ours; 0: no matter."""

    @property
    def takes_plain(self) -> bool:
        """Whether UdpPinger's probes are answered."""
        return self.plain or not self.keys


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request to be answered; ``key``: that which signed it."""

    probe: PlainProbe | SignedProbe
    key: Key | None = None


class Desk:
    """The decisions of one responder. ``counts`` has ``answered`` and the refusals by their names."""

    def __init__(self, terms: Terms, own_port: int) -> None:
        self.counts: Counter[str] = Counter({"answered": 0} | {each.value: 0 for each in Refusal})
        self.terms, self._own_port = terms, own_port
        rate = terms.answers_per_second
        self._rates = Account(rate, rate * BURST_S, PER_NETWORK)
        self._replays = Replays()

    def admit(self, datagram: bytes, host: str, port: int, *, now: float, wall_ns: int) -> Admitted | Refusal:
        """Whether a datagram gets an answer. ``now``: monotonic seconds; ``wall_ns``: since the epoch."""
        found = self._admit(datagram, host, port, now=now, wall_ns=wall_ns)
        if isinstance(found, Refusal):
            self.counts[found.value] += 1
        return found

    def reply(self, admitted: Admitted, received_ns: int, answered_ns: int) -> bytes:
        """The answer, as long as the request. Times are those of this machine's clock, since the epoch."""
        self.counts["answered"] += 1
        probe = admitted.probe.answered(received_ns, max(received_ns, answered_ns))
        if isinstance(probe, PlainProbe):
            return encode_plain(probe)
        assert admitted.key is not None, "a signed probe is admitted by its key"
        return encode_signed(probe, admitted.key)

    def _admit(self, datagram: bytes, host: str, port: int, *, now: float, wall_ns: int) -> Admitted | Refusal:
        terms = self.terms
        if port == self._own_port or port < SERVER_PORTS:
            return Refusal.SERVER_PORT
        if terms.allowed and not is_within(host, terms.allowed):
            return Refusal.NOT_ALLOWED
        admitted = self._parsed(datagram)
        if isinstance(admitted, Refusal):
            return admitted
        # Forgeries and repeats are out before the account is charged: nobody can use up a pinger's share.
        refused = self._signed_refusal(admitted.probe, wall_ns) if isinstance(admitted.probe, SignedProbe) else None
        if refused:
            return refused
        return admitted if self._rates.take(host, 1, now) else Refusal.OVER_RATE

    def _parsed(self, datagram: bytes) -> Admitted | Refusal:
        for key in (*self.terms.keys, None):
            try:
                probe = parse(datagram, (key,) if key else ())
            except ForgeryError:
                continue
            except ProtocolError:
                return Refusal.MALFORMED
            if isinstance(probe, PlainProbe) and not self.terms.takes_plain:
                return Refusal.UNSIGNED
            return Refusal.REPLY if probe.is_reply else Admitted(probe, key)
        return Refusal.FORGED

    def _signed_refusal(self, probe: SignedProbe, wall_ns: int) -> Refusal | None:
        skew_ns = self.terms.max_skew_s * 1e9
        if skew_ns and abs(wall_ns - probe.sent_ns) > skew_ns:
            return Refusal.STALE
        return None if self._replays.is_new(probe.nonce, probe.sequence) else Refusal.REPLAYED


class Replays:
    """Which numbers of which nonces came: a window behind the highest of each (RFC 4303 section 3.4.3).

    Bounded: the nonce not heard of for longest is forgotten; by then its probes are stale. Only those who share a key
    can add any.
    """

    def __init__(self, max_nonces: int = MAX_NONCES) -> None:
        self._max_nonces = max_nonces
        self._seen: OrderedDict[int, tuple[int, int]] = OrderedDict()

    def is_new(self, nonce: int, sequence: int) -> bool:
        """Whether it did not come before; it did, from now on."""
        highest, bits = self._seen.get(nonce, (sequence - 1, 0))
        ahead = sequence - highest
        if ahead > 0:
            bits = (bits << min(ahead, WINDOW) | 1) & (1 << WINDOW) - 1
        elif -ahead >= WINDOW or bits >> -ahead & 1:
            return False
        else:
            bits |= 1 << -ahead
        self._seen[nonce] = (max(highest, sequence), bits)
        self._seen.move_to_end(nonce)
        if len(self._seen) > self._max_nonces:
            self._seen.popitem(last=False)
        return True

    def __len__(self) -> int:
        return len(self._seen)
