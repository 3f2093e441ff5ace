"""What is known about the host that asks: the inventory's values that decide its boot, joined by the caller.

Not a row and not a query: whoever has the database makes one ``HostBoot`` for each request.

    >>> host = HostBoot(server, image=image, boot_server=near, client=IPv4Address("10.77.0.104"))
    >>> host.callback_url
    'http://10.77.0.1/callback/3q2-7w'
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address

from nearboot.model import Address, BootProfile, BootServer, HardwareModel, Image, Interface, Run, Server, Tier
from nearboot.model.url import http_base


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
