"""A site's router advertiser as a process: answers solicitations, and advertises now and then unasked.

    python -m nearboot.lab.advert_runner --interface nb-lan --prefix fd77::/64     # in the site's namespace

prints ``advert ready`` when it listens; ends by SIGTERM.
"""

from __future__ import annotations

import argparse
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv6Network

from nearboot.lab.advert import SOLICITATION, encode

READY = "advert ready"
"""The line that the process prints once it listens."""

_ALL_NODES = "ff02::1"
_UNASKED_S = 10.0
_ICMP6_FILTER = 1  # linux/icmpv6.h; 256 bits, one for each type, set: not wanted


def command(*, interface: str, prefix: IPv6Network, python: str, managed: bool = False) -> tuple[str, ...]:
    """Give the argv of the process that advertises a prefix."""
    words = (python, "-m", "nearboot.lab.advert_runner", "--interface", interface, "--prefix", str(prefix))
    return (*words, "--managed") if managed else words


def main(argv: Sequence[str]) -> int:
    """Advertise until ended."""
    args = _parser().parse_args(argv)
    message = encode(args.prefix, managed=args.managed)
    with _socket(args.interface) as sock:
        target = (_ALL_NODES, 0, 0, socket.if_nametoindex(args.interface))
        print(READY, flush=True)
        while True:
            # A bridge without a live port has no link-local address yet, and cannot send.
            with suppress(OSError):
                sock.sendto(message, target)
            with suppress(TimeoutError):
                sock.recv(1500)


def _socket(interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    wanted = bytearray(b"\xff" * 32)
    wanted[SOLICITATION // 32 * 4 : SOLICITATION // 32 * 4 + 4] = struct.pack(
        "=I", ~(1 << SOLICITATION % 32) & 0xFFFFFFFF
    )
    sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, bytes(wanted))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    # Hosts take advertisements with hop limit 255 alone: such come from the link itself (RFC 4861 section 6.1.2).
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    sock.settimeout(_UNASKED_S)
    return sock


def _parser() -> argparse.ArgumentParser:
    about = "Advertises an IPv6 prefix."
    parser = argparse.ArgumentParser(prog="python -m nearboot.lab.advert_runner", description=about)
    parser.add_argument("--interface", required=True, help="where hosts are")
    parser.add_argument("--prefix", required=True, type=IPv6Network, help="the prefix of that link")
    parser.add_argument("--managed", action="store_true", help="addresses come from DHCPv6")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
