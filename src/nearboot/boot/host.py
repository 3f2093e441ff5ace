"""What is known about the host that asks: the inventory's values that decide its boot, joined by the caller.

Not a row and not a query: whoever has the database makes one ``HostBoot`` for each request.

    >>> host = HostBoot(server, image=image, boot_server=near, client=IPv4Address("10.77.0.104"))
    >>> host.callback_url
    'http://10.77.0.1/callback/3q2-7w'
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit, urlunsplit

from nearboot.model import Address, BootProfile, BootServer, HardwareModel, Image, Interface, Run, Server, Tier


@dataclass(frozen=True, slots=True)
class HostBoot:
    """A known server in the moment of a request.

    ``interface`` is the one that asks, ``boot_server`` the one that was asked, ``client`` the address that asked.
    ``run`` is the provisioning run that is under way, if any.
    """

    server: Server
    interface: Interface | None = None
    tier: Tier | None = None
    model: HardwareModel | None = None
    profile: BootProfile | None = None
    image: Image | None = None
    boot_server: BootServer | None = None
    run: Run | None = None
    client: Address | None = None

    @property
    def family(self) -> int:
        """4 or 6: the address family that this boot goes over."""
        return 6 if isinstance(self.client, IPv6Address) else 4

    @property
    def http_base(self) -> str:
        """The boot server's HTTP address as this client can reach it, without trailing slash; empty if it has none."""
        return http_base(self.boot_server, self.family) if self.boot_server else ""

    @property
    def callback_url(self) -> str:
        """Where the installer reports phases of this run; empty without a run, a token or an HTTP address."""
        token = self.run.token if self.run else ""
        return f"{self.http_base}/callback/{token}" if token and self.http_base else ""


def http_base(boot_server: BootServer, family: int) -> str:
    """The HTTP address of a boot server for one address family.

    A host name stays as it is. A literal address of the other family is replaced by the boot server's own address of
    this one: a client that booted over IPv6 alone has no way to an IPv4 address.
    """
    url = urlsplit(boot_server.http_url.rstrip("/"))
    other = boot_server.ipv6 if family == 6 else boot_server.ipv4
    try:
        literal = ip_address(url.hostname or "")
    except ValueError:
        return urlunsplit(url)
    if literal.version == family or other is None:
        return urlunsplit(url)
    port = f":{url.port}" if url.port else ""
    return urlunsplit(url._replace(netloc=bracketed(other) + port))


def bracketed(address: Address) -> str:
    """An address as it stands in a URL (RFC 3986 section 3.2.2)."""
    return f"[{address}]" if address.version == 6 else str(address)
