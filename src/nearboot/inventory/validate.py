"""How the things of an inventory fit together: references, doubles, the place tree. Prefixes and addresses: network.

Each field by itself was read by load; the database's own constraints stand behind this. One rule is one function that
yields faults, and RULES is the list of them. Contradictions that a fleet can live with: check.

    faults = validate(wanted, known, places)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any

from nearboot.errors import Fault
from nearboot.inventory.network import NETWORK_RULES
from nearboot.inventory.noun import NOUN, NOUNS, Noun
from nearboot.inventory.place import Places, Scene
from nearboot.model import Inventory, Location, LocationKind, Prefix, Server, Subnet

LEVELS = {kind: level for level, kind in enumerate(LocationKind)}

Identity = tuple[str, Any]
"""The path of a field below its thing, and the value that no other thing may have."""


def validate(inventory: Inventory, known: Inventory, places: Places) -> list[Fault]:
    """Give every fault in how ``inventory`` fits together, and fits to ``known``.

    ``known`` is what stays beside the documents; a load that prunes leaves nothing but what they say again.
    """
    scene = Scene(inventory, known, places)
    return [fault for rule in RULES for fault in rule(scene)]


def _references(scene: Scene) -> Iterator[Fault]:
    """Whatever is referred to exists, in the documents or in the database."""
    names = {
        noun.attribute: {noun.name(item) for item in (*noun.items(scene.wanted), *noun.items(scene.known))}
        | scene.places.broken.get(noun.attribute, set())
        for noun in NOUNS
    }
    for noun in NOUNS:
        for field, target in noun.refers:
            for index, item in enumerate(noun.items(scene.wanted)):
                name = getattr(item, field)
                if name is None or name in names[target]:
                    continue
                near = get_close_matches(name, names[target], 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                word = NOUN[target].word
                found, expected = f"the unknown {word} {name!r}", f"a {word} of the files or the database{hint}"
                yield scene.places.fault(noun.attribute, index, field, found=found, expected=expected)


def _boot_servers(scene: Scene) -> Iterator[Fault]:
    """Boot servers that a tier or a server is to use, or never to, exist."""
    every = {server.name for _, server in scene.every("boot_servers")} | scene.places.broken.get("boot_servers", set())
    for attribute in ("tiers", "servers"):
        for index, item in enumerate(NOUN[attribute].items(scene.wanted)):
            for field in ("boot_from", "never_boot_from"):
                for n, name in enumerate(getattr(item, field)):
                    if name in every:
                        continue
                    near = get_close_matches(name, every, 1)
                    hint = f"; did you mean {near[0]!r}?" if near else ""
                    found = f"the unknown boot server {name!r}"
                    expected = f"a boot server of the files or the database{hint}"
                    yield scene.places.fault(attribute, index, f"{field}[{n}]", found=found, expected=expected)


def _doubles(scene: Scene) -> Iterator[Fault]:
    """What identifies a thing identifies one only."""
    for noun in NOUNS:
        yield from _unique(scene, noun.attribute, noun.word, partial(_key, noun))
    yield from _unique(scene, "servers", "interface", _interface_names)
    for field, word in (("mac", "MAC"), ("duid", "DUID"), ("ipv4", "address"), ("ipv6", "address")):
        yield from _unique(scene, "servers", word, partial(_of_interfaces, field))
    for field in ("ipv4", "ipv6"):
        yield from _unique(scene, "boot_servers", "address", partial(_field, field))
    stored = {subnet.prefix: subnet.kea_id for subnet in scene.known.subnets}
    yield from _unique(scene, "subnets", "Kea id", partial(_kea_id, stored))
    yield from _unique(scene, "profiles", "profile for", _selector, whole=True)  # a tier at fault would be any


def _unique(
    scene: Scene, attribute: str, word: str, identities: Callable[[Any], Iterable[Identity]], *, whole: bool = False
) -> Iterator[Fault]:
    """Fault each thing that has what an earlier one has; both places are named. ``whole``: things without faults."""
    noun = NOUN[attribute]
    left_out = scene.places.partial.get(attribute, frozenset()) if whole else frozenset()
    seen: dict[Any, tuple[int | None, str, str]] = {}
    for index, item in scene.every(attribute):
        if index in left_out:
            continue
        for path, identity in identities(item):
            if identity not in seen:
                seen[identity] = index, path, noun.name(item)
            elif index is not None:
                first, first_path, owner = seen[identity]
                of = "" if owner == str(identity) else f" of {owner}"
                where = scene.where(attribute, first, first_path)
                found = f"{word} {_shown(identity)} again, first{of} in {where}"
                yield scene.places.fault(attribute, index, path, found=found, expected="each once")


def _key(noun: Noun, item: Any) -> Iterator[Identity]:
    yield noun.key, noun.name(item)


def _field(field: str, item: Any) -> Iterator[Identity]:
    value = getattr(item, field)
    if value is not None:
        yield field, value


def _interface_names(server: Server) -> Iterator[Identity]:
    for n, interface in enumerate(server.interfaces):
        yield f"interfaces[{n}].name", (server.name, interface.name)


def _of_interfaces(field: str, server: Server) -> Iterator[Identity]:
    for n, interface in enumerate(server.interfaces):
        value = getattr(interface, field)
        if value is not None:
            yield f"interfaces[{n}].{field}", value


def _kea_id(stored: Mapping[Prefix, int | None], subnet: Subnet) -> Iterator[Identity]:
    number = subnet.kea_id or stored.get(subnet.prefix)
    if number is not None:
        yield "kea_id", (f"{number} of IPv{subnet.prefix.version}",)


def _selector(profile: Any) -> Iterator[Identity]:
    yield "slug", (f"tier {profile.tier or 'any'}", f"model {profile.model or 'any'}")


def _shown(identity: Any) -> str:
    return ", ".join(identity) if isinstance(identity, tuple) else str(identity)


def _tree(scene: Scene) -> Iterator[Fault]:
    """Locations make a tree whose levels go outward: a rack in a room or a site, never the other way, never a cycle."""
    locations: dict[str, tuple[int | None, Location]] = {
        location.slug: (index, location) for index, location in scene.every("locations")
    }
    for index, location in scene.every("locations"):
        if location.parent not in locations:
            continue  # a root, or told as an unknown location
        parent_index, parent = locations[location.parent]
        loop = _loop(location, locations)
        if loop and index is not None:
            found = f"the cycle {' > '.join(loop)}"
            yield scene.places.fault("locations", index, "parent", found=found, expected="a tree of locations")
        elif not loop and LEVELS[parent.kind] >= LEVELS[location.kind]:
            at, field = (index, "parent") if index is not None else (parent_index, "kind")
            if at is None:
                continue
            outer = ", ".join(kind.value for kind in LocationKind if LEVELS[kind] < LEVELS[location.kind])
            found = f"the {parent.kind.value} {parent.slug!r} above the {location.kind.value} {location.slug!r}"
            expected = f"a parent of an outer level ({outer})" if outer else f"no parent for a {location.kind.value}"
            yield scene.places.fault("locations", at, field, found=found, expected=expected)


def _loop(location: Location, locations: Mapping[str, tuple[int | None, Location]]) -> list[str]:
    """The slugs from a location up to itself again; empty where the way up ends or enters another's cycle."""
    way: list[str] = [location.slug]
    above: str | None = location.parent
    while above is not None and above in locations and above not in way:
        way.append(above)
        above = locations[above][1].parent
    return [*way, location.slug] if above == location.slug else []


RULES: tuple[Callable[[Scene], Iterator[Fault]], ...] = (_references, _boot_servers, _doubles, _tree, *NETWORK_RULES)
