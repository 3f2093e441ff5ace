"""How things are named: MACs, DUIDs, slugs, addresses and prefixes, and their text forms.

Any usual spelling comes in, one spelling goes out (DUIDs: RFC 8415 section 11).
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NewType

Mac = NewType("Mac", str)
"""A 48-bit MAC as ``aa:bb:cc:dd:ee:ff``; only ``mac_from_text`` makes one."""
Duid = NewType("Duid", str)
"""A DHCP unique identifier as lower-case colon-separated octets, 3 to 130 of them (RFC 8415 section 11.1)."""
Slug = NewType("Slug", str)
"""A short name of at most 100 lower-case letters, digits, ``-``, ``_``, ``.``; starts with a letter or digit."""

Address = IPv4Address | IPv6Address
Prefix = IPv4Network | IPv6Network

_SEPARATORS = re.compile(r"[:.\-\s]")
_HEX = re.compile(r"[0-9a-f]*\Z")
_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}\Z")


def mac_from_text(text: str) -> Mac:
    """Read a MAC in colon, hyphen, Cisco dotted or bare form; ``ValueError`` for anything else."""
    digits = _SEPARATORS.sub("", text.strip()).lower()
    if len(digits) != 12 or not _HEX.match(digits):
        raise ValueError(f"{text!r} is not a MAC address (12 hexadecimal digits, such as 52:54:00:12:34:56)")
    return Mac(_colons(digits))


def duid_from_text(text: str) -> Duid:
    """Read a DUID as hexadecimal octets with or without separators; ``ValueError`` for anything else."""
    digits = _SEPARATORS.sub("", text.strip()).lower()
    if len(digits) % 2 or not 6 <= len(digits) <= 260 or not _HEX.match(digits):
        raise ValueError(f"{text!r} is not a DUID (3 to 130 hexadecimal octets)")
    return Duid(_colons(digits))


def slug_from_text(text: str) -> Slug:
    """Read a slug; ``ValueError`` if it has other characters than a slug may have."""
    if not _SLUG.match(text):
        raise ValueError(f"{text!r} is not a slug (lower-case letters, digits, '-', '_', '.'; at most 100)")
    return Slug(text)


def _colons(digits: str) -> str:
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))
