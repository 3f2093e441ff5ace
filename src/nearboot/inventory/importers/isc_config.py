"""What ISC dhcpd statements declare: hosts and subnets, each with the settings in force there; and what is left over.

dhcpd looks a setting up from the inside out: host, group, subnet, shared network, global. Nothing is evaluated: a
setting inside ``if``, ``class`` or ``switch`` depends on the client's packet, and is reported as not used.

    declared = read_config(statements)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nearboot.errors import Fault, InputError
from nearboot.inventory.importers.isc_syntax import Statement, TokenKind
from nearboot.inventory.importers.isc_values import (
    fault_at,
    is_expression,
    read_mac,
    read_range,
    read_single,
    read_subnet,
    read_targets,
    text_of,
)
from nearboot.model import Address, Duid, Mac, Pool, Prefix, duid_from_text

_PLAIN = ("filename", "next-server", "server-name")
"""Settings without the word ``option``; they are the fields ``file``, ``siaddr`` and ``sname`` of the DHCP packet."""
_HARDWARE = re.compile(r"(ethernet|token-ring|token-fddi|fddi|infiniband|unknown-\d+)\Z", re.IGNORECASE)
_LISTS = ("routers", "domain-name-servers", "ntp-servers", "dhcp6.name-servers", "dhcp6.sntp-servers")
"""Options whose values are addresses (or names of such), with commas between them."""


class Setting(NamedTuple):
    """A setting and where it stands; ``statement`` is kept to read its value as the type that the user of it wants."""

    name: str  # "next-server", "routers", "pxelinux.pathprefix"
    value: str
    statement: Statement

    @property
    def place(self) -> str:
        """File and line, as a person looks for it."""
        return f"{self.statement.file}:{self.statement.line}"


@dataclass(frozen=True, slots=True)
class HostDeclaration:
    """A ``host`` block. ``inherited`` are the settings of the groups around it, ``subnet`` that it stands in."""

    name: str
    file: str
    line: int
    macs: tuple[Mac, ...] = ()
    duid: Duid | None = None
    targets: tuple[Address | str, ...] = ()  # of fixed-address and fixed-address6: addresses and names
    own: Mapping[str, Setting] = field(default_factory=dict)
    inherited: Mapping[str, Setting] = field(default_factory=dict)
    subnet: Prefix | None = None
    sources: Mapping[Address, str] = field(default_factory=dict)  # file and line of targets that a host table gave

    @property
    def place(self) -> str:
        """File and line, as a person looks for it."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class SubnetDeclaration:
    """A ``subnet`` or ``subnet6`` block; ``settings`` has those of the blocks around it as well."""

    prefix: Prefix
    file: str
    line: int
    pools: tuple[Pool, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    shared_network: str = ""


class Unused(NamedTuple):
    """A statement that declares nothing we know: what it is, and where."""

    what: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class Declarations:
    """Everything that a configuration says, in its order."""

    hosts: tuple[HostDeclaration, ...]
    subnets: tuple[SubnetDeclaration, ...]
    settings: tuple[Setting, ...]  # of all blocks other than hosts; whoever uses one knows it, the rest is reported
    unused: tuple[Unused, ...]
    top: Mapping[str, Setting]  # the global ones among the settings


def read_config(statements: Sequence[Statement]) -> Declarations:
    """Read expanded statements (no ``include`` left); raises ``InputError`` with every wrong value."""
    reading = _Reading()
    top = reading.own_settings(statements)
    reading.declarations(statements, _Scope(top))
    if reading.faults:
        raise InputError(reading.faults)
    return Declarations(
        tuple(reading.hosts), tuple(reading.subnets), tuple(reading.settings), tuple(reading.unused), top
    )


@dataclass(frozen=True, slots=True)
class _Scope:
    """The blocks around a statement: all their settings, those of groups alone, and the subnet among them."""

    settings: Mapping[str, Setting] = field(default_factory=dict)
    grouped: Mapping[str, Setting] = field(default_factory=dict)
    subnet: Prefix | None = None
    shared_network: str = ""


@dataclass(slots=True)
class _Reading:
    hosts: list[HostDeclaration] = field(default_factory=list)
    subnets: list[SubnetDeclaration] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def declarations(self, statements: Sequence[Statement], scope: _Scope) -> None:
        """Read what a block declares; its settings are in ``scope`` already, since they hold wherever they stand."""
        for statement in statements:
            if _setting_name(statement) is None:
                self.declaration(statement, scope)

    def declaration(self, statement: Statement, scope: _Scope) -> None:
        match statement.keyword:
            case "host" if statement.body is not None:
                self.host(statement, statement.body, scope)
            case "subnet" | "subnet6" if statement.body is not None:
                self.subnet(statement, statement.body, scope)
            case "group" | "shared-network" if statement.body is not None:
                self.group(statement, statement.body, scope)
            case "host" | "subnet" | "subnet6" | "group" | "shared-network":
                self.faults.append(Fault(statement.file, statement.line, statement.keyword, "';'", "a block: '{'"))
            case _:
                self.left_over(statement)

    def group(self, statement: Statement, body: Sequence[Statement], scope: _Scope) -> None:
        own = self.own_settings(body)
        shared = statement.keyword == "shared-network"
        name = text_of(statement.args) if shared else scope.shared_network
        grouped = scope.grouped if shared else {**scope.grouped, **own}
        self.declarations(body, _Scope({**scope.settings, **own}, grouped, scope.subnet, name))

    def subnet(self, statement: Statement, body: Sequence[Statement], scope: _Scope) -> None:
        prefix = read_subnet(statement, self.faults)
        if prefix is None:
            return
        own = self.own_settings(body)
        inner = _Scope({**scope.settings, **own}, scope.grouped, prefix, scope.shared_network)
        pools: list[Pool] = []
        for child in body:
            if child.keyword in ("range", "range6"):
                pools += self.pool_range(child, prefix)
            elif child.keyword in ("pool", "pool6") and child.body is not None:
                pools += self.pool(child.body, prefix)
            elif _setting_name(child) is None:
                self.declaration(child, inner)
        self.subnets.append(
            SubnetDeclaration(
                prefix,
                statement.file,
                statement.line,
                tuple(pools),
                inner.settings,
                shared_network=scope.shared_network,
            )
        )

    def pool(self, body: Sequence[Statement], prefix: Prefix) -> list[Pool]:
        """Read the ranges of a pool; who may lease from it (``allow members of``) is not ours, and is reported."""
        pools: list[Pool] = []
        for child in body:
            if child.keyword in ("range", "range6"):
                pools += self.pool_range(child, prefix)
            else:
                self.left_over(child, " in pool")
        return pools

    def pool_range(self, statement: Statement, prefix: Prefix) -> list[Pool]:
        pool = read_range(statement, prefix, self.faults)
        return [pool] if pool else []

    def host(self, statement: Statement, body: Sequence[Statement], scope: _Scope) -> None:
        name = read_single(statement, statement.args, "a host name", self.faults)
        if statement.args and statement.args[0].kind is not TokenKind.WORD:
            self.faults.append(fault_at(statement.args[0], "host", "a host name without quotes"))
        macs: list[Mac] = []
        targets: list[Address | str] = []
        duid: Duid | None = None
        for child in body:
            match child.keyword:
                case "hardware" if child.args and child.args[0].text.lower() == "ethernet":
                    mac = read_mac(child, child.args[1:], self.faults)
                    macs += [mac] if mac else []
                case "hardware" if not (child.args and _HARDWARE.match(child.args[0].text)):
                    found = text_of(child.args[:1]) or "nothing"
                    expected = "a kind of hardware, such as ethernet"
                    self.faults.append(Fault(child.file, child.line, "hardware", repr(found), expected))
                case "fixed-address" | "fixed-address6":
                    targets += read_targets(child, child.args, self.faults)
                case "host-identifier" if text_of(child.args[:2]) == "option dhcp6.client-id":
                    duid = self.duid(child)
                case _ if _setting_name(child) is None:
                    self.left_over(child, " in host")
        own = self.own_settings(body, shared=False)
        place = (statement.file, statement.line)
        self.hosts.append(
            HostDeclaration(
                name or "",
                *place,
                tuple(macs),
                duid,
                tuple(targets),
                own=own,
                inherited=scope.grouped,
                subnet=scope.subnet,
            )
        )

    def duid(self, statement: Statement) -> Duid | None:
        text = text_of(statement.args[2:])
        try:
            if not all(text.split(":")):
                raise ValueError("octets with one colon between them")
            return duid_from_text(":".join(octet.zfill(2) for octet in text.split(":")))
        except ValueError as error:
            self.faults.append(Fault(statement.file, statement.line, "host-identifier", repr(text), str(error)))
            return None

    def own_settings(self, statements: Sequence[Statement], *, shared: bool = True) -> dict[str, Setting]:
        """Return the settings that stand in a block itself; ``shared`` ones are listed for the account."""
        own: dict[str, Setting] = {}
        for statement in statements:
            name = _setting_name(statement)
            if name is None:
                continue
            tokens = statement.args if statement.keyword in _PLAIN else statement.args[1:]
            if statement.keyword in _PLAIN and read_single(statement, tokens, "a value", self.faults) is None:
                continue
            if name in _LISTS:
                read_targets(statement, tokens, self.faults)
            own[name] = Setting(name, text_of(tokens), statement)
            self.settings += [own[name]] if shared else []
        return own

    def left_over(self, statement: Statement, where: str = "") -> None:
        """Record a statement that is not used, and everything in its block."""
        self.unused.append(Unused(_title(statement) + where, statement))
        for child in statement.body or ():
            self.left_over(child, f" in {statement.keyword}")


def _setting_name(statement: Statement) -> str | None:
    """Return the name of the setting that a statement makes; None where it is none, or is computed at run time."""
    if statement.body is not None or is_expression(statement.args):
        return None
    if statement.keyword in _PLAIN:
        return statement.keyword
    if statement.keyword == "option" and len(statement.args) > 1 and statement.args[0].text.lower() != "space":
        return statement.args[0].text.lower()
    return None


def _title(statement: Statement) -> str:
    """Name the kind of a statement for the account: options by name, the rest by keyword."""
    words = [token.text.lower() for token in statement.args]
    if statement.keyword != "option" or not words:
        return statement.keyword
    if words[0] == "space" or words[1:2] == ["code"]:
        return "option definition"
    return f"option {words[0]}" + (" (computed)" if is_expression(statement.args) else "")
