"""The synthetic PXE client: what it sends, octet by octet, and what it makes of an answer.

It meets the real Kea in tests/kea; here a DHCP server of a few lines answers, and misbehaves.
"""

from __future__ import annotations

import asyncio
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.errors import PeerError, ProtocolError
from nearboot.model import mac_from_text
from nearboot.probe.client import ask4, ask6, boot4, boot6, discover4, parse4, parse6, request4, request6, solicit6
from nearboot.probe.firmware import FIRMWARES, Reply4, Reply6

MAC = mac_from_text("52:54:00:12:34:56")
GATEWAY, LINK = IPv4Address("10.10.0.1"), IPv6Address("fd10::1")
COOKIE = bytes([99, 130, 83, 99])
SERVER_DUID = bytes.fromhex("0002000009bf6e62")
Answer = Callable[[bytes], list[bytes]]


def options4(message: bytes) -> dict[int, bytes]:
    """The options of a BOOTP message, read without scapy."""
    assert message[236:240] == COOKIE
    found, at = {}, 240
    while message[at] != 255:
        found[message[at]] = message[at + 2 : at + 2 + message[at + 1]]
        at += 2 + message[at + 1]
    return found


def options6(data: bytes) -> dict[int, bytes]:
    """A sequence of DHCPv6 options, read without scapy."""
    found, at = {}, 0
    while at < len(data):
        code, size = struct.unpack_from("!HH", data, at)
        found[code] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return found


def answer4(message: bytes, *, xid: bytes | None = None) -> bytes:
    """What a DHCP server would say: an offer to a DISCOVER, an ACK to a REQUEST."""
    kind = {1: 2, 3: 5}[options4(message)[53][0]]
    header = bytes([2, 1, 6, 0]) + (xid or message[4:8]) + bytes(8)
    addresses = bytes([10, 10, 0, 21, 10, 10, 0, 2]) + GATEWAY.packed
    names = b"boot".ljust(64, b"\0") + b"grubnetx64.efi".ljust(128, b"\0")
    options = bytes([53, 1, kind, 54, 4, 10, 10, 0, 1, 66, 9]) + b"10.10.0.2" + b"\x43\x05x.efi" + b"\x0c\x03web\xff"
    return header + addresses + message[28:44] + names + COOKIE + options


def answer6(message: bytes) -> bytes:
    """An Advertise to a SOLICIT, a Reply to a REQUEST, in a RELAY-REPL."""
    inner = options6(message[34:])[9]
    kind = {1: 2, 3: 7}[inner[0]]
    lease = struct.pack("!HH16sII", 5, 24, IPv6Address("fd10::21").packed, 60, 60)
    parts = {
        1: options6(inner[4:])[1],
        2: SERVER_DUID,
        3: inner[0:1] * 0 + struct.pack("!III", 1, 0, 0) + lease,
        59: b"tftp://[fd10::2]/grubnetx64.efi",
        16: struct.pack("!IH", 343, 10) + b"HTTPClient",
    }
    body = b"".join(struct.pack("!HH", code, len(data)) + data for code, data in parts.items())
    reply = bytes([kind]) + inner[1:4] + body
    return bytes([13]) + message[1:34] + struct.pack("!HH", 9, len(reply)) + reply


class Server(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self.answer, self.heard = answer, list[bytes]()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # of UDP it is one
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)
        for datagram in self.answer(data):
            self.transport.sendto(datagram, addr)


async def with_server(
    host: str, answer: Answer, talk: Callable[[tuple[str, int]], object]
) -> tuple[object, list[bytes]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: Server(answer), local_addr=(host, 0))
    try:
        coroutine = talk(transport.get_extra_info("sockname")[:2])
        assert asyncio.iscoroutine(coroutine)
        return await coroutine, server.heard
    finally:
        transport.close()


