"""Questions about an inventory's place tree: what is above, what belongs together, whether a boot server is near.

Takes any inventory, also one whose references dangle or whose locations go round in a circle.

    Terrain(inventory).has_boot_server("rack-12")
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from nearboot.model import Address, AdminState, Inventory, LocationKind, Slug, Subnet
from nearboot.model.place import parents_of, upwards

_SITE_OR_BELOW = (LocationKind.SITE, LocationKind.ROOM, LocationKind.RACK)


class Terrain:
    """The place tree of an inventory, indexed once."""

    def __init__(self, inventory: Inventory) -> None:
        self.locations = {location.slug: location for location in inventory.locations}
        self._parents = parents_of(inventory.locations)
        usable = (b for b in inventory.boot_servers if b.state is not AdminState.DISABLED)
        self.boot_locations = frozenset(boot_server.location for boot_server in usable)
        self._boot_sites = frozenset(self.site(slug) for slug in self.boot_locations)
        self._subnets = sorted(inventory.subnets, key=lambda s: (s.prefix.version, int(s.prefix[0])))
        self._starts = [(s.prefix.version, int(s.prefix[0])) for s in self._subnets]

    def upwards(self, slug: Slug) -> Iterator[Slug]:
        """Give a location and those above it, each once; unknown ones too, since something stands there."""
        return upwards(slug, self._parents)

    def site(self, slug: Slug) -> Slug:
        """Return the site that a location is in: the outermost that is not a region; a region is its own site."""
        below_region = [s for s in self.upwards(slug) if s in self.locations and self._is_in_site(s)]
        return below_region[-1] if below_region else slug

    def has_boot_server(self, slug: Slug) -> bool:
        """Tell whether a boot server that may be used stands in the location's site, or directly above it."""
        return self.site(slug) in self._boot_sites or any(above in self.boot_locations for above in self.upwards(slug))

    def related(self, one: Slug, other: Slug) -> bool:
        """Tell whether two locations are in one site, or one of them above the other."""
        return self.site(one) == self.site(other) or one in self.upwards(other) or other in self.upwards(one)

    def is_placed(self, slug: Slug) -> bool:
        """Tell whether a location has coordinates, or another name that a latency map may use for it."""
        location = self.locations.get(slug)
        if location is None:
            return False
        return bool(location.aliases) or (location.latitude is not None and location.longitude is not None)

    def subnet_of(self, address: Address) -> Subnet | None:
        """Return the subnet that an address belongs to (of overlapping ones, the one that starts last)."""
        at = bisect_right(self._starts, (address.version, int(address))) - 1
        while at >= 0 and self._subnets[at].prefix.version == address.version:
            if address in self._subnets[at].prefix:
                return self._subnets[at]
            at -= 1
        return None

    def _is_in_site(self, slug: Slug) -> bool:
        return self.locations[slug].kind in _SITE_OR_BELOW
