"""Which location a name means that a latency map uses: a slug, an alias, a boot server, an address, or a known place.

In this order: a location's slug; its slug, an alias or its name in any case and Unicode form; a boot server's name or
the host of its URL; an address, of a boot server or in a subnet; and, if all that says nothing, the coordinates that
the user gives for the name, within some distance of a location. Of several names near one location the nearest alone
means it.

    naming = Naming.of(locations, boot_servers, subnets, places={"Ashburn": (39.04, -77.49)})
    naming.place(["eqiad", "10.64.0.5", "Ashburn"]).known
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from nearboot.latency.place import great_circle_km
from nearboot.model import BootServer, Location, LocationKind, Slug, Subnet

Coordinates = tuple[float, float]
"""Latitude and longitude in degrees."""

WITHIN_KM = 50.0
SAME_KM = 0.01  # nearer than that, coordinates are the same place
_OUTER_FIRST = {kind: rank for rank, kind in enumerate(LocationKind)}


@dataclass(frozen=True, slots=True)
class Near:
    """A name that means a location by its coordinates."""

    location: Slug
    km: float


@dataclass(frozen=True, slots=True)
class Placement:
    """What names mean. ``ambiguous``: the locations between which a name does not decide."""

    known: Mapping[str, Slug]
    ambiguous: Mapping[str, tuple[Slug, ...]] = field(default_factory=dict)
    near: Mapping[str, Near] = field(default_factory=dict)  # of those known, what is so by coordinates
    passed_over: Mapping[str, str] = field(default_factory=dict)  # name → why its coordinates do not count


@dataclass(frozen=True, slots=True)
class Naming:
    """The names of an inventory."""

    slugs: frozenset[Slug]
    spellings: Mapping[str, tuple[Slug, ...]]
    addresses: Mapping[str, Slug]
    subnets: Mapping[tuple[int, int], Mapping[int, Slug]]  # (version, prefix length) → first bits → location
    coordinates: tuple[tuple[Location, Coordinates], ...]
    places: Mapping[str, Coordinates]
    within_km: float = WITHIN_KM

    @classmethod
    def of(
        cls,
        locations: Iterable[Location],
        boot_servers: Iterable[BootServer] = (),
        subnets: Iterable[Subnet] = (),
        *,
        places: Mapping[str, Coordinates] | None = None,
        within_km: float = WITHIN_KM,
    ) -> Naming:
        """Index them. ``places``: coordinates of names that the inventory may not have."""
        locations, boot_servers = tuple(locations), tuple(boot_servers)
        spellings = _spellings(locations)
        for server in boot_servers:
            for name in (server.name, urlsplit(server.http_url).hostname or ""):
                if name:
                    spellings.setdefault(spelled(name), (server.location,))
        located = tuple(
            (each, (each.latitude, each.longitude))
            for each in locations
            if each.latitude is not None and each.longitude is not None and each.kind is not LocationKind.REGION
        )
        return cls(
            frozenset(location.slug for location in locations),
            spellings,
            {str(a): each.location for each in boot_servers for a in (each.ipv4, each.ipv6) if a is not None},
            _prefixes(subnets),
            located,
            {spelled(name): where for name, where in (places or {}).items()},
            within_km,
        )

    def place(self, names: Iterable[str]) -> Placement:
        """What each of a map's names means; those that mean nothing are in no part of the answer."""
        known: dict[str, Slug] = {}
        ambiguous: dict[str, tuple[Slug, ...]] = {}
        left: list[str] = []
        for name in names:
            found = self._find(name)
            if len(found) > 1:
                ambiguous[name] = found
            elif found:
                known[name] = found[0]
            else:
                left.append(name)
        near, passed_over = self._nearest(
            left, {*known.values(), *(slug for each in ambiguous.values() for slug in each)}
        )
        return Placement(known | {name: each.location for name, each in near.items()}, ambiguous, near, passed_over)

    def _find(self, name: str) -> tuple[Slug, ...]:
        if name in self.slugs:
            return (Slug(name),)
        return self.spellings.get(spelled(name)) or self._by_address(name)

    def _by_address(self, name: str) -> tuple[Slug, ...]:
        try:
            address = ip_address(name)
        except ValueError:
            return ()
        if str(address) in self.addresses:
            return (self.addresses[str(address)],)
        bits, width = int(address), address.max_prefixlen
        for (version, length), networks in self.subnets.items():  # the longest prefix first
            if version == address.version and (slug := networks.get(bits >> (width - length))):
                return (slug,)
        return ()

    def _nearest(self, names: Iterable[str], taken: set[Slug]) -> tuple[dict[str, Near], dict[str, str]]:
        """By coordinates: each location has at most one name, and none if the file names it otherwise."""
        candidates = []
        passed_over: dict[str, str] = {}
        for name in names:
            where = self.places.get(spelled(name))
            found = self._close_to(where) if where else None
            if found and found.km <= self.within_km:
                candidates.append((found.km, name, found))
            elif found:
                passed_over[name] = f"no location is within {self.within_km:g} km: the nearest, {found.location}, is "
                passed_over[name] += f"{found.km:.0f} km away"
        near: dict[str, Near] = {}
        for km, name, found in sorted(candidates, key=lambda each: (each[0], each[1])):
            if found.location in taken:
                passed_over[name] = f"{km:.0f} km from {found.location}, which has a nearer name in this map"
            else:
                taken.add(found.location)
                near[name] = found
        return near, passed_over

    def _close_to(self, where: Coordinates) -> Near | None:
        """The nearest location; of several at one place the outermost, then by slug."""
        found = [(great_circle_km(where, at), location) for location, at in self.coordinates]
        if not found:
            return None
        least = min(km for km, _ in found)
        same = [location for km, location in found if km <= least + SAME_KM]
        best = min(same, key=lambda location: (_OUTER_FIRST[location.kind], location.slug))
        return Near(best.slug, least)


def spelled(name: str) -> str:
    """A name without the differences that do not count: case, spaces at its ends, Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


def _spellings(locations: Iterable[Location]) -> dict[str, tuple[Slug, ...]]:
    """Every spelling that means a location, and the locations that it means."""
    index: dict[str, tuple[Slug, ...]] = {}
    for location in locations:
        for key in {spelled(name) for name in (location.slug, location.name, *location.aliases)} - {""}:
            index[key] = (*index.get(key, ()), location.slug)
    return index


def _prefixes(subnets: Iterable[Subnet]) -> dict[tuple[int, int], dict[int, Slug]]:
    found: dict[tuple[int, int], dict[int, Slug]] = {}
    for subnet in subnets:
        network = ip_network(str(subnet.prefix))
        bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        found.setdefault((network.version, network.prefixlen), {})[bits] = subnet.location
    return dict(sorted(found.items(), key=lambda item: -item[0][1]))
