"""Router advertisements: how a site's gateway tells hosts about its IPv6 prefix (RFC 4861 section 4.2). Bytes only.

Without them a BIOS machine is late: QEMU's iPXE solicits routers beside DHCPv4 and gives up after some 13 s.

     0                   1                   2                   3
    ┌───────────────┬───────────────┬───────────────────────────────┐
    │ type 134      │ code 0        │ checksum (by the kernel)      │
    ├───────────────┼─┬─┬───────────┼───────────────────────────────┤
    │ hop limit     │M│O│ reserved  │ router lifetime, s            │
    ├───────────────┴─┴─┴───────────┴───────────────────────────────┤
    │ reachable time, ms (0: not said)                              │
    ├───────────────────────────────────────────────────────────────┤
    │ retransmission time, ms (0: not said)                         │
    ├───────────────────────────────────────────────────────────────┤
    │ options: prefix information (type 3, 32 bytes)                │
    └───────────────────────────────────────────────────────────────┘

    message = encode(IPv6Network("fd77::/64"), managed=False)
"""

from __future__ import annotations

import struct
from ipaddress import IPv6Network

SOLICITATION = 133
ADVERTISEMENT = 134

_HOP_LIMIT = 64
_LIFETIME_S = 1800
_MANAGED_AND_OTHER = 0xC0
_PREFIX_INFORMATION, _PREFIX_WORDS = 3, 4  # length counts in units of 8 bytes
_ON_LINK, _AUTONOMOUS = 0x80, 0x40
_FOREVER_S = 0xFFFFFFFF


def encode(prefix: IPv6Network, *, managed: bool) -> bytes:
    """Give an advertisement of a default router with one prefix; ``managed``: addresses come from DHCPv6.

    Hosts form addresses of their own only where they are not managed, and only from a /64 (RFC 4862 section 5.5.3).
    """
    flags = _MANAGED_AND_OTHER if managed else 0
    head = struct.pack("!BBHBBHII", ADVERTISEMENT, 0, 0, _HOP_LIMIT, flags, _LIFETIME_S, 0, 0)
    kind = _ON_LINK | (0 if managed or prefix.prefixlen != 64 else _AUTONOMOUS)
    option = (_PREFIX_INFORMATION, _PREFIX_WORDS, prefix.prefixlen, kind, _FOREVER_S, _FOREVER_S, 0)
    return head + struct.pack("!BBBBIII", *option) + prefix.network_address.packed
