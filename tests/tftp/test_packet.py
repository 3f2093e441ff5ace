"""Packets byte by byte, and any bytes at all."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.errors import ProtocolError
from nearboot.tftp.packet import Ack, Data, Error, Mode, Opcode, OptionAck, Packet, Request, encode, parse

WIRE = [
    pytest.param(b"\0\1cfg\0octet\0", Request(Opcode.RRQ, "cfg", Mode.OCTET), id="plain-rrq"),
    pytest.param(b"\0\2cfg\0octet\0", Request(Opcode.WRQ, "cfg", Mode.OCTET), id="wrq"),
    pytest.param(
        b"\0\1pxelinux.0\0octet\0blksize\x001432\0tsize\x000\0",
        Request(Opcode.RRQ, "pxelinux.0", Mode.OCTET, (("blksize", "1432"), ("tsize", "0"))),
        id="ipxe-rrq",
    ),
    pytest.param(b"\0\3\0\1abc", Data(1, b"abc"), id="data"),
    pytest.param(b"\0\3\xff\xff", Data(65535, b""), id="empty-data"),
    pytest.param(b"\0\4\1\0", Ack(256), id="ack"),
    pytest.param(b"\0\5\0\1gone\0", Error(1, "gone"), id="error"),
    pytest.param(b"\0\6tsize\x009\0", OptionAck((("tsize", "9"),)), id="oack"),
]


@pytest.mark.parametrize(("wire", "packet"), WIRE)
def test_wire_and_value_are_the_same_packet(wire: bytes, packet: Packet) -> None:
    """RFC 1350 section 5, RFC 2347."""
    assert parse(wire) == packet
    assert encode(packet) == wire


TOLERATED = [
    pytest.param(b"\0\1a\0OcTeT\0", Request(Opcode.RRQ, "a", Mode.OCTET), id="mode-in-any-case"),
    pytest.param(
        b"\0\1a\0octet\0multicast\0\0",
        Request(Opcode.RRQ, "a", Mode.OCTET, (("multicast", ""),)),
        id="ipxe-tftm-empty-value",
    ),
    pytest.param(b"\0\1a\0octet\0\0\0\0\0", Request(Opcode.RRQ, "a", Mode.OCTET), id="nul-padding"),
    pytest.param(b"\0\1a\xff\0octet\0", Request(Opcode.RRQ, "a\xff", Mode.OCTET), id="latin-1-name"),
    pytest.param(b"\0\4\0\7\0\0\0\0", Ack(7), id="padded-ack"),
    pytest.param(b"\0\5\0\0closed", Error(0, "closed"), id="error-without-nul"),
]


@pytest.mark.parametrize(("wire", "packet"), TOLERATED)
def test_what_firmware_gets_wrong_is_taken(wire: bytes, packet: Packet) -> None:
    """Boot ROMs cannot be fixed; where the meaning is clear, it is taken."""
    assert parse(wire) == packet


BROKEN = [
    pytest.param(b"", id="empty"),
    pytest.param(b"\0\4\0", id="three-bytes"),
    pytest.param(b"\0\0\0\0", id="opcode-0"),
    pytest.param(b"\0\7\0\0", id="opcode-7"),
    pytest.param(b"\1\4\0\1", id="high-byte-of-the-opcode"),
    pytest.param(b"\0\1abcd", id="rrq-without-mode"),
    pytest.param(b"\0\1a\0octet", id="mode-not-ended"),
    pytest.param(b"\0\1a\0binary\0", id="unknown-mode"),
    pytest.param(b"\0\1a\0octet\0blksize\0", id="option-without-value"),
    pytest.param(b"\0\1a\0octet\0blksize\x00512", id="value-not-ended"),
    pytest.param(b"\0\1" + b"a" * 1100 + b"\0octet\0", id="too-long"),
]


@pytest.mark.parametrize("wire", BROKEN)
def test_nonsense_is_a_protocol_error(wire: bytes) -> None:
    """The peer's fault, by name."""
    with pytest.raises(ProtocolError):
        parse(wire)


texts = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=40)
options = st.lists(st.tuples(texts.filter(bool), texts), max_size=4).map(tuple)
blocks = st.integers(0, 65535)
packets = st.one_of(
    st.builds(Request, st.sampled_from([Opcode.RRQ, Opcode.WRQ]), texts, st.sampled_from(Mode), options),
    st.builds(Data, blocks, st.binary(max_size=600)),
    st.builds(Ack, blocks),
    st.builds(Error, blocks, texts),
    st.builds(OptionAck, options.filter(bool)),
)


@given(packets)
def test_parse_takes_back_what_encode_makes(packet: Packet) -> None:
    """parse(encode(p)) == p, up to the length that a request may have."""
    wire = encode(packet)
    if len(wire) <= 1024:
        assert parse(wire) == packet


@given(st.one_of(st.binary(max_size=80), st.binary(max_size=80).map(lambda tail: b"\0\1" + tail)))
def test_any_bytes_are_a_packet_or_a_protocol_error(wire: bytes) -> None:
    """Nothing else comes out of parse, whatever comes in."""
    with suppress(ProtocolError):
        parse(wire)


def test_a_text_with_nul_cannot_be_sent() -> None:
    """It would end early on the wire, and mean something else."""
    with pytest.raises(ProtocolError):
        encode(Error(0, "a\0b"))
