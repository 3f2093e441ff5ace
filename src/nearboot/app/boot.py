"""What a client gets to boot: a path as firmware asked it → the host that it means → bytes to send, or a file.

One path for TFTP and HTTP, so that both give the same answer. The database is read off the data plane, in a thread.

    desk = BootDesk(engine, boot_files(config, root), me="ams-boot")
    found = desk.look_up("/grub/grub.cfg", Asker(client, now, asked))
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
from nearboot.inventory import boot_store, store
from nearboot.inventory.schema_store import reading
from nearboot.model import Address, BootServer, Interface, Mac, Reason, Server
from nearboot.model.profile import profile_of


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

    def look_up(self, path: str, asker: Asker) -> Found:
        """Find what the asker is to get; ProtocolError for a path that no file can have, InputError for a template
        that cannot be rendered."""
        request = parse(path)
        if not request.is_config:
            answer = resolve(request, None)
            return Found(self._files.content(answer), answer.reason, None)
        with reading(self._engine) as session:
            host = self._host(session, request, asker)
        answer = resolve(request, host)
        return Found(self._files.content(answer), answer.reason, host.server.name if host else None)

    def _host(self, session: Session, request: BootRequest, asker: Asker) -> HostBoot | None:
        for key in request.keys:
            server = _server_by(session, key, asker)
            if server is not None:
                return self._joined(session, server, key, asker)
        return None

    def _joined(self, session: Session, server: Server, key: HostKey, asker: Asker) -> HostBoot:
        profile = profile_of(server, store.profiles(session))
        return HostBoot(
            server,
            interface=_interface(server, key, asker),
            tier=next((tier for tier in store.tiers(session) if tier.slug == server.tier), None),
            model=next((model for model in store.models(session) if model.slug == server.model), None),
            profile=profile,
            image=next((image for image in store.images(session) if profile and image.slug == profile.image), None),
            boot_server=self.boot_server(session, asker.asked),
            run=None if _is_another(session, server, asker) else boot_store.open_run(session, server.name),
            client=asker.client,
        )

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


def _is_another(session: Session, server: Server, asker: Asker) -> bool:
    """Whether a known server asks for another one's configuration: it does not get that one's call-back token."""
    asking = store.server_by_address(session, asker.client, asker.at)
    return asking is not None and asking.name != server.name


def _server_by(session: Session, key: HostKey, asker: Asker) -> Server | None:
    if key.kind is KeyKind.MAC:
        return store.server_by_mac(session, Mac(key.value))
    if key.kind is KeyKind.UUID:
        return store.server_by_uuid(session, key.value)
    if key.kind is KeyKind.ADDRESS:
        return store.server_by_address(session, ip_address(key.value), asker.at)
    if key.kind is KeyKind.CLIENT:
        return store.server_by_address(session, asker.client, asker.at)
    return None


def _interface(server: Server, key: HostKey, asker: Asker) -> Interface | None:
    """The interface that the request names, by its MAC or its address; else the first that may boot."""
    for interface in server.interfaces:
        if key.kind is KeyKind.MAC and interface.mac == key.value:
            return interface
        if asker.client in (interface.ipv4, interface.ipv6):
            return interface
    return boot_interface(server)
