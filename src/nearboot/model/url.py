"""Addresses as they stand in URLs (RFC 3986 section 3.2.2), and a boot server's HTTP address for one family."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit

from nearboot.model.identity import Address
from nearboot.model.inventory import BootServer


def bracketed(address: Address) -> str:
    """An address as the host of a URL."""
    return f"[{address}]" if address.version == 6 else str(address)


@lru_cache(maxsize=1024)  # a configuration names it four times, at 10 µs each
def http_base(boot_server: BootServer, family: int) -> str:
    """The HTTP address of a boot server for an address family, without trailing slash; empty where it has none.

    A host name stays as it is. A literal address of the other family is replaced by the boot server's own address of
    this one: a client that booted over IPv6 alone has no way to an IPv4 address.
    """
    url = urlsplit(boot_server.http_url.rstrip("/"))
    own = boot_server.ipv6 if family == 6 else boot_server.ipv4
    try:
        literal = ip_address(url.hostname or "")
    except ValueError:
        return urlunsplit(url)
    if literal.version == family or own is None:
        return urlunsplit(url)
    port = f":{url.port}" if url.port else ""
    return urlunsplit(url._replace(netloc=bracketed(own) + port))
