"""What a client gets to boot: a path as firmware asked it → the host that it means → bytes to send, or a file.

One path for TFTP and HTTP, so that both give the same answer. Requests that wait together are answered together, from
one transaction that begins after they came (the thread for that: clerk). What that reads, each time: the servers with
the MACs, UUIDs and addresses of the paths and of the askers, their open runs, the newest lease of an address that no
server has; and the catalog, unless the database says that nothing was committed since (inventory.host_store).

    desk = BootDesk(engine, boot_files(config, root), me="ams-boot")
    found = desk.look_up("/grub/grub.cfg", Asker(client, now, asked))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from nearboot.app.host import boot_interface
from nearboot.app.settings import folder, shipped
from nearboot.boot.host import HostBoot
from nearboot.boot.request import BootRequest, HostKey, KeyKind, parse
from nearboot.boot.resolve import resolve
from nearboot.boot.store import BootFiles, read_templates
from nearboot.config import Config
from nearboot.errors import NotFoundError, ProtocolError
from nearboot.inventory import store
from nearboot.inventory.host_store import Catalog, Host, HostReader, Hosts, Wanted
from nearboot.inventory.schema_store import reading
from nearboot.model import Address, BootServer, Interface, Reason, Server


@dataclass(frozen=True, slots=True)
class Found:
    """What a path leads to: bytes, a file, or None (nothing to send), why, and for which server."""

    content: bytes | Path | None
    reason: Reason
    server: str | None


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, when (aware UTC), and which address was asked."""

    client: Address
    at: datetime
    asked: Address | None = None


Asked = tuple[str, Asker]
"""A path and who asks for it."""


class BootDesk:
    """Answers boot requests for one boot server. ``me``: its name; None: found by the address that was asked."""

    def __init__(self, engine: Engine, files: BootFiles, *, me: str | None) -> None:
        self._engine = engine
        self._files = files
        self._me = me

    @property
    def name(self) -> str:
        """Which boot server this is, for people."""
        return self._me or "by-address"

    def reader(self) -> HostReader:
        """What ``answers`` reads with, for one thread; to be closed."""
        return HostReader(self._engine)

    def look_up(self, path: str, asker: Asker) -> Found:
        """Find what the asker is to get; ProtocolError for a path that no file can have, InputError for a template
        that cannot be rendered. On a connection opened for it: who asks often asks a clerk."""
        with closing(self.reader()) as reader:
            (answer,) = self.answers([(path, asker)], reader)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answers(self, asked: Sequence[Asked], reader: HostReader) -> list[Found | Exception]:
        """The same for many at once, in that order; one that cannot be answered does not concern the others."""
        requests = [_request(path) for path, _ in asked]
        naming = [
            (request, asker)
            for request, (_, asker) in zip(requests, asked, strict=True)
            if isinstance(request, BootRequest) and request.is_config
        ]
        hosts = reader.read(wanted(naming)) if naming else None
        return [
            self._answer(request, asker, hosts) if isinstance(request, BootRequest) else request
            for request, (_, asker) in zip(requests, asked, strict=True)
        ]

    def _answer(self, request: BootRequest, asker: Asker, hosts: Hosts | None) -> Found | Exception:
        try:
            host = self._host(hosts, request, asker) if hosts and request.is_config else None
            answer = resolve(request, host)
            return Found(self._files.content(answer), answer.reason, host.server.name if host else None)
        except Exception as error:  # of this request: raised where it is waited for
            return error

    def _host(self, hosts: Hosts, request: BootRequest, asker: Asker) -> HostBoot | None:
        for key in request.keys:
            host = _host_by(hosts, key, asker)
            if host is not None:
                return self._joined(hosts, host, key, asker)
        return None

    def _joined(self, hosts: Hosts, host: Host, key: HostKey, asker: Asker) -> HostBoot:
        catalog, server = hosts.catalog, host.server
        profile = catalog.profile(server)
        return HostBoot(
            server,
            interface=_interface(server, key, asker),
            tier=catalog.tiers.get(server.tier or ""),
            model=catalog.models.get(server.model or ""),
            profile=profile,
            image=catalog.images.get(profile.image) if profile else None,
            boot_server=self._boot_server(catalog, asker.asked),
            run=None if _is_another(hosts, server, asker) else host.run,
            client=asker.client,
        )

    def _boot_server(self, catalog: Catalog, asked: Address | None) -> BootServer | None:
        if self._me is None:
            return catalog.boot_server_at(asked) if asked is not None else None
        if self._me not in catalog.boot_servers:
            raise NotFoundError("boot server", self._me)
        return catalog.boot_servers[self._me]

    def boot_server(self, session: Session, asked: Address | None) -> BootServer | None:
        """The boot server that this is: the one it was told to be, else the one with the address that was asked."""
        if self._me is not None:
            return store.boot_server(session, self._me)
        return store.boot_server_by_address(session, asked) if asked is not None else None


