"""Generating and checking the Kea configuration: inventory and routes → two files, our checks, Kea's own.

generated = generate(config, Path("out"), settings(config), actor="ada", now=now)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path

from nearboot.app.database import writing
from nearboot.app.files import write_document
from nearboot.app.routes import look, own_routes
from nearboot.boot import nbp
from nearboot.config import Config
from nearboot.errors import ConfigError, Fault, InputError
from nearboot.inventory import boot_store, route_store
from nearboot.kea.check import check4, check6
from nearboot.kea.config import build4, build6, render
from nearboot.kea.document import load
from nearboot.kea.finding import Finding
from nearboot.kea.runner import Verdict, validate
from nearboot.kea.settings import KeaInputs, KeaSettings, SocketType, UnknownClients
from nearboot.kea.survey import Survey, survey
from nearboot.model import AuditEntry, Prefix

FILES = {4: "kea-dhcp4.conf", 6: "kea-dhcp6.conf"}
BUILD = {4: build4, 6: build6}
CHECK = {4: check4, 6: check6}


@dataclass(frozen=True, slots=True)
class Generated:
    """One file that was written: where, whether it differs from what stood there, what it holds and what is odd."""

    path: Path
    changed: bool
    survey: Survey
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What our checks and Kea's own say of a file. ``verdict`` None: Kea was not asked."""

    path: Path
    findings: tuple[Finding, ...]
    verdict: Verdict | None


def settings(config: Config) -> KeaSettings:
    """What the configuration says of Kea."""
    kea = config.kea
    try:
        socket_type, unknown = SocketType(kea.socket_type), UnknownClients(kea.unknown_clients)
    except ValueError as error:
        raise ConfigError(f"kea.socket_type is raw or udp, kea.unknown_clients is pool or ignore: {error}") from error
    return KeaSettings(
        interfaces4=kea.interfaces4,
        interfaces6=kea.interfaces6,
        socket_type=socket_type,
        attached=dict(_attached(text) for text in kea.attached),
        control_socket4=f"{kea.run_dir}/kea4-ctrl-socket",
        control_socket6=f"{kea.run_dir}/kea6-ctrl-socket",
        lease_file4=f"{kea.lease_dir}/kea-leases4.csv",
        lease_file6=f"{kea.lease_dir}/kea-leases6.csv",
        log_output4=kea.log_output,
        log_output6=kea.log_output,
        log_severity=kea.log_severity,
        valid_lifetime_s=kea.valid_lifetime_s,
        unknown_clients=unknown,
        option67_for_pxe=kea.option67,
    )


def generate(config: Config, folder: Path, how: KeaSettings, *, actor: str, now: datetime) -> tuple[Generated, ...]:
    """Select the routes, keep them, and write both files; routes that could not be written are not kept."""
    generated = []
    with writing(config) as session:
        picture = look(session, config, now)
        route_store.set_routes(session, picture.routes, now)
        inputs = KeaInputs(picture.inventory, picture.routes, nbp.rules4(), nbp.rules6(), own_routes(picture))
        for family, name in FILES.items():
            document = BUILD[family](inputs, how)
            changed = write_document(folder / name, render(document))
            generated.append(Generated(folder / name, changed, survey(inputs, document), CHECK[family](document)))
        detail = "; ".join(_what_is_new(item) for item in generated)
        boot_store.add_audit(session, AuditEntry(now, actor, "kea.generate", str(folder), detail))
    return tuple(generated)


def check(folder: Path, *, ask_kea: bool = True) -> tuple[Checked, ...]:
    """Check the files of a folder, one of them or both: ours first, then ``kea-dhcp4 -t`` and ``kea-dhcp6 -t``."""
    paths = {family: folder / name for family, name in FILES.items() if (folder / name).exists()}
    if not paths:
        expected = f"{' or '.join(FILES.values())}, made by nearboot kea generate"
        raise InputError([Fault(str(folder), 0, "", "no Kea configuration", expected)])
    checked = []
    for family, path in paths.items():
        document = _document(path)
        verdict = asyncio.run(validate(family, path)) if ask_kea else None
        checked.append(Checked(path, CHECK[family](document), verdict))
    return tuple(checked)


def _what_is_new(item: Generated) -> str:
    """One file for the audit log."""
    found = item.survey
    reserved = found.reserved_addresses + found.reserved_names
    state = "changed" if item.changed else "unchanged"
    return f"{item.path.name} {state} ({found.subnets} subnets, {reserved} reservations)"


def _attached(text: str) -> tuple[Prefix, str]:
    prefix, _, interface = text.partition("=")
    try:
        if not interface:
            raise ValueError("no interface")
        return ip_network(prefix), interface
    except ValueError as error:
        raise ConfigError(f"kea.attached: found {text!r}; expected PREFIX=INTERFACE, such as fd77::/64=eth1") from error


def _document(path: Path) -> dict[str, object]:
    try:
        return load(path.read_text(encoding="utf-8"), file=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([Fault(str(path), 0, "", str(error), "a readable Kea configuration in UTF-8")]) from error
