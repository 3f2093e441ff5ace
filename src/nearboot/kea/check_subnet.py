"""Checks of subnets, their pools and their reservations.

findings = list(findings_of_subnets(document, family=4))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network

from nearboot.kea.document import Json, rows, subnets, texts
from nearboot.kea.finding import Finding, Severity
from nearboot.model import Address, Prefix

_MAX_ID = 4294967294  # 0 and the highest number mean "global" and "unused"
_IDENTIFIERS = ("hw-address", "duid", "client-id", "circuit-id", "flex-id")


def findings_of_subnets(document: Json, family: int) -> Iterator[Finding]:
    """Check every subnet of a configuration by itself and against the others, and the global reservations."""
    found = list(subnets(document, family))
    prefixes: list[tuple[str, Prefix]] = []
    if not found:
        yield Finding(f"subnet{family}", "no subnet: nobody is answered", Severity.WARNING)
    yield from _ids(found)
    for path, subnet in found:
        prefix = _prefix(subnet, family)
        if prefix is None:
            yield Finding(f"{path}.subnet", f"{subnet.get('subnet')!r} is not an IPv{family} prefix")
            continue
        prefixes.append((path, prefix))
        yield from _pools(path, subnet, prefix)
        yield from _addressless(path, subnet)
        yield from _addresses(path, subnet, prefix)
        yield from _repeats(f"{path}.reservations", rows(subnet.get("reservations")))
        if family == 4:
            yield from _boot_server(path, subnet, document)
    yield from _overlaps(prefixes)
    yield from _global_reservations(document)


def _ids(found: list[tuple[str, Json]]) -> Iterator[Finding]:
    seen: dict[int, str] = {}
    for path, subnet in found:
        number = subnet.get("id")
        if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= _MAX_ID:
            yield Finding(f"{path}.id", f"{number!r}; leases refer to it: needed, 1 to {_MAX_ID}")
        elif number in seen:
            yield Finding(f"{path}.id", f"{number} is also the id of {seen[number]}")
        else:
            seen[number] = path


def _pools(path: str, subnet: Json, prefix: Prefix) -> Iterator[Finding]:
    for index, pool in enumerate(rows(subnet.get("pools"))):
        place, text = f"{path}.pools[{index}].pool", str(pool.get("pool", ""))
        try:
            first, last = _range(text)
        except ValueError:
            yield Finding(place, f"{text!r} is neither FIRST - LAST nor a prefix")
            continue
        if first not in prefix or last not in prefix:
            yield Finding(place, f"{text} is outside {prefix}")
        elif int(first) > int(last):
            yield Finding(place, f"{text} ends before it begins")
        else:
            yield from _lent(place, subnet, prefix, first, last)


def _addressless(path: str, subnet: Json) -> Iterator[Finding]:
    """A reservation of a name alone gives no address: Kea takes it from a pool, or does not answer."""
    lends = rows(subnet.get("pools")) or rows(subnet.get("pd-pools"))
    if not lends and not any(_reserved(host) for host in rows(subnet.get("reservations"))):
        text = f"none, and no address is reserved in {subnet.get('subnet')}: nobody there is answered"
        yield Finding(f"{path}.pools", text, Severity.WARNING)


def _lent(place: str, subnet: Json, prefix: Prefix, first: Address, last: Address) -> Iterator[Finding]:
    """Kea lends every address of a pool, also those that nobody may have or that somebody has already."""
    taken = {str(prefix.network_address): "the network's", str(prefix.broadcast_address): "the broadcast address"}
    taken = taken if prefix.version == 4 and prefix.prefixlen < 31 else {}
    taken |= {router.strip(): "the gateway's" for router in _routers(subnet)}
    taken |= {str(subnet["next-server"]): "the boot server's"} if subnet.get("next-server") else {}
    for text, whose in taken.items():
        if _within(text, first, last):
            yield Finding(place, f"{text} is in it, {whose}: Kea would lend it to a client", Severity.WARNING)


def _routers(subnet: Json) -> list[str]:
    options = [option for option in rows(subnet.get("option-data")) if option.get("name") == "routers"]
    return [router for option in options for router in str(option.get("data", "")).split(",")]


def _within(text: str, first: Address, last: Address) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return address.version == first.version and int(first) <= int(address) <= int(last)


def _addresses(path: str, subnet: Json, prefix: Prefix) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for index, host in enumerate(rows(subnet.get("reservations"))):
        for text in _reserved(host):
            place = f"{path}.reservations[{index}]"
            try:
                inside = ip_address(text) in prefix
            except ValueError:
                yield Finding(place, f"{text!r} is not an address")
                continue
            if not inside:
                yield Finding(place, f"{text} is outside {prefix}")
            if text in seen:
                yield Finding(place, f"{text} is also reserved by reservations[{seen[text]}]")
            seen.setdefault(text, index)


def _repeats(path: str, hosts: Iterable[Json]) -> Iterator[Finding]:
    seen: dict[tuple[str, str], int] = {}
    for index, host in enumerate(hosts):
        identifiers = [(key, str(host[key]).lower()) for key in _IDENTIFIERS if key in host]
        if len(identifiers) != 1:
            yield Finding(f"{path}[{index}]", f"{len(identifiers)} identifiers; a reservation has exactly one")
        for identifier in identifiers:
            if identifier in seen:
                text = f"{identifier[0]} {identifier[1]} is also reserved by [{seen[identifier]}]"
                yield Finding(f"{path}[{index}]", text)
            seen.setdefault(identifier, index)


def _boot_server(path: str, subnet: Json, document: Json) -> Iterator[Finding]:
    holders = [subnet, document]
    holders += [network for network in rows(document.get("shared-networks")) if subnet in rows(network.get("subnet4"))]
    if not any(holder.get("next-server") for holder in holders):
        text = f"none for {subnet.get('subnet')}: its clients are told a boot file, but no server to read it from"
        yield Finding(f"{path}.next-server", text, Severity.WARNING)


def _overlaps(prefixes: list[tuple[str, Prefix]]) -> Iterator[Finding]:
    """Sorted by address, a prefix overlaps an earlier one exactly if the widest so far still covers its start."""
    widest: tuple[str, Prefix] | None = None
    for path, prefix in sorted(prefixes, key=lambda item: (int(item[1].network_address), item[1].prefixlen)):
        if widest is not None and prefix.network_address in widest[1]:
            yield Finding(f"{path}.subnet", f"{prefix} overlaps {widest[1]} ({widest[0]}); Kea picks either")
        else:
            widest = (path, prefix)


def _global_reservations(document: Json) -> Iterator[Finding]:
    hosts = rows(document.get("reservations"))
    if hosts and document.get("reservations-global") is not True:
        yield Finding(
            "reservations-global", f"not true: Kea ignores the {len(hosts)} global reservations without a word"
        )
    yield from _repeats("reservations", hosts)


def _prefix(subnet: Json, family: int) -> Prefix | None:
    try:
        prefix = ip_network(str(subnet.get("subnet")))
    except ValueError:
        return None
    return prefix if prefix.version == family else None


def _range(text: str) -> tuple[Address, Address]:
    first, dash, last = text.partition("-")
    if dash:
        return ip_address(first.strip()), ip_address(last.strip())
    prefix = ip_network(text.strip())
    return prefix.network_address, prefix.broadcast_address


def _reserved(host: Json) -> list[str]:
    single = host.get("ip-address")
    return ([single] if isinstance(single, str) else []) + texts(host.get("ip-addresses"))
