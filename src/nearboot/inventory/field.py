"""How the values of an inventory document's fields are read: one parser a kind of value.

A parser turns a node into a value, or notes a fault and gives BAD. Which noun has which fields: shape. Whether things
fit together: validate.

    mac(node, "servers[0].interfaces[0].mac", page)
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import takewhile
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from yaml.nodes import Node

from nearboot.inventory.document import Page, expected_one_of, is_null, quoted
from nearboot.inventory.noun import NOUNS
from nearboot.model import (
    Pool,
    Prefix,
    duid_from_text,
    mac_from_text,
    slug_from_text,
)


class _Bad(Enum):
    BAD = "bad"


BAD: Final = _Bad.BAD
"""What a parser gives for a value that it has noted a fault for."""

Parser = Callable[[Node, str, Page], Any]

_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\Z")
_HOST_NAME = "a host name (letters, digits, '-', '_' and dots)"
_HOST_LIST = re.compile(r"\[[0-9]+([-,][0-9]+)+\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_REFERENCE = re.compile(r"(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)\Z")
_REFERENCES = frozenset(field for noun in NOUNS for field, _ in noun.refers)
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
MAX_KEA_ID = 4_294_967_294  # 4294967295 is Kea's SUBNET_ID_UNUSED


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How a field is read, and what it says; one that is not required may be missing or empty."""

    parse: Parser
    about: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a mapping, and the value that they make."""

    make: Callable[..., Any]
    fields: Mapping[str, FieldRule]


def scalar(expected: str, convert: Callable[[str], Any], *, secret: bool = False) -> Parser:
    """A parser of one text; ``convert`` raises ``ValueError`` for what is not ``expected``."""

    def _parse(node: Node, path: str, page: Page) -> Any:
        text = page.text(node, path, expected)
        if text is None:
            return BAD
        try:
            return convert(text)
        except ValueError:
            page.fault(node, path, "a text that is not shown here" if secret else quoted(text), expected)
            return BAD

    return _parse


def choice(members: type[Enum]) -> Parser:
    """A parser of an Enum's values."""
    names = [str(member.value) for member in members]

    def _parse(node: Node, path: str, page: Page) -> Any:
        text = page.text(node, path, f"one of {', '.join(names)}")
        if text is not None and text not in names:
            page.fault(node, path, quoted(text), expected_one_of(text, names))
        return members(text) if text in names else BAD

    return _parse


def many(parse: Parser) -> Parser:
    """A parser of a list."""

    def _parse(node: Node, path: str, page: Page) -> Any:
        before = len(page.faults)
        items = tuple(parse(item, f"{path}[{n}]", page) for n, item in enumerate(page.sequence(node, path)))
        if page.lenient:  # what stands behind a missing item would have another position
            return tuple(takewhile(lambda item: item is not BAD, items))
        return BAD if len(page.faults) > before else items

    return _parse


def host_name(node: Node, path: str, page: Page) -> Any:
    """Parse a host name; ``web[01-04]`` is a host list, of which a document has none."""
    found = page.text(node, path, _HOST_NAME)
    if found is None or _is_host(found):
        return BAD if found is None else found.lower()
    hint = "; host lists are for commands: write one entry a server" if _HOST_LIST.search(found) else ""
    page.fault(node, path, quoted(found), _HOST_NAME + hint)
    return BAD


def texts(node: Node, path: str, page: Page) -> Any:
    """Parse a mapping of names to texts; a name without a value has the empty text."""
    before = len(page.faults)
    found = {}
    for name, (_, value) in (page.mapping(node, path) or {}).items():
        found[name] = "" if is_null(value) else text(value, f"{path}.{name}", page)
    return BAD if len(page.faults) > before else found


def pool(node: Node, path: str, page: Page) -> Any:
    """Parse ``first-last``, or a prefix whose addresses are all meant."""
    expected = "a pool such as 10.0.0.100-10.0.0.199 or 10.0.0.128/25"
    found = page.text(node, path, expected)
    if found is None:
        return BAD
    try:
        if "/" in found:
            network = ip_network(found.strip())
            return Pool(network[0], network[-1])
        first, last = (ip_address(part.strip()) for part in found.split("-"))
    except ValueError:
        page.fault(node, path, quoted(found), expected)
        return BAD
    if first.version != last.version:
        page.fault(node, path, quoted(found), "both ends of one family")
        return BAD
    if int(first) > int(last):
        page.fault(node, path, f"the reversed pool {quoted(found)}", f"{last}-{first}")
        return BAD
    return Pool(first, last)


def prefix(node: Node, path: str, page: Page) -> Any:
    """Parse a prefix; one with host bits is refused, because what was meant is not sure."""
    expected = "a prefix such as 10.0.0.0/24 or 2001:db8::/64"
    found = page.text(node, path, expected)
    if found is None:
        return BAD
    try:
        address, length = found.split("/")
        network: Prefix = ip_network(f"{address.strip()}/{length.strip()}", strict=False)
    except ValueError:
        page.fault(node, path, quoted(found), expected)
        return BAD
    if ip_address(address.strip()) != network.network_address:
        page.fault(node, path, f"{quoted(found)}, which has host bits set", f"the prefix {network}")
        return BAD
    return network


