"""What firmware asks for: a path as it came over TFTP or HTTP, made regular, and the host that it names.

Not the answer (``resolve``) and not the protocol that carried it. Every boot loader has a ladder of names that it
tries, most specific first; here each rung is one line of ``LADDERS``. Sources: PXELINUX (syslinux
``core/fs/pxe/pxe.c``), GRUB (``grub-core/net/net.c``, ``grub_net_search_config_file``), iPXE's ``chain``; checked
against what the real programs ask.

    >>> request = parse("/grub/by-mac/52:54:00:00:00:30.cfg")
    >>> request.family, request.keys
    (<NbpFamily.GRUB: 'grub'>, (HostKey(kind=<KeyKind.MAC: 'mac'>, value='52:54:00:00:00:30'),))
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import parse_qsl
from uuid import UUID

from nearboot.errors import ProtocolError
from nearboot.model import NbpFamily, mac_from_text

MAX_PATH = 512  # an RRQ is one datagram of at most 512 bytes (RFC 1350 section 5); no firmware asks for more over HTTP

_PADDING = "\x00\xff\ufffd\udcff"  # NUL, 0xFF, and what decoding makes of an 0xFF that is not UTF-8
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class KeyKind(Enum):
    """By what a file name tells hosts apart."""

    MAC = "mac"
    UUID = "uuid"  # SMBIOS UUID
    ADDRESS = "address"  # a whole IPv4 or IPv6 address
    NETWORK = "network"  # the start of an address: a group of hosts, never one
    CLIENT = "client"  # the name says nothing: whoever asks is meant


@dataclass(frozen=True, slots=True)
class HostKey:
    """One way to find the host that is meant. ``value``: a MAC with colons, a UUID with hyphens, an address, lower
    case."""

    kind: KeyKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class BootRequest:
    """A path that can be looked up: relative, without empty, ``.`` or ``..`` parts.

    ``family`` is set where the name is that of a boot loader's configuration; ``keys`` then say for which host, best
    key first. ``notes`` name what was repaired on the way in.
    """

    asked: str
    path: str
    family: NbpFamily | None = None
    keys: tuple[HostKey, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_config(self) -> bool:
        """Whether the path is a boot loader's configuration and not a file to stream."""
        return self.family is not None


@dataclass(frozen=True, slots=True)
class Ladder:
    """One rung: names that match ``pattern`` (whole path, any case) belong to ``family`` and name a host by
    ``kind``."""

    family: NbpFamily
    kind: KeyKind
    pattern: re.Pattern[str]
    read: Callable[[str], str]  # from the pattern's group to HostKey.value; ValueError: not this rung


@lru_cache(maxsize=1024)  # the data plane asks whether it is a plain file, then the look-up what it names: 20 µs each
def parse(asked: str) -> BootRequest:
    """Read a path as firmware sent it; ``ProtocolError`` for one that no file can have."""
    path, notes = _normal(asked)
    path, _, query = path.partition("?")
    if not path:
        raise ProtocolError(f"the path {asked!r} names no file")
    found = _climb(path)
    if found is None:
        return BootRequest(asked, path, notes=notes)
    rung, key = found
    keys = (*_query_keys(query), key) if rung.family is NbpFamily.IPXE else (key,)
    return BootRequest(asked, path, rung.family, keys, notes)


def _normal(asked: str) -> tuple[str, tuple[str, ...]]:
    """Apply the repairs in ``_REPAIRS`` order, then refuse what is still not a path below a root."""
    path, notes = asked, []
    for note, repair in _REPAIRS:
        better = repair(path)
        if better != path:
            path = better
            notes.append(note)
    if len(path.encode(errors="surrogateescape")) > MAX_PATH:
        raise ProtocolError(f"the path {path[:40]!r}... is longer than {MAX_PATH} bytes")
    if _CONTROL.search(path):
        raise ProtocolError(f"the path {asked!r} holds control characters")
    if ".." in path.partition("?")[0].split("/"):
        raise ProtocolError(f"the path {asked!r} leaves the root")
    return path, tuple(notes)


def _slashes(path: str) -> str:
    head, mark, query = path.partition("?")
    return re.sub(r"/(?:\.?/)+", "/", head) + mark + query


_REPAIRS: tuple[tuple[str, Callable[[str], str]], ...] = (
    # Kea packs the file field without a final NUL when an option follows; some ROMs then read on into option 255.
    ("trailing 0xFF or NUL removed", lambda path: path.rstrip(_PADDING)),
    ("backslashes turned", lambda path: path.replace("\\", "/")),  # EFI device paths, shim
    ("doubled slashes removed", _slashes),
    ("leading slash removed", lambda path: re.sub(r"\A(?:\.?/)+", "", path)),  # GRUB always sends one
)


def _climb(path: str) -> tuple[Ladder, HostKey] | None:
    for rung in LADDERS:
        match = rung.pattern.fullmatch(path)
        if match is None:
            continue
        try:
            return rung, HostKey(rung.kind, rung.read(match["key"] if "key" in match.groupdict() else ""))
        except ValueError:
            continue
    return None