def boot_files(config: Config, root: Path) -> BootFiles:
    """A file root with the templates: those of the configured folder, and the shipped ones for what it lacks.

    Raises ConfigError for one that cannot be read, InputError for all that cannot be parsed.
    """
    return BootFiles(root, read_templates(*dict.fromkeys([folder(config, "templates"), shipped("templates")])))


def check_name(engine: Engine, name: str | None) -> None:
    """Raise NotFoundError unless the inventory has a boot server of this name (None: nothing to check)."""
    if name is None:
        return
    with reading(engine) as session:
        store.boot_server(session, name)


def is_plain_file(path: str) -> bool:
    """Whether a path is no boot loader's configuration, so that it can be served without the database."""
    return not parse(path).is_config


def plain_path(asked: str) -> str | None:
    """The regular path of a plain file, which an origin may have; None for a configuration, or with a query."""
    request = parse(asked)
    return None if request.is_config or "?" in asked else request.path


def wanted(asked: Iterable[tuple[BootRequest, Asker]]) -> Wanted:
    """All hosts that requests may mean: those that they name, and those that ask."""
    found: dict[KeyKind, set[str]] = {kind: set() for kind in KeyKind}
    askers: set[Address] = set()
    at = datetime.min.replace(tzinfo=UTC)
    for request, asker in asked:
        for key in request.keys:
            found[key.kind].add(key.value)
        askers.add(asker.client)
        at = max(at, asker.at)
    addresses = askers | {ip_address(text) for text in found[KeyKind.ADDRESS]}
    return Wanted(at, macs=found[KeyKind.MAC], uuids=found[KeyKind.UUID], addresses=addresses)


def _request(path: str) -> BootRequest | ProtocolError:
    try:
        return parse(path)
    except ProtocolError as error:
        return error


def _is_another(hosts: Hosts, server: Server, asker: Asker) -> bool:
    """Whether a known server asks for another one's configuration: it does not get that one's call-back token."""
    asking = hosts.by_address(asker.client)
    return asking is not None and asking.server.name != server.name


def _host_by(hosts: Hosts, key: HostKey, asker: Asker) -> Host | None:
    if key.kind is KeyKind.MAC:
        return hosts.by_mac(key.value)
    if key.kind is KeyKind.UUID:
        return hosts.by_uuid(key.value)
    if key.kind is KeyKind.ADDRESS:
        return hosts.by_address(ip_address(key.value))
    if key.kind is KeyKind.CLIENT:
        return hosts.by_address(asker.client)
    return None


def _interface(server: Server, key: HostKey, asker: Asker) -> Interface | None:
    """The interface that the request names, by its MAC or its address; else the one that asks; else the first that may
    boot."""

    def named(interface: Interface) -> bool:
        return key.value in (interface.mac, str(interface.ipv4 or ""), str(interface.ipv6 or ""))

    def asking(interface: Interface) -> bool:
        return asker.client in (interface.ipv4, interface.ipv6)

    for is_meant in (named, asking) if key.value else (asking,):
        for interface in server.interfaces:
            if is_meant(interface):
                return interface
    return boot_interface(server)
