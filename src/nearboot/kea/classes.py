"""Kea client classes: who is a netbooting client, of which architecture, and what file it is told.

Three layers, in the order in which Kea evaluates them:

- *who*: ``is-ipxe``, ``is-pxe``, ``is-http``. Whoever is none of these (an installer's ``d-i``, an operating system's
  ``udhcp``) matches nothing below and gets no boot file. debian-installer takes a boot file for a preseed and halts.
- *what*: a class per NBP rule, by architecture (option 93, RFC 4578; option 61, RFC 5970).
- *where from*: ``RULE@SERVER``, a product class, where the server's address is inside the value: HTTP in DHCPv4,
  everything in DHCPv6. Product classes are ``only-if-required``: a subnet requires those of its own boot server.
  A host that is sent elsewhere is put by its reservation into ``own-route`` and ``own-route@SERVER``; it leaves its
  subnet's product classes and enters ``own:RULE@SERVER``.

Why classes and not options on the subnet: in Kea a subnet's *option* beats a class's (so DHCPv6 option 59 may stand
in no subnet), while a class's *field* beats a subnet's (so in DHCPv4 the class gives boot-file-name, the subnet
next-server, and no product is needed).

Option 60 is echoed to HTTP clients, which insist on it, and never to PXE clients: with "PXEClient" and no option 43
EDK2 goes to port 4011 and gives up (PXE-E16).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nearboot.kea.place import Target
from nearboot.model import NbpRule

Json = dict[str, object]

OWN_ROUTE = "own-route"

_HTTP_ECHO4: Json = {"name": "vendor-class-identifier", "data": "HTTPClient", "always-send": True}
# Kea takes option 16 only as hexadecimal: enterprise 343 (Intel, which EDK2 uses), length, "HTTPClient".
_HTTP_ECHO6: Json = {
    "name": "vendor-class",
    "csv-format": False,
    "data": "00000157000a" + b"HTTPClient".hex(),
    "always-send": True,
}
# Sub-option 176 tells iPXE not to wait three seconds for a ProxyDHCP offer (ipxe.org/howto/dhcpd).
_NO_PROXY_DHCP: tuple[Json, ...] = (
    {"name": "no-pxedhcp", "space": "ipxe", "data": "1"},
    {"name": "ipxe", "code": 175, "always-send": True},
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where one address family carries the facts that a class tests."""

    family: int
    arch_option: int
    vendor: str  # the vendor class text, with its length and value to fill in
    ipxe: str


# iPXE sends its user class bare in DHCPv4 and with a length in DHCPv6; RFC 3004 and others' builds prefix it in v4 too.
DIALECTS = {
    4: Dialect(
        4,
        93,
        "substring(option[60].hex,0,{length}) == '{text}'",
        "substring(option[77].hex,0,4) == 'iPXE' or substring(option[77].hex,1,4) == 'iPXE' or option[175].exists",
    ),
    6: Dialect(6, 61, "substring(option[16].hex,6,{length}) == '{text}'", "substring(option[15].hex,2,4) == 'iPXE'"),
}


@dataclass(frozen=True, slots=True)
class ClassPlan:
    """The rules of one family and the boot servers in use: ``usual`` by subnets, ``own`` by redirected hosts."""

    family: int
    rules: tuple[NbpRule, ...]
    usual: tuple[Target, ...] = ()
    own: tuple[Target, ...] = ()
    http_prefix: str = ""
    option67_for_pxe: bool = False


def client_classes(plan: ClassPlan) -> list[Json]:
    """Build every class of a family, each after those that it refers to."""
    dialect = DIALECTS[plan.family]
    classes = _who(dialect)
    classes += [_what(plan, rule) for rule in plan.rules]
    classes.append({"name": OWN_ROUTE})
    classes += [{"name": own_route(target)} for target in plan.own]
    for target in plan.usual:
        test = "member('{rule}') and not member('" + OWN_ROUTE + "')"
        classes += _products(plan, target, prefix="", test=test)
    for target in plan.own:
        test = "member('{rule}') and member('" + own_route(target) + "')"
        classes += _products(plan, target, prefix="own:", test=test)
    return classes


def required_classes(plan: ClassPlan, target: Target | None, own: Iterable[Target]) -> list[str]:
    """Name the product classes that a subnet requires: its boot server's, and those of hosts redirected in it."""
    names = [str(entry["name"]) for entry in _products(plan, target, prefix="", test="")] if target else []
    for other in own:
        names += [str(entry["name"]) for entry in _products(plan, other, prefix="own:", test="")]
    return names


