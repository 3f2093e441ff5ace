"""From a location to the boot server that its clients are told, for one address family.

Not selection: routes come in ready made (`nearboot.model.Route`). A location without a route of its
own has that of the nearest location above it.

    placement(inputs, family=4).target_of(subnet.location)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nearboot.kea.settings import KeaInputs
from nearboot.model import Address, BootServer, Route, Server, Slug
from nearboot.model.place import Parents, parents_of, upwards
from nearboot.model.url import bracketed, http_base


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
        return f"tftp://{bracketed(self.address)}{port}/{path.lstrip('/')}"


@dataclass(frozen=True, slots=True)
class Placement:
    """The choice for each location that has a route, and the tree to walk up from those that have none."""

    chosen: Mapping[Slug, Target | None]
    parents: Parents
    own: Mapping[str, Target | None] = field(default_factory=dict)  # of servers that have a route of their own

    def target_for(self, server: Server) -> Target | None:
        """Return the boot server of a server: by its own route, else by its location's."""
        return self.own.get(server.name) or self.target_of(server.location)

    def target_of(self, location: Slug) -> Target | None:
        """Return the boot server of the route that holds for a location; None where no route chose one."""
        for place in upwards(location, self.parents):
            if place in self.chosen:
                return self.chosen[place]
        return None


def placement(inputs: KeaInputs, *, family: int) -> Placement:
    """Read the choice of each location out of the routes of one family (4 or 6)."""
    servers = {server.name: server for server in inputs.inventory.boot_servers}

    def target(route: Route) -> Target | None:
        return _target(servers.get(route.chosen) if route.chosen else None, family)

    chosen = {route.location: target(route) for route in inputs.routes if route.family == family}
    own = {name: target(each) for name, routes in inputs.own.items() for each in routes if each.family == family}
    return Placement(chosen, parents_of(inputs.inventory.locations), own)


def _target(server: BootServer | None, family: int) -> Target | None:
    if server is None:
        return None
    address = server.ipv4 if family == 4 else server.ipv6
    if address is None:
        return None
    return Target(server.name, address, http_base(server, family), server.tftp_port)
