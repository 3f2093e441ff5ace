"""What a server grants of the options that a read request asks for.

RFC 2347 (the frame), RFC 2348 (blksize), RFC 2349 (timeout, tsize), RFC 7440 (windowsize). The rules:

1. Only what was asked is answered, in the order asked, names in lower case, values in decimal.
2. A value is never larger than asked; ``timeout`` is echoed as it came, or left out.
3. A value out of its RFC's range, or no number at all, is left out without an error: the client then has the default.
4. blksize stays below the egress MTU (boot ROMs do not put fragments together); tsize is answered when the size is
known.

    terms = negotiate(request.options, policy=Policy(), size=40_000_000, mtu_blksize=1468)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nearboot.tftp.packet import OptionAck, encode

DEFAULT_BLKSIZE = 512
V4_OVERHEAD = 32
"""IPv4 20 + UDP 8 + TFTP 4 bytes around a block."""
V6_OVERHEAD = 52
"""IPv6 40 + UDP 8 + TFTP 4 bytes around a block."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The most that a server grants."""

    blksize: int = 65464
    windowsize: int = 64
    """Blocks; dnsmasq grants 32, tftpd-hpa's fork 64."""
    clamp_to_mtu: bool = True


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one transfer. ``oack`` is empty where no option was granted: DATA 1 is the first reply then."""

    blksize: int = DEFAULT_BLKSIZE
    windowsize: int = 1
    timeout_s: float | None = None
    """None: the client asked for none, and the server's own pace holds."""
    oack: bytes = b""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server can give to this one transfer, after policy, MTU and content."""

    blksize: int
    windowsize: int
    size: int | None


def negotiate(
    options: tuple[tuple[str, str], ...],
    *,
    policy: Policy,
    size: int | None,
    mtu_blksize: int,
    windows: bool = True,
) -> Terms:
    """The terms for a request's ``options``; ``windows`` is off for netascii."""
    blksize = min(policy.blksize, mtu_blksize) if policy.clamp_to_mtu else policy.blksize
    offer = Offer(blksize, policy.windowsize if windows else 0, size)
    granted: dict[str, str] = {}
    for name, text in by_name(options).items():
        grant = GRANTS.get(name)
        answer = grant(text, offer) if grant else None
        if answer is not None:
            granted[name] = answer
    return Terms(
        blksize=int(granted.get("blksize", DEFAULT_BLKSIZE)),
        windowsize=int(granted.get("windowsize", 1)),
        timeout_s=float(granted["timeout"]) if "timeout" in granted else None,
        oack=encode(OptionAck(tuple(granted.items()))) if granted else b"",
    )


def by_name(options: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Options by lower-case name, in the order asked; of a name asked twice the first counts."""
    named: dict[str, str] = {}
    for name, text in options:
        named.setdefault(name.lower(), text)
    return named


def number(text: str, low: int, high: int) -> int | None:
    """The decimal number in ``text``, or None where it is none or lies outside low..high."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        return None
    value = int(text)
    return value if low <= value <= high else None


def _blksize(text: str, offer: Offer) -> str | None:
    asked = number(text, 8, 65464)
    return None if asked is None else str(min(asked, offer.blksize))


def _tsize(text: str, offer: Offer) -> str | None:
    """RFC 2349: a read sends 0; any number is taken, since the answer does not depend on it."""
    known = offer.size is not None and number(text, 0, 10**20) is not None
    return str(offer.size) if known else None


def _timeout(text: str, offer: Offer) -> str | None:
    return None if number(text, 1, 255) is None else text


def _windowsize(text: str, offer: Offer) -> str | None:
    asked = number(text, 1, 65535)
    return None if asked is None or not offer.windowsize else str(min(asked, offer.windowsize))


GRANTS: dict[str, Callable[[str, Offer], str | None]] = {
    "blksize": _blksize,
    "tsize": _tsize,
    "timeout": _timeout,
    "windowsize": _windowsize,
}