def own_route(target: Target) -> str:
    """Name the class by which a reservation sends its host to a boot server of its own."""
    return f"{OWN_ROUTE}@{target.name}"


def option_definitions4() -> list[Json]:
    """Define iPXE's encapsulated options, which Kea does not know."""
    return [
        {"name": "ipxe", "code": 175, "space": "dhcp4", "type": "empty", "encapsulate": "ipxe"},
        {"name": "no-pxedhcp", "code": 176, "space": "ipxe", "type": "uint8"},
    ]


def option_text(text: str) -> str:
    """Escape a value for option-data: Kea cuts it at a bare comma, without a word."""
    return text.replace(",", "\\,")


def is_ipxe(rule: NbpRule) -> bool:
    """Tell whether a rule is for a client that is iPXE already: it gets a script, never an NBP again (no loop)."""
    return rule.name == "ipxe" or rule.name.startswith("ipxe-")


def _who(dialect: Dialect) -> list[Json]:
    ipxe: Json = {"name": "is-ipxe", "test": dialect.ipxe}
    if dialect.family == 4:
        ipxe["option-data"] = list(_NO_PROXY_DHCP)
    return [
        ipxe,
        {"name": "is-pxe", "test": f"{_vendor(dialect, 'PXEClient')} and not member('is-ipxe')"},
        {"name": "is-http", "test": f"{_vendor(dialect, 'HTTPClient')} and not member('is-ipxe')"},
    ]


def _vendor(dialect: Dialect, text: str) -> str:
    return dialect.vendor.format(length=len(text), text=text)


def _what(plan: ClassPlan, rule: NbpRule) -> Json:
    entry: Json = {"name": rule.name, "test": _rule_test(DIALECTS[plan.family], rule)}
    if plan.family == 4 and not rule.http:
        # The field, not option 67: Kea strips the option's NUL, and some ROMs then ask for "file\xff"
        # (netboot.xyz#1198).
        entry["boot-file-name"] = rule.path
        if plan.option67_for_pxe:
            entry["option-data"] = [{"name": "boot-file-name", "data": option_text(rule.path)}]
    return entry


def _rule_test(dialect: Dialect, rule: NbpRule) -> str:
    who = "is-ipxe" if is_ipxe(rule) else "is-http" if rule.http else "is-pxe"
    archs = [f"substring(option[{dialect.arch_option}].hex,0,2) == 0x{arch:04x}" for arch in rule.archs]
    if 0 in rule.archs and dialect.family == 4:
        archs.append("not option[93].exists")  # PXE ROMs from before RFC 4578 are all BIOS
    if not archs:
        return f"member('{who}')"
    return f"member('{who}') and ({' or '.join(archs)})"


def _products(plan: ClassPlan, target: Target, *, prefix: str, test: str) -> list[Json]:
    return [
        {
            "name": f"{prefix}{rule.name}@{target.name}",
            "test": test.format(rule=rule.name),
            "only-if-required": True,
            **value,
        }
        for rule in plan.rules
        if (value := _value(plan, rule, target))
    ]


def _value(plan: ClassPlan, rule: NbpRule, target: Target) -> Json:
    """What a product class gives; nothing where the rule needs no product, or the server has no HTTP.

    iPXE reads by TFTP as well: from a server without HTTP it gets the script that way.
    """
    http = rule.http and bool(target.http_url)
    if rule.http and not http and not is_ipxe(rule):
        return {}
    if plan.family == 4:
        if rule.http and not http:
            return {"boot-file-name": rule.path}
        return _value4(rule, _http_url(plan, rule, target)) if http else {}
    url = _http_url(plan, rule, target) if http else target.tftp_url(rule.path)
    echo = [_HTTP_ECHO6] if rule.http and not is_ipxe(rule) else []
    return {"option-data": [{"name": "bootfile-url", "data": option_text(url)}, *echo]}


def _value4(rule: NbpRule, url: str) -> Json:
    # HTTP clients read option 67 by its length: harmless here, and what RFC 2132 has for a file name.
    option67: Json = {"name": "boot-file-name", "data": option_text(url)}
    return {"boot-file-name": url, "option-data": [option67] if is_ipxe(rule) else [option67, _HTTP_ECHO4]}


def _http_url(plan: ClassPlan, rule: NbpRule, target: Target) -> str:
    parts: Sequence[str] = (plan.http_prefix.strip("/"), rule.path.lstrip("/"))
    return "/".join((target.http_url, *(part for part in parts if part)))
