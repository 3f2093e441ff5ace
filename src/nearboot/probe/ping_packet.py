"""Latency probes on the wire: UdpPinger's 32 bytes, and our own 64 signed ones. No sockets, no clock.

The plain probe is UdpPinger's (facebookarchive/UdpPinger, common/Probe.h): microseconds modulo 2^32, so it wraps every
71.6 minutes. The pinger fills the first two fields and the class; the target fills in the others and sends it back.

     0         4                8                   12                  16      17
    +---------+----------------+-------------------+-------------------+-------+-----------+
    | signa-  | sent           | received          | answered          | class | padding   |
    | ture    | (pinger's µs)  | (target's µs)     | (target's µs)     |       | (0 x 15)  |
    +---------+----------------+-------------------+-------------------+-------+-----------+

The signed probe carries nanoseconds, says by ``hop`` how often it was answered (0: request, 1: reply), and ends with
the first 16 bytes of HMAC-SHA256 over all before them. All integers are big-endian.

     0          4     5       6        8          12         16      24      32         40         48
    +----------+-----+-------+--------+----------+----------+-------+-------+----------+----------+--------+
    | "NBP" 2  | hop | class | key id | sequence | reserved | nonce | sent  | received | answered | tag 16 |
    +----------+-----+-------+--------+----------+----------+-------+-------+----------+----------+--------+

    parse(encode_signed(probe, key), keys) == probe
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from nearboot.errors import ProtocolError

UDPPINGER_PORT = 31338
"""uping and upong's default port."""
PLAIN_SIZE = 32
SIGNED_SIZE = 64
TAG_SIZE = 16
MICROSECONDS = 1 << 32
"""The modulus of a plain probe's times."""
MIN_SECRET = 16

_PLAIN = struct.Struct("!IIIIB15x")
_SIGNED = struct.Struct("!4sBBHIIQQQQ")
_MAGIC = b"NBP\x02"  # the last byte is the version; 1 is UdpPinger's, which has no magic


@dataclass(frozen=True, slots=True)
class PlainProbe:
    """UdpPinger's probe; times in µs modulo 2^32, 0: not filled in."""

    signature: int
    sent_us: int
    received_us: int = 0
    answered_us: int = 0
    tclass: int = 0

    @property
    def is_reply(self) -> bool:
        """Whether a target has filled in its times."""
        return bool(self.received_us or self.answered_us)

    def answered(self, received_ns: int, answered_ns: int) -> PlainProbe:
        """The reply. A time that happens to be 0 is given as 1, so that a reply is never taken for a request."""
        return replace(self, received_us=_microseconds(received_ns) or 1, answered_us=_microseconds(answered_ns) or 1)

    @property
    def turnaround_ns(self) -> int:
        """How long the target had it; nearly 2^32 µs where its clock was set back meanwhile."""
        return (self.answered_us - self.received_us) % MICROSECONDS * 1000


@dataclass(frozen=True, slots=True)
class SignedProbe:
    """Our own probe; times in ns since the epoch, 0: not filled in. ``nonce`` is one round's of one pinger."""

    nonce: int
    sequence: int
    sent_ns: int
    received_ns: int = 0
    answered_ns: int = 0
    tclass: int = 0
    hop: int = 0

    @property
    def is_reply(self) -> bool:
        """Whether it was answered already."""
        return self.hop > 0

    def answered(self, received_ns: int, answered_ns: int) -> SignedProbe:
        """The reply."""
        return replace(self, received_ns=received_ns, answered_ns=answered_ns, hop=self.hop + 1)

    @property
    def turnaround_ns(self) -> int:
        """How long the target had it; below 0 where its clock was set back meanwhile."""
        return self.answered_ns - self.received_ns


@dataclass(frozen=True, slots=True)
class Key:
    """A secret that pingers and responders share. ``number`` tells keys apart on the wire, and says nothing of it."""

    secret: bytes
    number: int

    @classmethod
    def of(cls, secret: bytes) -> Key:
        """A key of at least 16 bytes; ``ValueError`` if shorter."""
        if len(secret) < MIN_SECRET:
            raise ValueError(f"a key of {len(secret)} bytes; expected at least {MIN_SECRET}")
        return cls(secret, int.from_bytes(sha256(b"nearboot probe key\0" + secret).digest()[:2]))

    def __repr__(self) -> str:
        return f"Key(number={self.number})"

    def tag(self, signed: bytes) -> bytes:
        """What only those who share the key can say of these bytes."""
        return hmac.digest(self.secret, signed, "sha256")[:TAG_SIZE]


class ForgeryError(ProtocolError):
    """A signed probe whose key is not ours, or whose tag is wrong."""


def parse(datagram: bytes, keys: Sequence[Key] = ()) -> PlainProbe | SignedProbe:
    """A probe of either kind; ``ForgeryError``: made by none of the keys; ``ProtocolError``: it is no probe."""
    if len(datagram) == PLAIN_SIZE:
        return PlainProbe(*_PLAIN.unpack(datagram))
    if len(datagram) != SIGNED_SIZE or not datagram.startswith(_MAGIC):
        raise ProtocolError(f"{len(datagram)} bytes that are no probe")
    signed, tag = datagram[:-TAG_SIZE], datagram[-TAG_SIZE:]
    _, hop, tclass, number, sequence, reserved, *times = _SIGNED.unpack(signed)
    if not any(key.number == number and hmac.compare_digest(key.tag(signed), tag) for key in keys):
        raise ForgeryError(f"a probe signed by key {number}, which is none of ours, or not signed by it")
    if reserved:
        raise ProtocolError("a probe whose reserved bytes are not 0")
    nonce, sent_ns, received_ns, answered_ns = times
    return SignedProbe(nonce, sequence, sent_ns, received_ns, answered_ns, tclass, hop)


def encode_plain(probe: PlainProbe) -> bytes:
    """The 32 bytes of a plain probe."""
    return _PLAIN.pack(probe.signature, probe.sent_us, probe.received_us, probe.answered_us, probe.tclass)


def encode_signed(probe: SignedProbe, key: Key) -> bytes:
    """The 64 bytes of a signed probe."""
    times = (probe.nonce, probe.sent_ns, probe.received_ns, probe.answered_ns)
    signed = _SIGNED.pack(_MAGIC, probe.hop, probe.tclass, key.number, probe.sequence, 0, *times)
    return signed + key.tag(signed)


def wire_us(wall_ns: int) -> int:
    """A time as a plain probe carries it."""
    return _microseconds(wall_ns)


def _microseconds(wall_ns: int) -> int:
    return wall_ns // 1000 % MICROSECONDS