def test_a_discover_is_what_ovmf_sends() -> None:
    """Header in relay form, and the options by which a server tells a UEFI x64 firmware."""
    message = discover4(FIRMWARES["uefi-x64"], MAC, xid=0x01020304, giaddr=GATEWAY, uuid=UUID(int=0x11223344 << 96))
    assert message[:8] == bytes([1, 1, 6, 1, 1, 2, 3, 4])
    assert message[24:28] == GATEWAY.packed and message[28:34] == bytes.fromhex("525400123456")
    options = options4(message)
    assert options[53] == b"\x01" and options[93] == b"\x00\x07" and options[94] == b"\x01\x03\x00"
    assert options[60] == b"PXEClient:Arch:00007:UNDI:003000"
    assert options[97] == b"\0" + bytes.fromhex("44332211") + bytes(12)  # SMBIOS order: three fields are swapped
    assert 77 not in options and set(FIRMWARES["uefi-x64"].parameters) == set(options[55])


def test_ipxe_sends_its_user_class_bare_and_its_features() -> None:
    """Not length-prefixed as RFC 3004 has it."""
    options = options4(discover4(FIRMWARES["ipxe-bios"], MAC, xid=1, giaddr=GATEWAY))
    assert options[77] == b"iPXE" and 175 in options


def test_an_installer_is_no_netbooting_client() -> None:
    """No architecture, no UUID: only its vendor class."""
    options = options4(discover4(FIRMWARES["d-i"], MAC, xid=1, giaddr=GATEWAY))
    assert options[60] == b"d-i" and not options.keys() & {93, 94, 97}


def test_a_request_names_the_address_and_the_server() -> None:
    """RFC 2131 section 4.3.2, SELECTING state."""
    offer = Reply4("offer", IPv4Address("10.10.0.21"), IPv4Address("10.10.0.2"), "", "", IPv4Address("10.10.0.1"))
    options = options4(request4(FIRMWARES["bios"], MAC, offer, xid=1, giaddr=GATEWAY))
    assert options[53] == b"\x03" and options[50] == offer.yiaddr.packed and options[54] == GATEWAY.packed


def test_a_solicit_is_relayed_from_the_clients_own_link_local_address() -> None:
    """RELAY-FORW: hop 0, the link, fe80 with the MAC as EUI-64; inside it options 61, 62, 16 and the ORO."""
    message = solicit6(FIRMWARES["uefi-x64"], MAC, trid=0x010203, link=LINK)
    assert message[:2] == bytes([12, 0]) and message[2:18] == LINK.packed
    assert IPv6Address(message[18:34]) == IPv6Address("fe80::5054:ff:fe12:3456")
    inner = options6(message[34:])[9]
    assert inner[:4] == bytes([1, 1, 2, 3])
    options = options6(inner[4:])
    assert options[61] == b"\x00\x07" and options[62] == b"\x01\x03\x00"
    assert options[16] == struct.pack("!IH", 343, 32) + b"PXEClient:Arch:00007:UNDI:003000"
    assert options[6] == struct.pack("!4H", 59, 60, 23, 16)
    assert options[1][:2] == b"\x00\x01" and options[1].endswith(bytes.fromhex("525400123456"))


def test_a_machine_with_a_uuid_identifies_itself_by_it() -> None:
    """DUID-UUID (type 4), in the order in which SMBIOS stores it: seen from OVMF with ``-uuid``."""
    uuid = UUID("11223344-5566-7788-99aa-bbccddeeff00")
    inner = options6(solicit6(FIRMWARES["uefi-x64"], MAC, trid=1, link=LINK, uuid=uuid)[34:])[9]
    assert options6(inner[4:])[1] == bytes.fromhex("0004 44332211 6655 8877 99aabbccddeeff00")


def test_a_request6_names_the_server() -> None:
    """RFC 8415 section 18.2.2."""
    advert = Reply6("advertise", (), server_duid=SERVER_DUID)
    inner = options6(request6(FIRMWARES["ipxe-x64"], MAC, advert, trid=1, link=LINK)[34:])[9]
    options = options6(inner[4:])
    assert inner[0] == 3 and options[2] == SERVER_DUID and options[15] == b"\x00\x04iPXE"


