"""Values in ISC dhcpd statements: MACs, prefixes, address lists, ranges, quoted or bare text. Not where they belong.

Each reader takes the statement and its value tokens, and returns None where the value is wrong, with a fault recorded.

    mac = read_mac(statement, tokens, faults)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, ip_address, ip_network

from nearboot.errors import Fault
from nearboot.inventory.importers.isc_syntax import Statement, Token, TokenKind
from nearboot.model import Address, Mac, Pool, Prefix, mac_from_text

_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\Z")
_MAC = re.compile(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}\Z")  # no other spelling is dhcpd's
_LOOKS_NUMERIC = re.compile(r"[\d.]+\Z|.*:.*")


def fault_at(token: Token, field: str, expected: str) -> Fault:
    """Return the fault that says what stands at ``token`` instead of what is expected there."""
    return Fault(token.file, token.line, field, str(token), expected)


def text_of(tokens: Sequence[Token]) -> str:
    """Return the tokens as one text: strings without their quotes, commas without a blank before them."""
    return " ".join(token.text for token in tokens).replace(" ,", ",")


def host_name_or_none(text: str) -> str | None:
    """Return a host name or domain (RFC 1123, and ``_``) in lower case without the root's dot; else None."""
    name = text.strip().rstrip(".").lower()
    return name if len(name) <= 253 and _HOST_NAME.match(name) else None


def read_single(statement: Statement, tokens: Sequence[Token], expected: str, faults: list[Fault]) -> str | None:
    """Read exactly one word or string; a second one mostly means that a semicolon is missing."""
    if not tokens:
        faults.append(Fault(statement.file, statement.line, statement.keyword, "no value", expected))
        return None
    if len(tokens) > 1:
        faults.append(fault_at(tokens[1], statement.keyword, f"';' after {tokens[0]}"))
        return None
    return tokens[0].text


def read_items(statement: Statement, tokens: Sequence[Token], faults: list[Fault]) -> list[str]:
    """Read a list of words with commas between them."""
    items: list[str] = []
    for part in _parts(tokens):
        item = read_single(statement, part, "a list with commas between its items", faults)
        if item is not None:
            items.append(item)
    return items


def read_mac(statement: Statement, tokens: Sequence[Token], faults: list[Fault]) -> Mac | None:
    """Read ``aa:bb:c:dd:ee:ff``: dhcpd takes octets of a single digit, too."""
    text = read_single(statement, tokens, "a MAC address", faults)
    if text is None:
        return None
    if not _MAC.match(text):
        faults.append(fault_at(tokens[0], statement.keyword, "a MAC address such as 52:54:00:12:34:56"))
        return None
    return mac_from_text(":".join(octet.zfill(2) for octet in text.split(":")))


def address_or_none(text: str) -> Address | None:
    """Return the address that ``text`` is; None where it is a name."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def read_targets(statement: Statement, tokens: Sequence[Token], faults: list[Fault]) -> tuple[Address | str, ...]:
    """Read a list of addresses and names; a number that is no address is a fault."""
    targets: list[Address | str] = []
    for item in read_items(statement, tokens, faults):
        target = address_or_none(item)
        if target is None and _LOOKS_NUMERIC.match(item):
            faults.append(
                Fault(statement.file, statement.line, statement.keyword, repr(item), "an IP address or a name")
            )
        else:
            targets.append(item if target is None else target)
    return tuple(targets)


def read_subnet(statement: Statement, faults: list[Fault]) -> Prefix | None:
    """Read ``subnet ADDRESS netmask MASK {`` or ``subnet6 PREFIX/LENGTH {``."""
    words = [token.text for token in statement.args]
    if statement.keyword == "subnet" and (len(words) != 3 or words[1].lower() != "netmask"):
        expected = "subnet ADDRESS netmask MASK {"
    elif statement.keyword == "subnet6" and (len(words) != 1 or "/" not in words[0]):
        expected = "subnet6 PREFIX/LENGTH {"
    else:
        try:
            return IPv4Network(f"{words[0]}/{words[2]}") if len(words) == 3 else ip_network(words[0])
        except ValueError as error:
            expected = f"a prefix without host bits ({error})"
    faults.append(Fault(statement.file, statement.line, statement.keyword, repr(" ".join(words)), expected))
    return None


def read_range(statement: Statement, prefix: Prefix, faults: list[Fault]) -> Pool | None:
    """Read ``range [dynamic-bootp] FIRST [LAST]``, ``range6 FIRST LAST`` or ``range6 PREFIX/LENGTH``."""
    words = [t.text for t in statement.args if t.text.lower() not in ("dynamic-bootp", "temporary")]
    try:
        if len(words) == 1 and "/" in words[0]:
            network = ip_network(words[0])
            first, last = network[0], network[-1]
        elif len(words) in (1, 2):
            first, last = sorted(map(ip_address, (words[0], words[-1])), key=int)  # dhcpd takes them in any order
        else:
            raise ValueError("one or two addresses, or a prefix")
        if first not in prefix or last not in prefix:
            raise ValueError(f"addresses of {prefix}")
    except ValueError as error:
        text = repr(" ".join(words))
        faults.append(Fault(statement.file, statement.line, statement.keyword, text, f"a range of addresses ({error})"))
        return None
    return Pool(first, last)


def is_expression(tokens: Sequence[Token]) -> bool:
    """Tell whether a value is computed by dhcpd at run time: ``option x = concat(...)``, ``next-server = ...``."""
    return any(t.kind is TokenKind.PUNCT and t.text in "=()" for t in tokens)


def _parts(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    part: list[Token] = []
    for token in tokens:
        if token.is_punct(","):
            yield part
            part = []
        else:
            part.append(token)
    yield part
