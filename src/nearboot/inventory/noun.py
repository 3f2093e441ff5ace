"""The nouns of an inventory document, in the order in which they may refer to one another. A table, no behaviour.

for noun in NOUNS: print(noun.attribute, len(getattr(inventory, noun.attribute)))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nearboot.model import (
    BootProfile,
    BootServer,
    HardwareModel,
    Image,
    Inventory,
    Location,
    Origin,
    Server,
    Subnet,
    Tier,
)


@dataclass(frozen=True, slots=True)
class Noun:
    """One kind of thing: the key of documents and attribute of ``Inventory``, its name for people, its identifier."""

    attribute: str  # "boot_servers"
    word: str  # "boot server"
    key: str  # the field that identifies it
    value: type[Any]
    refers: tuple[tuple[str, str], ...] = ()  # (field, attribute of the noun that it names)

    def items(self, inventory: Inventory) -> Sequence[Any]:
        """The things of this noun in an inventory."""
        found: Sequence[Any] = getattr(inventory, self.attribute)
        return found

    def name(self, item: Any) -> str:
        """What identifies a thing among those of its noun."""
        return str(getattr(item, self.key))


NOUNS: tuple[Noun, ...] = (
    Noun("locations", "location", "slug", Location, (("parent", "locations"),)),
    Noun("tiers", "tier", "slug", Tier),
    Noun("models", "hardware model", "slug", HardwareModel),
    Noun("images", "image", "slug", Image),
    Noun(
        "profiles", "boot profile", "slug", BootProfile, (("image", "images"), ("tier", "tiers"), ("model", "models"))
    ),
    Noun(
        "servers",
        "server",
        "name",
        Server,
        (("location", "locations"), ("tier", "tiers"), ("model", "models"), ("profile", "profiles")),
    ),
    Noun("subnets", "subnet", "prefix", Subnet, (("location", "locations"),)),
    Noun("boot_servers", "boot server", "name", BootServer, (("location", "locations"),)),
    Noun("origins", "origin", "name", Origin, (("location", "locations"),)),
)

NOUN = {noun.attribute: noun for noun in NOUNS}


def location_depths(locations: Sequence[Location]) -> dict[str, int]:
    """How far below a root each location stands; a cycle's members get the number of locations."""
    parents = {location.slug: location.parent for location in locations}
    depths: dict[str, int] = {}
    for slug, parent in parents.items():
        depth, above = 0, parent
        while above is not None and depth < len(parents):
            depth, above = depth + 1, parents.get(above)
        depths[slug] = depth
    return depths


def prefix_order(subnet: Subnet) -> tuple[int, int, int]:
    """The order of subnets: by family, address, length."""
    return subnet.prefix.version, int(subnet.prefix.network_address), subnet.prefix.prefixlen