def test_replies_are_read_as_a_firmware_reads_them() -> None:
    """Fields up to their NUL, options by number."""
    xid, four = parse4(answer4(discover4(FIRMWARES["bios"], MAC, xid=7, giaddr=GATEWAY)))
    assert xid == 7
    assert (four.kind, str(four.yiaddr), str(four.siaddr)) == ("offer", "10.10.0.21", "10.10.0.2")
    assert (four.sname, four.file, four.server_id) == ("boot", "grubnetx64.efi", GATEWAY)
    assert (four.option66, four.option67, four.option60, four.hostname) == ("10.10.0.2", "x.efi", "", "web")
    trid, six = parse6(answer6(solicit6(FIRMWARES["uefi-x64"], MAC, trid=9, link=LINK)))
    assert (trid, six.kind, six.addresses) == (9, "advertise", (IPv6Address("fd10::21"),))
    assert (six.bootfile_url, six.vendor_class) == ("tftp://[fd10::2]/grubnetx64.efi", "HTTPClient")
    assert six.server_duid == SERVER_DUID


@pytest.mark.parametrize("datagram", [pytest.param(b"", id="empty"), pytest.param(b"\x02" * 20, id="short")])
def test_what_is_no_reply_is_a_protocol_error(datagram: bytes) -> None:
    """And nothing else."""
    with pytest.raises(ProtocolError):
        parse4(datagram)
    with pytest.raises(ProtocolError):
        parse6(datagram)


@given(st.binary(max_size=120))
def test_any_datagram_is_a_reply_or_a_protocol_error(noise: bytes) -> None:
    """Also where it begins well."""
    with suppress(ProtocolError):
        parse4(b"\x02" + bytes(235) + COOKIE + noise)
    with suppress(ProtocolError):
        parse6(b"\x0d" + bytes(33) + noise)
    with suppress(ProtocolError):
        parse6(b"\x0d" + bytes(33) + struct.pack("!HH", 9, len(noise) + 1) + b"\x02" + noise)


def test_a_boot_is_four_messages() -> None:
    """DISCOVER, OFFER, REQUEST, ACK; SOLICIT, ADVERTISE, REQUEST, REPLY."""
    bios, uefi = FIRMWARES["bios"], FIRMWARES["uefi-x64"]
    local4, local6 = ("127.0.0.1", 0), ("::1", 0)
    ack, heard4 = asyncio.run(
        with_server(
            "127.0.0.1",
            lambda message: [answer4(message)],
            lambda server: boot4(bios, MAC, giaddr=GATEWAY, server=server, local=local4, timeout_s=20),
        )
    )
    assert isinstance(ack, Reply4) and ack.kind == "ack"
    assert [options4(message)[53] for message in heard4] == [b"\x01", b"\x03"]
    reply, heard6 = asyncio.run(
        with_server(
            "::1",
            lambda message: [answer6(message)],
            lambda server: boot6(uefi, MAC, link=LINK, server=server, local=local6, timeout_s=20),
        )
    )
    assert isinstance(reply, Reply6) and reply.kind == "reply"
    assert len(heard6) == 2


def test_anothers_reply_and_noise_are_passed_over() -> None:
    """Only our own transaction's answer counts."""
    reply, _ = asyncio.run(
        with_server(
            "127.0.0.1",
            lambda message: [answer4(message, xid=b"\0\0\0\0"), b"noise", answer4(message)],
            lambda server: ask4(
                FIRMWARES["bios"], MAC, giaddr=GATEWAY, server=server, local=("127.0.0.1", 0), timeout_s=20
            ),
        )
    )
    assert isinstance(reply, Reply4) and reply.kind == "offer"


def test_silence_is_a_peer_error() -> None:
    """With the server's name and how long was waited."""
    with pytest.raises(PeerError, match=r"no answer from ::1 port \d+ in 0.05 s"):
        asyncio.run(
            with_server(
                "::1",
                lambda message: [],
                lambda server: ask6(FIRMWARES["bios"], MAC, link=LINK, server=server, local=("::1", 0), timeout_s=0.05),
            )
        )


def test_importing_the_module_does_not_import_scapy() -> None:
    """scapy takes a second to import: only who sends packets waits for it."""
    code = "import sys, nearboot.probe.client; sys.exit('scapy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
