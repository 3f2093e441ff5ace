"""What a load would change: the inventory as it is against the one that documents want. Decides nothing about faults.

Documents add and change; what they do not name stays, unless the caller prunes. Two fields belong to the database where
a document leaves them out: a boot server's state (a drain survives the next load) and a subnet's Kea id (leases refer
to it, so once given it stays).

    target = merge(current, wanted, prune=False)
    changes = diff(current, wanted, prune=False)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nearboot.inventory.dump import plain
from nearboot.inventory.noun import NOUNS, Noun, prefix_order
from nearboot.model import AdminState, BootServer, Change, Inventory, Subnet

ADDED, CHANGED, REMOVED, LEFT = "added", "changed", "removed", "left"


def diff(current: Inventory, wanted: Inventory, *, prune: bool) -> tuple[Change, ...]:
    """Every thing with what happens to it: added, changed (with each field's old and new text), removed or left."""
    target = merge(current, wanted, prune=prune)
    return tuple(change for noun in NOUNS for change in _changes(noun, current, target))


def merge(current: Inventory, wanted: Inventory, *, prune: bool) -> Inventory:
    """The inventory after the load: what ``wanted`` says, over what is there; with states and Kea ids filled in."""
    parts = {noun.attribute: _merged(noun, current, wanted, prune) for noun in NOUNS}
    merged = Inventory(**parts)
    return replace(
        merged,
        boot_servers=_with_states(merged.boot_servers, current.boot_servers),
        subnets=_with_kea_ids(merged.subnets, current.subnets),
    )


def counts(changes: Iterable[Change]) -> dict[str, dict[str, int]]:
    """How many things of each noun were added, changed, removed, left: action to noun to count."""
    counted = Counter((change.action, change.noun) for change in changes)
    return {
        action: {noun.word: counted[action, noun.word] for noun in NOUNS if counted[action, noun.word]}
        for action in (ADDED, CHANGED, REMOVED, LEFT)
    }


def by_name(noun: Noun, inventory: Inventory) -> dict[str, Any]:
    """A noun's things by what identifies them."""
    return {noun.name(item): item for item in noun.items(inventory)}


def _merged(noun: Noun, current: Inventory, wanted: Inventory, prune: bool) -> tuple[Any, ...]:
    kept = {} if prune else by_name(noun, current)
    return tuple((kept | by_name(noun, wanted)).values())


def _with_states(merged: Sequence[BootServer], current: Sequence[BootServer]) -> tuple[BootServer, ...]:
    states = {server.name: server.state for server in current}
    return tuple(
        replace(server, state=states.get(server.name) or AdminState.ACTIVE) if server.state is None else server
        for server in merged
    )


def _with_kea_ids(merged: Sequence[Subnet], current: Sequence[Subnet]) -> tuple[Subnet, ...]:
    """Stored ids stay; new subnets get the ids after the highest of their family, in the order of prefixes.

    Gaps are not filled: leases of a subnet that was removed may still carry its id.
    """
    stored = {subnet.prefix: subnet.kea_id for subnet in current}
    given = {subnet.prefix: subnet.kea_id or stored.get(subnet.prefix) for subnet in merged}
    highest = {
        family: max(
            [kea_id or 0 for prefix, kea_id in [*given.items(), *stored.items()] if prefix.version == family],
            default=0,
        )
        for family in (4, 6)
    }
    for subnet in sorted(merged, key=prefix_order):
        if given[subnet.prefix] is None:
            highest[subnet.prefix.version] += 1
            given[subnet.prefix] = highest[subnet.prefix.version]
    return tuple(replace(subnet, kea_id=given[subnet.prefix]) for subnet in merged)


def _changes(noun: Noun, current: Inventory, target: Inventory) -> Iterator[Change]:
    before, after = by_name(noun, current), by_name(noun, target)
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield Change(ADDED, noun.word, name)
        elif name not in after:
            yield Change(REMOVED, noun.word, name)
        elif before[name] == after[name]:
            yield Change(LEFT, noun.word, name)
        else:
            yield Change(CHANGED, noun.word, name, _fields(before[name], after[name]))


def _fields(before: Any, after: Any) -> Mapping[str, tuple[str, str]]:
    old, new = dict(_flat(plain(before, defaults=True))), dict(_flat(plain(after, defaults=True)))
    paths = [*old, *(path for path in new if path not in old)]
    return {path: (old.get(path, ""), new.get(path, "")) for path in paths if old.get(path, "") != new.get(path, "")}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """A plain value's leaves with their paths; the members of a list of mappings go by their name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield path, ", ".join(inner["name"] for inner in value)
        for inner in value:
            yield from _flat(inner, f"{path}.{inner['name']}")
    else:
        yield path, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
