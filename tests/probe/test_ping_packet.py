"""The codec of latency probes: both kinds byte by byte, there and back, and nothing but a probe or a ProtocolError."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.errors import ProtocolError
from nearboot.probe.ping_packet import (
    PLAIN_SIZE,
    SIGNED_SIZE,
    ForgeryError,
    Key,
    PlainProbe,
    SignedProbe,
    encode_plain,
    encode_signed,
    parse,
    wire_us,
)

KEY, OTHER = Key.of(b"0123456789abcdef"), Key.of(b"fedcba9876543210")

u8, u32, u64 = (st.integers(0, (1 << bits) - 1) for bits in (8, 32, 64))
plain = st.builds(PlainProbe, u32, u32, u32, u32, u8)
signed = st.builds(SignedProbe, u64, u32, u64, u64, u64, u8, u8)


def test_a_plain_probe_is_udppingers() -> None:
    """common/Probe.h: four big-endian words, the class, 15 bytes of padding."""
    probe = PlainProbe(0x01020304, 0x05060708, 0x090A0B0C, 0x0D0E0F10, 0xB8)
    assert encode_plain(probe).hex() == "0102030405060708090a0b0c0d0e0f10b8" + "00" * 15


def test_a_signed_probe_is_this() -> None:
    """Magic with version, hop, class, key number, sequence, reserved, nonce, three times, tag."""
    probe = SignedProbe(0x1112131415161718, 0x21222324, 0x3132, 0x4142, 0x5152, tclass=0x08, hop=1)
    head = f"4e4250020108{KEY.number:04x}21222324000000001112131415161718"
    times = "000000000000313200000000000041420000000000005152"
    assert encode_signed(probe, KEY).hex() == head + times + KEY.tag(bytes.fromhex(head + times)).hex()


@settings(deadline=None)
@given(plain)
def test_a_plain_probe_comes_back(probe: PlainProbe) -> None:
    """parse undoes encode, and no key is needed."""
    datagram = encode_plain(probe)
    assert len(datagram) == PLAIN_SIZE
    assert parse(datagram, (KEY,)) == probe


@settings(deadline=None)
@given(signed)
def test_a_signed_probe_comes_back(probe: SignedProbe) -> None:
    """With its key among several; without it it is a forgery."""
    datagram = encode_signed(probe, KEY)
    assert len(datagram) == SIGNED_SIZE
    assert parse(datagram, (OTHER, KEY)) == probe
    for keys in ((), (OTHER,)):
        with pytest.raises(ForgeryError):
            parse(datagram, keys)


@settings(deadline=None)
@given(signed, st.integers(0, SIGNED_SIZE * 8 - 1))
def test_a_flipped_bit_is_never_taken(probe: SignedProbe, bit: int) -> None:
    """Of any field, the tag and the magic included."""
    datagram = bytearray(encode_signed(probe, KEY))
    datagram[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolError):
        parse(bytes(datagram), (KEY,))


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(min_size=60, max_size=60).map(lambda rest: b"NBP\x02" + rest)))
def test_any_bytes_are_a_probe_or_a_protocol_error(datagram: bytes) -> None:
    """Nothing else is raised."""
    try:
        parse(datagram, (KEY,))
    except ProtocolError:
        assert len(datagram) != PLAIN_SIZE


@settings(deadline=None)
@given(signed.filter(lambda probe: probe.hop < 255), u64, u64)
def test_a_reply_is_marked(probe: SignedProbe, received_ns: int, answered_ns: int) -> None:
    """Both kinds, whatever the clocks say: 0 is given as 1 µs."""
    assert probe.answered(received_ns, answered_ns).is_reply
    assert PlainProbe(1, 2).answered(received_ns, answered_ns).is_reply


def test_times_of_plain_probes_wrap() -> None:
    """Microseconds modulo 2^32: a target's time over the wrap is as long as ever."""
    before_ns = (1 << 32) * 1000 * 7 - 40_000
    reply = PlainProbe(1, wire_us(before_ns)).answered(before_ns, before_ns + 100_000)
    assert (reply.received_us, reply.answered_us) == ((1 << 32) - 40, 60)
    assert reply.turnaround_ns == 100_000


def test_a_key_does_not_show_itself() -> None:
    """Not in a log, and a short one is refused."""
    assert "0123" not in repr(KEY)
    with pytest.raises(ValueError, match="at least 16"):
        Key.of(b"short")
