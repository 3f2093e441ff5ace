"""Our own checks of a Kea configuration: what Kea accepts and then answers nobody with, or cuts without a word.

Run before ``kea-dhcpN -t`` (`runner.validate`), which finds errors of grammar; these find errors of sense, and say what
they would do. The facts are measured on Kea 2.2.0, 2.6.3 and 3.0.4. Works on any configuration, not only on our own.

    errors = [finding for finding in check4(config) if finding.severity is Severity.ERROR]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

from nearboot.kea.check_class import findings_of_classes
from nearboot.kea.check_option import findings_of_options
from nearboot.kea.check_subnet import findings_of_subnets
from nearboot.kea.document import Json, body, control_socket, holders
from nearboot.kea.finding import Finding, Severity

_SOCKET_PATH_OCTETS = 107  # sun_path of unix(7), less its NUL
# Kea takes one octet more on subnets and classes and sends it without a NUL; a longer global one silences the server.
_FIELD_OCTETS = {"boot-file-name": 127, "server-hostname": 63}


def check4(config: Mapping[str, object]) -> tuple[Finding, ...]:
    """Check a Dhcp4 configuration; findings in the order of the checks, nothing where all is well."""
    return tuple(_check(config, 4))


def check6(config: Mapping[str, object]) -> tuple[Finding, ...]:
    """Check a Dhcp6 configuration; findings in the order of the checks, nothing where all is well."""
    return tuple(_check(config, 6))


def _check(config: Mapping[str, object], family: int) -> Iterator[Finding]:
    if f"Dhcp{family}" not in config:
        yield Finding("", f"no Dhcp{family} in it: this is not a configuration of kea-dhcp{family}")
        return
    document = body(config)
    yield from _channel(config, document)
    yield from findings_of_subnets(document, family)
    yield from findings_of_classes(document, family)
    yield from findings_of_options(document, family)
    if family == 4:
        for path, holder in holders(document, family):
            yield from _fields(path, holder)


def _channel(config: Mapping[str, object], document: Json) -> Iterator[Finding]:
    path = control_socket(config)
    if path is None and "control-sockets" not in document:
        yield Finding("control-socket", "missing: after this configuration is set, Kea can be told nothing more")
    elif path is not None and len(path.encode()) > _SOCKET_PATH_OCTETS:
        yield Finding("control-socket.socket-name", f"longer than {_SOCKET_PATH_OCTETS} octets: no socket can be there")


def _fields(path: str, holder: Json) -> Iterator[Finding]:
    """The fixed fields of a DHCPv4 reply (RFC 2131 section 2)."""
    dot = f"{path}." if path else ""
    for name, limit in _FIELD_OCTETS.items():
        text = holder.get(name)
        if isinstance(text, str) and len(text.encode()) > limit:
            yield Finding(f"{dot}{name}", f"{len(text.encode())} octets; the field holds {limit}")
    if "next-server" in holder and (problem := _next_server_problem(holder["next-server"])):
        yield Finding(f"{dot}next-server", problem)


def _next_server_problem(value: object) -> str:
    try:
        address = IPv4Address(value if isinstance(value, str) else "")
    except ValueError:
        return f"{value!r} is not an IPv4 address; Kea may accept a name here and then answers nobody"
    if address == IPv4Address(0):
        return "0.0.0.0 is no boot server; on a subnet it hides the global one, on a class it does nothing"
    return ""


__all__ = ["Finding", "Severity", "check4", "check6"]
