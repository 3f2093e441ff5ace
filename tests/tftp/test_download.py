"""The client's state machine, datagram by datagram."""

from __future__ import annotations

import pytest

from nearboot.errors import PeerError, ProtocolError
from nearboot.tftp.download import Download
from nearboot.tftp.packet import Ack, Data, Error, Mode, Opcode, OptionAck, Packet, Request, encode, parse


def give(download: Download, packet: Packet) -> Packet | None:
    reply = download.receive(encode(packet))
    return None if reply is None else parse(reply)


def test_a_plain_read() -> None:
    """A server without options sends DATA at once: blocks of 512."""
    download = Download("f")
    assert parse(download.request()) == Request(Opcode.RRQ, "f", Mode.OCTET, (("blksize", "1428"), ("tsize", "0")))
    assert give(download, Data(1, b"a" * 512)) == Ack(1)
    assert give(download, Data(1, b"a" * 512)) == Ack(1)
    assert give(download, Data(2, b"b")) == Ack(2)
    assert (download.done, download.content()) == (True, b"a" * 512 + b"b")


def test_a_read_with_windows() -> None:
    """One ACK a window, one for a gap, one for the end."""
    download = Download("f", blksize=8, windowsize=3)
    download.request()
    assert give(download, OptionAck((("blksize", "8"), ("tsize", "29"), ("windowsize", "3")))) == Ack(0)
    assert download.size == 29
    assert give(download, Data(1, bytes(8))) is None
    assert give(download, Data(3, bytes(8))) == Ack(1)
    assert give(download, Data(3, bytes(8))) is None
    assert give(download, Data(2, bytes(8))) is None
    assert give(download, Data(3, bytes(8))) is None
    assert give(download, Data(4, bytes(5))) == Ack(4)
    assert download.done


def test_time_outs_repeat_the_request_then_the_last_ack() -> None:
    """Whichever may have been lost."""
    download = Download("f")
    request = download.request()
    assert download.again() == request
    give(download, OptionAck((("tsize", "600"),)))
    assert parse(download.again()) == Ack(0)
    give(download, Data(1, bytes(512)))
    assert parse(download.again()) == Ack(1)


BROKEN = [
    pytest.param(OptionAck((("windowsize", "4"),)), id="not-asked"),
    pytest.param(OptionAck((("blksize", "1429"),)), id="larger-than-asked"),
    pytest.param(OptionAck((("blksize", "7"),)), id="too-small"),
    pytest.param(OptionAck((("tsize", "many"),)), id="no-number"),
    pytest.param(Data(1, bytes(513)), id="more-than-the-block-size"),
    pytest.param(Ack(1), id="an-ack-from-a-server"),
]


@pytest.mark.parametrize("packet", BROKEN)
def test_a_server_that_breaks_a_rule_is_found_out(packet: Packet) -> None:
    """A health check must see what a boot ROM would refuse."""
    download = Download("f")
    download.request()
    with pytest.raises(ProtocolError):
        give(download, packet)


def test_an_error_is_the_peers_refusal() -> None:
    """With its code and its text."""
    with pytest.raises(PeerError, match=r"ERROR 1: file not found"):
        give(Download("f"), Error(1, "file not found"))


def test_a_read_is_bounded() -> None:
    """A hostile server cannot fill our memory."""
    download = Download("f", max_bytes=1000)
    give(download, Data(1, bytes(512)))
    with pytest.raises(ProtocolError, match="more than 1000"):
        give(download, Data(2, bytes(512)))


def test_a_late_oack_changes_nothing() -> None:
    """A duplicate of it, after DATA has begun."""
    download = Download("f")
    give(download, OptionAck((("blksize", "8"),)))
    give(download, Data(1, bytes(8)))
    assert give(download, OptionAck((("blksize", "8"),))) is None


def test_the_last_block_number_is_told() -> None:
    """A server may go on with 0 or with 1 then: whoever gets no further is told of it."""
    download = Download("f", blksize=8, windowsize=65535)
    download.request()
    give(download, OptionAck((("blksize", "8"), ("windowsize", "65535"))))
    assert not download.rolling
    for block in range(1, 65536):
        download.receive(encode(Data(block, bytes(8))))
    assert download.rolling
    download.receive(encode(Data(0, bytes(8))))
    assert not download.rolling
