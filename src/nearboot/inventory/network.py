"""The rules of prefixes and addresses that documents must keep, a part of validate's.

faults = [fault for rule in NETWORK_RULES for fault in rule(scene)]
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

from nearboot.errors import Fault
from nearboot.inventory.noun import prefix_order
from nearboot.inventory.place import Scene
from nearboot.model import Address, Pool, Subnet

RELAY = (
    "the address that the relay sends as its link-address: a global or unique local one on the clients' link, never "
    "link-local (RFC 8415, section 19.1.1)"
)

Spans = list[tuple[int, int]]
"""Disjoint ranges of addresses as numbers, first and last, ascending."""


def overlaps(scene: Scene) -> Iterator[Fault]:
    """Prefixes do not overlap: Kea would give a client the first subnet that fits, whatever its location."""
    above: list[tuple[int | None, Subnet]] = []
    for index, subnet in sorted(scene.every("subnets"), key=lambda each: prefix_order(each[1])):
        while above and not _holds(above[-1][1], subnet):
            above.pop()
        if above and above[-1][1].prefix != subnet.prefix:  # the same prefix twice is told as a double
            pair = [(index, subnet), above[-1]]
            (at, one), (other_at, other) = pair if index is not None else pair[::-1]
            if at is not None:
                of = f" of {other.location}" if other.location else ""  # None: at fault itself
                where = f"{other.prefix}{of} in {scene.where('subnets', other_at, 'prefix')}"
                found, expected = f"{one.prefix}, which overlaps {where}", "prefixes that do not overlap"
                yield scene.places.fault("subnets", at, "prefix", found=found, expected=expected)
        above.append((index, subnet))


def families(scene: Scene) -> Iterator[Fault]:
    """A subnet's addresses are of its own family: neither Dhcp4 nor Dhcp6 can hand out the other's."""
    for index, subnet in enumerate(scene.wanted.subnets):
        version = subnet.prefix.version
        for path, address in _addresses(subnet):
            if address.version != version:
                expected = f"an IPv{version} address, as the prefix is {subnet.prefix}"
                yield scene.places.fault("subnets", index, path, found=str(address), expected=expected)


def relays(scene: Scene) -> Iterator[Fault]:
    """A subnet names a relay once (Kea refuses the whole configuration otherwise), and by no link-local address.

    A relay puts an address into link-address that tells the clients' link from others (RFC 8415, section 19.1.1).
    """
    for index, subnet in enumerate(scene.wanted.subnets):
        for n, address in enumerate(subnet.relays):
            if address in subnet.relays[:n]:
                found = f"the relay {address} again"
                yield scene.places.fault("subnets", index, f"relays[{n}]", found=found, expected="each once")
            if address.version == 6 and address.is_link_local:
                found = f"the link-local address {address}"
                yield scene.places.fault("subnets", index, f"relays[{n}]", found=found, expected=RELAY)


def insides(scene: Scene) -> Iterator[Fault]:
    """A gateway and pools lie in their prefix (an IPv6 gateway may be link-local), and pools do not overlap."""
    for index, subnet in enumerate(scene.wanted.subnets):
        for path, address in _own_addresses(subnet):
            if address.version == subnet.prefix.version and address not in subnet.prefix:
                found = f"{address}, which is outside the prefix"
                yield scene.places.fault("subnets", index, path, found=found, expected=f"an address in {subnet.prefix}")
        for (n, one), (m, other) in combinations(enumerate(subnet.pools), 2):
            if one.first.version == other.first.version and _overlap(one, other):
                found = f"{other.first}-{other.last}, which overlaps pools[{n}]"
                yield scene.places.fault("subnets", index, f"pools[{m}]", found=found, expected="pools apart")


def homeless(scene: Scene) -> Iterator[Fault]:
    """A server's address lies in a subnet, where its family has any: else no DHCP server answers for it."""
    if scene.places.broken.get("subnets"):
        return  # a subnet that could not be read may be the one
    subnets = [subnet for _, subnet in scene.every("subnets")]
    spans = {version: _spans(each for each in subnets if each.prefix.version == version) for version in (4, 6)}
    for index, server in enumerate(scene.wanted.servers):
        for n, interface in enumerate(server.interfaces):
            for field, address in (("ipv4", interface.ipv4), ("ipv6", interface.ipv6)):
                if address is not None and spans[address.version] and not _covered(address, spans[address.version]):
                    expected = f"an address in one of the IPv{address.version} subnets"
                    found, path = f"{address}, which is in no subnet", f"interfaces[{n}].{field}"
                    yield scene.places.fault("servers", index, path, found=found, expected=expected)


NETWORK_RULES: tuple[Callable[[Scene], Iterator[Fault]], ...] = (overlaps, families, relays, insides, homeless)


def _holds(outer: Subnet, inner: Subnet) -> bool:
    return outer.prefix.version == inner.prefix.version and inner.prefix.network_address in outer.prefix


def _overlap(one: Pool, other: Pool) -> bool:
    return int(one.first) <= int(other.last) and int(other.first) <= int(one.last)


def _own_addresses(subnet: Subnet) -> Iterator[tuple[str, Address]]:
    """The addresses that belong into the prefix; of a pool, the end that is outside, if one is."""
    if subnet.gateway is not None and not subnet.gateway.is_link_local:
        yield "gateway", subnet.gateway
    for n, pool in enumerate(subnet.pools):
        yield f"pools[{n}]", pool.last if pool.first in subnet.prefix else pool.first


def _addresses(subnet: Subnet) -> Iterator[tuple[str, Address]]:
    if subnet.gateway is not None:
        yield "gateway", subnet.gateway
    for field in ("dns", "ntp", "relays"):
        yield from ((f"{field}[{n}]", address) for n, address in enumerate(getattr(subnet, field)))
    yield from ((f"pools[{n}]", pool.first) for n, pool in enumerate(subnet.pools))


def _spans(subnets: Iterable[Subnet]) -> Spans:
    spans: Spans = []
    for subnet in sorted(subnets, key=prefix_order):
        first, last = int(subnet.prefix.network_address), int(subnet.prefix.broadcast_address)
        if not spans or first > spans[-1][1]:
            spans.append((first, last))
    return spans


def _covered(address: Address, spans: Spans) -> bool:
    position = bisect_right(spans, (int(address), 1 << 128)) - 1
    return position >= 0 and int(address) <= spans[position][1]