def shape(rules: Shape) -> Parser:
    """A parser of a mapping with known fields."""

    def _parse(node: Node, path: str, page: Page) -> Any:
        before = len(page.faults)
        found = page.mapping(node, path)
        if found is None:
            return BAD
        values = {}
        for name, (key, value) in found.items():
            rule = rules.fields.get(name)
            if rule is None:
                page.fault(key, _at(path, name), "an unknown field", expected_one_of(name, rules.fields))
            elif rule.required or not is_null(value):
                values[name] = rule.parse(value, _at(path, name), page)
        for name, rule in rules.fields.items():
            if rule.required and name not in found:
                page.fault(node, path, f"no field {name!r}", f"{name!r}, which is required")
        if len(page.faults) == before:
            return rules.make(**values)
        return _made_of_rest(rules, values) if page.lenient else BAD

    return _parse


def _made_of_rest(rules: Shape, values: Mapping[str, Any]) -> Any:
    """The value without its fields that have faults; BAD if a required one is among them that is no reference."""
    good = {name: value for name, value in values.items() if value is not BAD}
    missing = {name for name, rule in rules.fields.items() if rule.required} - good.keys()
    return rules.make(**good, **dict.fromkeys(missing)) if missing <= _REFERENCES else BAD


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _clean(found: str) -> str:
    """Text without control characters: PostgreSQL refuses NUL, terminals obey the others."""
    if _CONTROL.search(found):
        raise ValueError(found)
    return found


def _number(low: float, high: float) -> Callable[[str], float]:
    def _convert(found: str) -> float:
        number = float(found)
        if not (math.isfinite(number) and low <= number <= high):
            raise ValueError(found)
        return number

    return _convert


def _integer(low: int, high: int) -> Callable[[str], int]:
    def _convert(found: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", found) or not low <= int(found) <= high:
            raise ValueError(found)
        return int(found)

    return _convert


def _boolean(found: str) -> bool:
    try:
        return _BOOLEANS[found.lower()]
    except KeyError:
        raise ValueError(found) from None


def _is_host(found: str) -> bool:
    return len(found) <= 253 and _HOST.match(found) is not None


def _url(found: str) -> str:
    parts = urlsplit(found)
    if parts.scheme not in ("http", "https") or not parts.hostname or (parts.port == 0) or found != found.strip():
        raise ValueError(found)
    if parts.username is not None or parts.query or parts.fragment:  # shown in listings, and a path is put behind it
        raise ValueError(found)
    return _clean(found.rstrip("/"))


def _path(found: str) -> str:
    """A path below the file root: never absolute, never up."""
    if found.startswith("/") or ".." in found.split("/") or not found.strip("./"):
        raise ValueError(found)
    return _clean(found)


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def _convert(found: str) -> str:
        if not pattern.match(found):
            raise ValueError(found)
        return found

    return _convert


def _filled(found: str) -> str:
    if not found.strip():
        raise ValueError(found)
    return _clean(found)


def _unzoned(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise ValueError(str(address))
    return address


text = scalar("text without control characters", _clean)
filled_text = scalar("text that is not empty", _filled)
slug = scalar("a slug (lower-case letters, digits, '-', '_', '.'; at most 100)", slug_from_text)
mac = scalar("a MAC address (12 hexadecimal digits, such as 52:54:00:12:34:56)", mac_from_text)
duid = scalar("a DUID (3 to 130 hexadecimal octets)", duid_from_text)
ipv4 = scalar("an IPv4 address", IPv4Address)
ipv6 = scalar("an IPv6 address without a zone", lambda found: _unzoned(IPv6Address(found)))
address = scalar("an IPv4 or IPv6 address", lambda found: _unzoned(ip_address(found)))
boolean = scalar("true or false", _boolean)
web_address = scalar("an address such as http://10.0.0.2:8080, without user and query", _url)
file_path = scalar("a path below the file root (no leading '/', no '..')", _path)
checksum = scalar("a SHA-256 checksum (64 hexadecimal digits)", lambda found: _matching(_SHA256)(found.lower()))
credential = scalar("a reference such as env:BMC_PASSWORD or file:/path", _matching(_REFERENCE), secret=True)
uuid = scalar("a UUID (32 hexadecimal digits)", lambda found: str(UUID(found)))
protocol = scalar("redfish or ipmi", _matching(re.compile(r"(redfish|ipmi)\Z")))
latitude = scalar("degrees between -90 and 90", _number(-90, 90))
longitude = scalar("degrees between -180 and 180", _number(-180, 180))
kea_id = scalar(f"a number between 1 and {MAX_KEA_ID}", _integer(1, MAX_KEA_ID))
weight = scalar("a number between 1 and 1000000", _integer(1, 1_000_000))
capacity = scalar("a number between 1 and 100000000", _integer(1, 100_000_000))
port = scalar("a port between 1 and 65535", _integer(1, 65535))
