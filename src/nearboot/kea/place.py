"""From a location to the boot server that its clients are told, for one address family.

Not selection: routes come in ready made (`nearboot.model.Route`). A location without a route of its
own has that of the nearest location above it.

    placement(inputs, family=4).target_of(subnet.location)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from nearboot.kea.settings import KeaInputs
from nearboot.model import Address, BootServer, Slug


@dataclass(frozen=True, slots=True)
class Target:
    """A boot server as one family's clients reach it. ``http_url`` is empty where it has no HTTP for them."""

    name: Slug
    address: Address
    http_url: str = ""
    tftp_port: int = 69

    def tftp_url(self, path: str) -> str:
        """Return the URL of an NBP (RFC 3617); the port only where it is not the usual one."""
        port = "" if self.tftp_port == 69 else f":{self.tftp_port}"
        return f"tftp://{_bracketed(self.address)}{port}/{path.lstrip('/')}"


@dataclass(frozen=True, slots=True)
class Placement:
    """The choice for each location that has a route, and the tree to walk up from those that have none."""

    chosen: Mapping[Slug, Target | None]
    parents: Mapping[Slug, Slug | None]

    def target_of(self, location: Slug) -> Target | None:
        """Return the boot server of the route that holds for a location; None where no route chose one."""
        for place in self._upwards(location):
            if place in self.chosen:
                return self.chosen[place]
        return None

    def _upwards(self, location: Slug) -> Iterator[Slug]:
        seen: set[Slug] = set()
        place: Slug | None = location
        while place is not None and place not in seen:
            seen.add(place)
            yield place
            place = self.parents.get(place)


def placement(inputs: KeaInputs, *, family: int) -> Placement:
    """Read the choice of each location out of the routes of one family (4 or 6)."""
    servers = {server.name: server for server in inputs.inventory.boot_servers}
    chosen = {
        route.location: _target(servers.get(route.chosen) if route.chosen else None, family)
        for route in inputs.routes
        if route.family == family
    }
    return Placement(chosen, {location.slug: location.parent for location in inputs.inventory.locations})


def _target(server: BootServer | None, family: int) -> Target | None:
    if server is None:
        return None
    address = server.ipv4 if family == 4 else server.ipv6
    if address is None:
        return None
    return Target(server.name, address, _http_url(server, address), server.tftp_port)


def _http_url(server: BootServer, address: Address) -> str:
    """The server's URL, with a literal address of the other family exchanged for the one that the client can reach."""
    if not server.http_url:
        return ""
    parts = urlsplit(server.http_url)
    try:
        literal = ip_address(parts.hostname or "")
    except ValueError:
        return server.http_url.rstrip("/")  # a name: DNS answers for both families
    if literal.version == address.version:
        return server.http_url.rstrip("/")
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{_bracketed(address)}{port}{parts.path}".rstrip("/")


def _bracketed(address: Address) -> str:
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)
