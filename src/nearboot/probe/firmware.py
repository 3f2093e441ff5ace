"""What real boot firmware says of itself in DHCP: a table of clients to impersonate, and the replies they get.

Pure: `client` puts these on the wire. The strings, option lists and orders are those seen from Debian 12's OVMF
(edk2 2022.11), iPXE and debian-installer; architectures are IANA's processor architecture types.

    FIRMWARES["uefi-x64"].vendor_class  # "PXEClient:Arch:00007:UNDI:003000"
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

_EDK2_PXE = (
    *range(1, 7),
    12,
    13,
    15,
    17,
    18,
    22,
    23,
    28,
    40,
    41,
    42,
    43,
    50,
    51,
    54,
    58,
    59,
    60,
    66,
    67,
    97,
    *range(128, 136),
)
_EDK2_HTTP = (1, 3, 6, 15, 43, 54, 60, 67)  # no option 66
_IPXE = (1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, *range(128, 136), 175, 203)
_SYSTEM = (1, 3, 6, 12, 15, 28, 42, 66, 67)
_EDK2_ORO = (59, 60, 23, 16)
_SYSTEM_ORO = (23, 24)


@dataclass(frozen=True, slots=True)
class Firmware:
    """One kind of DHCP client. ``arch`` None: it is no netbooting client and sends neither option 93 nor 61."""

    name: str
    arch: int | None
    vendor_class: str  # option 60; option 16 in DHCPv6
    parameters: tuple[int, ...] = _EDK2_PXE  # option 55
    request6: tuple[int, ...] = _EDK2_ORO  # the DHCPv6 option request option
    user_class: str = ""
    features: bytes = b""  # option 175, iPXE's encapsulated options


FIRMWARES = {
    firmware.name: firmware
    for firmware in (
        Firmware("bios", 0, "PXEClient:Arch:00000:UNDI:002001"),
        Firmware("uefi-ia32", 6, "PXEClient:Arch:00006:UNDI:003000"),
        Firmware("uefi-x64", 7, "PXEClient:Arch:00007:UNDI:003000"),
        Firmware("uefi-bc", 9, "PXEClient:Arch:00009:UNDI:003000"),
        Firmware("uefi-arm64", 11, "PXEClient:Arch:00011:UNDI:003000"),
        Firmware("http-x64", 16, "HTTPClient:Arch:00016:UNDI:003000", _EDK2_HTTP),
        Firmware("http-arm64", 19, "HTTPClient:Arch:00019:UNDI:003000", _EDK2_HTTP),
        # Sub-options of 175: 23 (multicast DNS), 33, 19 (HTTP), 25 (ELF) and so on, each a byte of 1.
        Firmware(
            "ipxe-bios", 0, "PXEClient:Arch:00000:UNDI:002001", _IPXE, user_class="iPXE", features=b"\x13\x01\x01"
        ),
        Firmware("ipxe-x64", 7, "PXEClient:Arch:00007:UNDI:003010", _IPXE, user_class="iPXE", features=b"\x13\x01\x01"),
        Firmware("d-i", None, "d-i", _SYSTEM, _SYSTEM_ORO),
        Firmware("udhcp", None, "udhcp 1.35.0", _SYSTEM, _SYSTEM_ORO),
    )
}
"""Firmware by name."""


@dataclass(frozen=True, slots=True)
class Reply4:
    """A DHCPOFFER or DHCPACK as a boot firmware reads it; text fields are empty where the reply has none."""

    kind: str  # "offer", "ack", "nak"
    yiaddr: IPv4Address
    siaddr: IPv4Address  # next-server
    sname: str
    file: str
    server_id: IPv4Address | None = None
    option60: str = ""
    option66: str = ""
    option67: str = ""
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class Reply6:
    """A DHCPv6 Advertise or Reply as a boot firmware reads it."""

    kind: str  # "advertise", "reply"
    addresses: tuple[IPv6Address, ...]
    bootfile_url: str = ""  # option 59
    vendor_class: str = ""  # option 16, the first text
    server_duid: bytes = b""
