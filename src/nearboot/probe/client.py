"""A synthetic PXE client: asks a DHCP server what a real firmware would ask, and reads the answer.

It speaks as a relay (giaddr; RELAY-FORW, RFC 8415 section 9), so that it needs neither root nor a network: a datagram
from loopback can come "from" any subnet. Not a DHCP client: it configures nothing. The only file that imports scapy,
and only when called, because that takes a second.

    reply = await boot4(FIRMWARES["uefi-x64"], mac, giaddr=gateway, server=("127.0.0.1", 67), local=("127.0.0.1", 68))
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from random import Random
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from nearboot.errors import PeerError, ProtocolError
from nearboot.model import Mac
from nearboot.probe.firmware import Firmware, Reply4, Reply6

if TYPE_CHECKING:
    from scapy.packet import Packet

Endpoint = tuple[str, int]
Reply = TypeVar("Reply", Reply4, Reply6)

_KINDS4 = {2: "offer", 5: "ack", 6: "nak"}
_KINDS6 = {2: "advertise", 7: "reply"}
_BROADCAST_FLAG = 0x8000  # firmware cannot receive unicast before it has an address (RFC 2131 section 4.1)
_BOOTP_OCTETS = 236  # the fixed fields (RFC 2131 section 2); options follow the cookie
_COOKIE = bytes([99, 130, 83, 99])
_RELAY_OCTETS = 34  # of a RELAY-REPL before its options (RFC 8415 section 9)
_IAID = 1
_EDK2_ENTERPRISE = 343  # Intel


async def ask4(
    firmware: Firmware, mac: Mac, *, giaddr: IPv4Address, server: Endpoint, local: Endpoint, timeout_s: float = 2.0
) -> Reply4:
    """Send a DHCPDISCOVER and return the offer; ``PeerError`` if none comes in time."""
    xid = Random().getrandbits(32)
    message = discover4(firmware, mac, xid=xid, giaddr=giaddr)
    return await _exchange(message, server, local, timeout_s, _reader4(xid))


async def boot4(
    firmware: Firmware, mac: Mac, *, giaddr: IPv4Address, server: Endpoint, local: Endpoint, timeout_s: float = 2.0
) -> Reply4:
    """Go through DISCOVER, OFFER, REQUEST, ACK as a boot does, and return the ACK."""
    offer = await ask4(firmware, mac, giaddr=giaddr, server=server, local=local, timeout_s=timeout_s)
    xid = Random().getrandbits(32)
    message = request4(firmware, mac, offer, xid=xid, giaddr=giaddr)
    return await _exchange(message, server, local, timeout_s, _reader4(xid))


async def ask6(
    firmware: Firmware,
    mac: Mac,
    *,
    link: IPv6Address,
    server: Endpoint,
    local: Endpoint,
    uuid: UUID | None = None,
    timeout_s: float = 2.0,
) -> Reply6:
    """Send a SOLICIT through a relay on ``link`` and return the Advertise; ``PeerError`` if none comes in time.

    With a ``uuid`` (SMBIOS) the client identifies itself by DUID-UUID, as EDK2 does, else by DUID-LLT.
    """
    trid = Random().getrandbits(24)
    message = solicit6(firmware, mac, trid=trid, link=link, uuid=uuid)
    return await _exchange(message, server, local, timeout_s, _reader6(trid))


async def boot6(
    firmware: Firmware,
    mac: Mac,
    *,
    link: IPv6Address,
    server: Endpoint,
    local: Endpoint,
    uuid: UUID | None = None,
    timeout_s: float = 2.0,
) -> Reply6:
    """Go through SOLICIT, ADVERTISE, REQUEST, REPLY as a boot does, and return the Reply."""
    advert = await ask6(firmware, mac, link=link, server=server, local=local, uuid=uuid, timeout_s=timeout_s)
    trid = Random().getrandbits(24)
    message = request6(firmware, mac, advert, trid=trid, link=link, uuid=uuid)
    return await _exchange(message, server, local, timeout_s, _reader6(trid))


def discover4(firmware: Firmware, mac: Mac, *, xid: int, giaddr: IPv4Address, uuid: UUID | None = None) -> bytes:
    """Build a relayed DHCPDISCOVER."""
    return _bootp(firmware, mac, [("message-type", "discover")], xid=xid, giaddr=giaddr, uuid=uuid)


def request4(
    firmware: Firmware, mac: Mac, offer: Reply4, *, xid: int, giaddr: IPv4Address, uuid: UUID | None = None
) -> bytes:
    """Build the relayed DHCPREQUEST that accepts an offer."""
    head: list[tuple[str | int, object]] = [("message-type", "request"), ("requested_addr", str(offer.yiaddr))]
    if offer.server_id is not None:
        head.append(("server_id", str(offer.server_id)))
    return _bootp(firmware, mac, head, xid=xid, giaddr=giaddr, uuid=uuid)


def solicit6(firmware: Firmware, mac: Mac, *, trid: int, link: IPv6Address, uuid: UUID | None = None) -> bytes:
    """Build a SOLICIT inside a RELAY-FORW."""
    from scapy.layers.dhcp6 import DHCP6_Solicit  # noqa: PLC0415 (scapy is slow to import)

    return _relayed6(DHCP6_Solicit(trid=trid) / _options6(firmware, mac, uuid), mac, link)


def request6(
    firmware: Firmware, mac: Mac, advert: Reply6, *, trid: int, link: IPv6Address, uuid: UUID | None = None
) -> bytes:
    """Build the REQUEST, inside a RELAY-FORW, that accepts an Advertise."""
    from scapy.layers.dhcp6 import DHCP6_Request, DHCP6OptServerId  # noqa: PLC0415 (scapy is slow to import)
    from scapy.packet import Raw  # noqa: PLC0415 (scapy is slow to import)

    server = DHCP6OptServerId(duid=Raw(advert.server_duid))
    return _relayed6(DHCP6_Request(trid=trid) / server / _options6(firmware, mac, uuid), mac, link)


def parse4(datagram: bytes) -> tuple[int, Reply4]:
    """Read a reply and its transaction id; ``ProtocolError`` for what is no DHCP reply."""
    from scapy.layers.dhcp import BOOTP, DHCP  # noqa: PLC0415 (scapy is slow to import)

    if datagram[:1] != b"\x02" or datagram[_BOOTP_OCTETS : _BOOTP_OCTETS + 4] != _COOKIE:
        raise ProtocolError("a datagram that is no DHCP reply")
    packet = BOOTP(datagram)
    if DHCP not in packet:
        raise ProtocolError("a DHCP reply without options")
    options = {item[0]: item[1] for item in packet[DHCP].options if isinstance(item, tuple)}
    server = options.get("server_id")
    return packet.xid, Reply4(
        kind=_KINDS4.get(options.get("message-type", 0), "other"),
        yiaddr=IPv4Address(packet.yiaddr),
        siaddr=IPv4Address(packet.siaddr),
        sname=_until_nul(packet.sname),
        file=_until_nul(packet.file),
        server_id=IPv4Address(server) if server else None,
        option60=_until_nul(options.get("vendor_class_id", b"")),
        option66=_until_nul(options.get("tftp_server_name", b"")),
        option67=_until_nul(options.get("boot-file-name", b"")),
        hostname=_until_nul(options.get("hostname", b"")),
    )


def parse6(datagram: bytes) -> tuple[int, Reply6]:
    """Read a reply out of its RELAY-REPL, and its transaction id; ``ProtocolError`` for anything else."""
    from scapy.layers import dhcp6  # noqa: PLC0415 (scapy is slow to import)

    if datagram[:1] != b"\x0d" or len(datagram) < _RELAY_OCTETS:
        raise ProtocolError("a datagram that is no DHCPv6 relay reply")
    message = dhcp6.DHCP6_RelayReply(datagram).getlayer(dhcp6.DHCP6OptRelayMsg)
    inner = message.message if message else None
    if not isinstance(inner, dhcp6.DHCP6_Advertise | dhcp6.DHCP6_Reply):
        raise ProtocolError("a DHCPv6 relay reply with neither Advertise nor Reply in it")
    url, server = inner.getlayer(dhcp6.DHCP6OptBootFileUrl), inner.getlayer(dhcp6.DHCP6OptServerId)
    vendor = inner.getlayer(dhcp6.DHCP6OptVendorClass)
    return inner.trid, Reply6(
        kind=_KINDS6.get(inner.msgtype, "other"),
        addresses=_addresses6(inner),
        bootfile_url=_until_nul(url.optdata) if url else "",
        vendor_class=_until_nul(vendor.vcdata[0].data) if vendor and vendor.vcdata else "",
        server_duid=bytes(server.duid) if server else b"",
    )


def _bootp(
    firmware: Firmware,
    mac: Mac,
    head: list[tuple[str | int, object]],
    *,
    xid: int,
    giaddr: IPv4Address,
    uuid: UUID | None,
) -> bytes:
    from scapy.layers.dhcp import BOOTP, DHCP  # noqa: PLC0415 (scapy is slow to import)

    chaddr = bytes.fromhex(mac.replace(":", ""))
    header = BOOTP(op=1, htype=1, hlen=6, hops=1, xid=xid, flags=_BROADCAST_FLAG, giaddr=str(giaddr), chaddr=chaddr)
    options: list[object] = [*head, (57, (1472).to_bytes(2, "big")), ("param_req_list", list(firmware.parameters))]
    if firmware.arch is not None:
        options.append((97, b"\0" + (uuid.bytes_le if uuid else chaddr.rjust(16, b"\0"))))
        options.append((94, b"\x01\x03\x00"))  # UNDI 3.0
        options.append((93, firmware.arch.to_bytes(2, "big")))
    if firmware.user_class:
        options.append((77, firmware.user_class.encode()))
    if firmware.features:
        options.append((175, firmware.features))
    options += [("vendor_class_id", firmware.vendor_class.encode()), "end"]
    return bytes(header / DHCP(options=options))


def _options6(firmware: Firmware, mac: Mac, uuid: UUID | None) -> Packet:
    from scapy.layers import dhcp6  # noqa: PLC0415 (scapy is slow to import)

    # EDK2 copies the UUID as SMBIOS stores it: the first three fields with their octets reversed.
    by_uuid = uuid and dhcp6.DUID_UUID(uuid=UUID(bytes=uuid.bytes_le))
    duid = by_uuid or dhcp6.DUID_LLT(hwtype=1, timeval=0, lladdr=mac)
    packet = (
        dhcp6.DHCP6OptClientId(duid=duid)
        / dhcp6.DHCP6OptIA_NA(iaid=_IAID, T1=0, T2=0)
        / dhcp6.DHCP6OptElapsedTime()
        / dhcp6.DHCP6OptOptReq(reqopts=list(firmware.request6))
    )
    if firmware.arch is not None:
        packet /= dhcp6.DHCP6OptClientArchType(archtypes=[firmware.arch])
        packet /= dhcp6.DHCP6OptClientNetworkInterId(iitype=1, iimajor=3, iiminor=0)
    if firmware.user_class:
        packet /= dhcp6.DHCP6OptUserClass(userclassdata=[dhcp6.USER_CLASS_DATA(data=firmware.user_class)])
    text = dhcp6.VENDOR_CLASS_DATA(data=firmware.vendor_class)
    return packet / dhcp6.DHCP6OptVendorClass(enterprisenum=_EDK2_ENTERPRISE, vcdata=[text])


def _relayed6(message: Packet, mac: Mac, link: IPv6Address) -> bytes:
    from scapy.layers import dhcp6  # noqa: PLC0415 (scapy is slow to import)

    relay = dhcp6.DHCP6_RelayForward(hopcount=0, linkaddr=str(link), peeraddr=str(_link_local(mac)))
    return bytes(relay / dhcp6.DHCP6OptRelayMsg(message=message))


def _link_local(mac: Mac) -> IPv6Address:
    """The address that firmware makes of its MAC (modified EUI-64, RFC 4291 appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    interface = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return IPv6Address(b"\xfe\x80" + bytes(6) + interface)


def _addresses6(message: Packet) -> tuple[IPv6Address, ...]:
    from scapy.layers import dhcp6  # noqa: PLC0415 (scapy is slow to import)

    association = message.getlayer(dhcp6.DHCP6OptIA_NA)
    options = association.ianaopts if association else []
    return tuple(IPv6Address(option.addr) for option in options if isinstance(option, dhcp6.DHCP6OptIAAddress))


def _until_nul(field: bytes | str) -> str:
    octets = field.encode() if isinstance(field, str) else bytes(field)
    return octets.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def _reader4(xid: int) -> Callable[[bytes], Reply4 | None]:
    def read(datagram: bytes) -> Reply4 | None:
        found, reply = parse4(datagram)
        return reply if found == xid else None

    return read


def _reader6(trid: int) -> Callable[[bytes], Reply6 | None]:
    def read(datagram: bytes) -> Reply6 | None:
        found, reply = parse6(datagram)
        return reply if found == trid else None

    return read


class _Inbox(asyncio.DatagramProtocol):
    """Puts what arrives in a queue; a refusal (no server on that port) is an end to waiting."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        self.closed = asyncio.Event()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.received.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        self.received.put_nowait(exc if isinstance(exc, OSError) else OSError(str(exc)))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


async def _exchange(
    message: bytes, server: Endpoint, local: Endpoint, timeout_s: float, read: Callable[[bytes], Reply | None]
) -> Reply:
    loop = asyncio.get_running_loop()
    transport, inbox = await loop.create_datagram_endpoint(_Inbox, local_addr=local)
    try:
        transport.sendto(message, server)
        async with asyncio.timeout(timeout_s):
            return await _answer(inbox, read)
    except (TimeoutError, OSError) as error:
        what = f"no answer from {server[0]} port {server[1]} in {timeout_s} s"
        raise PeerError(
            what if isinstance(error, TimeoutError) else f"{server[0]} port {server[1]}: {error}"
        ) from error
    finally:
        transport.close()
        await inbox.closed.wait()  # the next message of this boot needs the same port


async def _answer(inbox: _Inbox, read: Callable[[bytes], Reply | None]) -> Reply:
    """Wait for the reply to our own transaction; another's, and noise, are none of our business."""
    while True:
        arrived = await inbox.received.get()
        if isinstance(arrived, OSError):
            raise arrived
        with suppress(ProtocolError):
            if reply := read(arrived):
                return reply