def _query_keys(query: str) -> tuple[HostKey, ...]:
    """Read ``mac=`` and ``uuid=``: iPXE scripts append them, as in Matchbox's ``ipxe?uuid=...&mac=...``."""
    given = dict(parse_qsl(query))
    readers = ((KeyKind.MAC, "mac", mac_from_text), (KeyKind.UUID, "uuid", _uuid))
    keys = []
    for kind, name, read in readers:
        try:
            keys.append(HostKey(kind, read(given[name])))
        except (KeyError, ValueError):
            continue
    return tuple(keys)


def _typed_mac(text: str) -> str:
    """A MAC after its ARP hardware type (01 Ethernet, 06 IEEE 802, 20 InfiniBand)."""
    return mac_from_text(text.partition("-")[2])


def _uuid(text: str) -> str:
    return str(UUID(text))


def _hex_ipv4(text: str) -> str:
    return str(IPv4Address(int(text, 16)))


def _hyphen_ipv6(text: str) -> str:
    return str(IPv6Address(text.replace("-", ":")))


def _rung(family: NbpFamily, kind: KeyKind, pattern: str, read: Callable[[str], str] = str.lower) -> Ladder:
    return Ladder(family, kind, re.compile(_DIRECTORIES + pattern, re.IGNORECASE), read)


# The loader looks below the directory that it came from, or below a prefix built into it: any directory may come first.
_DIRECTORIES = r"(?:[^/]+/)*"
_MAC = r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}"
_ANY_MAC = rf"(?:{_MAC}|[0-9a-f]{{12}})"
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_HEX4 = r"[0-9A-F]{8}"
_HEX4_SHORT = r"[0-9A-F]{1,7}"
_HEX6 = r"[0-9a-f]{1,4}(?:-[0-9a-f]{1,4}){7}"
_HEX6_SHORT = r"[0-9a-f]{1,4}(?:-[0-9a-f]{0,4}){1,6}"

LADDERS: tuple[Ladder, ...] = (
    # PXELINUX 6: pxelinux.cfg/ and uuid, 01-mac, address in hexadecimal less one digit a try, default.
    _rung(NbpFamily.PXELINUX, KeyKind.UUID, rf"pxelinux\.cfg/(?P<key>{_UUID})", _uuid),
    _rung(NbpFamily.PXELINUX, KeyKind.MAC, rf"pxelinux\.cfg/(?P<key>[0-9a-f]{{2}}-{_MAC})", _typed_mac),
    _rung(NbpFamily.PXELINUX, KeyKind.ADDRESS, rf"pxelinux\.cfg/(?P<key>{_HEX4})", _hex_ipv4),
    _rung(NbpFamily.PXELINUX, KeyKind.NETWORK, rf"pxelinux\.cfg/(?P<key>{_HEX4_SHORT})"),
    _rung(NbpFamily.PXELINUX, KeyKind.CLIENT, r"pxelinux\.cfg/default"),
    # GRUB 2 after the command `normal`: grub.cfg- and uuid, 01-mac, address; the manual's spelling has no 01-.
    _rung(NbpFamily.GRUB, KeyKind.UUID, rf"grub\.cfg-(?P<key>{_UUID})", _uuid),
    _rung(NbpFamily.GRUB, KeyKind.MAC, rf"grub\.cfg-(?P<key>[0-9a-f]{{2}}-{_MAC})", _typed_mac),
    _rung(NbpFamily.GRUB, KeyKind.MAC, rf"grub\.cfg-(?P<key>{_MAC})", mac_from_text),
    _rung(NbpFamily.GRUB, KeyKind.ADDRESS, rf"grub\.cfg-(?P<key>{_HEX4})", _hex_ipv4),
    _rung(NbpFamily.GRUB, KeyKind.ADDRESS, rf"grub\.cfg-(?P<key>{_HEX6})", _hyphen_ipv6),
    _rung(NbpFamily.GRUB, KeyKind.NETWORK, rf"grub\.cfg-(?P<key>{_HEX4_SHORT}|{_HEX6_SHORT})"),
    # What nearboot's own grub-stub.cfg asks for; $net_default_mac has colons.
    _rung(NbpFamily.GRUB, KeyKind.MAC, rf"by-mac/(?P<key>{_MAC})\.cfg", mac_from_text),
    # Debian's signed GRUB has the prefix /grub built in, whatever directory it was loaded from.
    _rung(NbpFamily.GRUB, KeyKind.CLIENT, r"grub\.cfg"),
    _rung(NbpFamily.IPXE, KeyKind.MAC, rf"ipxe/(?P<key>{_ANY_MAC})(?:/auto)?\.ipxe", mac_from_text),
    # autoexec.ipxe: iPXE of 2021 and later asks for it where it was itself loaded from.
    _rung(NbpFamily.IPXE, KeyKind.CLIENT, r"(?:boot|autoexec)\.ipxe"),
)
