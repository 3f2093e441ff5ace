"""Where probes go: the boot servers of the inventory, or the lines of a target file.

# place   address          port, if it is another
fra       192.0.2.7
fra       2001:db8::7
eqiad     198.51.100.9     31400

targets = parse("targets.txt", text, port=31338)
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from nearboot.errors import Fault, InputError
from nearboot.model import BootServer
from nearboot.probe.ping_round import Target

MAX_PORT = 65535


def of_boot_servers(servers: Iterable[BootServer], *, port: int, families: Iterable[int] = (4, 6)) -> list[Target]:
    """A target for each address of each boot server."""
    return [
        Target(server.location, server.name, str(address), port)
        for server in servers
        for family, address in ((4, server.ipv4), (6, server.ipv6))
        if address is not None and family in families
    ]


def parse(file: str, text: str, *, port: int, families: Iterable[int] = (4, 6)) -> list[Target]:
    """The targets of a file; ``InputError`` names all faults at once. ``port``: of the lines that name none."""
    wanted = frozenset(families)
    faults: list[Fault] = []
    found: dict[tuple[str, int], Target] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            target = _target(words, port)
            if (target.host, target.port) in found:
                raise ValueError(f"{target.host} port {target.port} once more")
        except ValueError as error:
            faults.append(Fault(file, number, "", str(error), "PLACE ADDRESS [PORT], each address once"))
            continue
        found[target.host, target.port] = target
    if not found and not faults:
        faults.append(Fault(file, 0, "", "no target", "a line for each: PLACE ADDRESS [PORT]"))
    if faults:
        raise InputError(faults)
    return [target for target in found.values() if target.family in wanted]


def _target(words: list[str], port: int) -> Target:
    if not 2 <= len(words) <= 3:
        raise ValueError(f"{len(words)} word{'s' * (len(words) > 1)}")
    location, host = words[:2]
    if len(words) == 3:
        if not words[2].isdecimal() or not 0 < int(words[2]) <= MAX_PORT:
            raise ValueError(f"the port {words[2]!r}")
        port = int(words[2])
    address = str(ip_address(host.strip("[]")))
    return Target(location, address, address, port)
