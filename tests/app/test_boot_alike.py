"""Requests answered together, from one transaction and a kept catalog, are answered as each would be by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from nearboot.app import provision
from nearboot.app.boot import Asker, BootDesk, Found, boot_files
from nearboot.app.database import database
from nearboot.boot.host import HostBoot
from nearboot.boot.request import parse
from nearboot.boot.resolve import resolve
from nearboot.boot.store import BootFiles
from nearboot.config import Config
from nearboot.errors import InputError, ProtocolError
from nearboot.inventory import boot_store, store
from nearboot.inventory.schema_store import reading, writing
from nearboot.model import (
    BootProfile,
    BootServer,
    HardwareModel,
    Image,
    Interface,
    Inventory,
    Location,
    LocationKind,
    Mac,
    NbpFamily,
    Server,
    Slug,
    Tier,
)
from nearboot.model.profile import profile_of

STRANGER = ip_address("192.0.2.1")
KNOWN = ip_address("127.0.0.1")


@pytest.fixture
def desk(fleet: Config) -> Iterator[BootDesk]:
    with database(fleet) as engine:
        yield BootDesk(engine, boot_files(fleet, fleet.root), me="there-boot")


def test_requests_answered_together_are_answered_as_alone(fleet: Config, desk: BootDesk, now: datetime) -> None:
    """Each its own: a stranger, two servers, one that asks for another's, and what cannot be a path."""
    provision.start(fleet, ["lo-01", "lo-02"], reason="test", actor="ada", now=now)
    clients = (KNOWN, STRANGER, ip_address("127.0.0.9"), ip_address("::1"))
    paths = [
        *(f"pxelinux.cfg/{name}" for name in ("01-52-54-00-00-00-01", "7F000009", "7F", "default")),
        *("grub/grub.cfg", "ipxe/525400000002.ipxe", "boot.ipxe?mac=52:54:00:00:00:02", "deb/vmlinuz", "none", "../x"),
    ]
    asked = [(path, Asker(client, now, ip_address("127.0.0.1"))) for path in paths for client in clients]
    with closing(desk.reader()) as reader:
        together = desk.answers(asked, reader)
    for (path, asker), answer in zip(asked, together, strict=True):
        if path == "../x":
            assert isinstance(answer, ProtocolError)
        else:
            assert answer == desk.look_up(path, asker)


def one_by_one(engine: Engine, files: BootFiles, path: str, asker: Asker) -> bytes | Path | None:
    """The answer by single questions to the inventory, without a batch and without a catalog: what it must be."""
    request = parse(path)
    with reading(engine) as session:
        (key,) = request.keys
        server = store.server_by_mac(session, Mac(key.value))
        if server is None:
            return files.content(resolve(request, None))
        asking = store.server_by_address(session, asker.client, asker.at)
        profile = profile_of(server, store.profiles(session))
        host = HostBoot(
            server,
            interface=next(each for each in server.interfaces if each.mac == key.value),
            tier=next((each for each in store.tiers(session) if each.slug == server.tier), None),
            model=next((each for each in store.models(session) if each.slug == server.model), None),
            profile=profile,
            image=next((each for each in store.images(session) if profile and each.slug == profile.image), None),
            boot_server=store.boot_server_by_address(session, asker.asked) if asker.asked else None,
            run=None if asking and asking.name != server.name else boot_store.open_run(session, server.name),
            client=asker.client,
        )
    return files.content(resolve(request, host))


def check_all(config: Config, now: datetime) -> int:
    """Every MAC of the inventory, in every loader's spelling, asked by its own address, its neighbour's and a
    stranger's."""
    files = boot_files(config, config.root)
    with database(config) as engine:
        with reading(engine) as session:
            servers, asked = store.servers(session), [each.ipv4 or each.ipv6 for each in store.boot_servers(session)]
        interfaces = [each for server in servers for each in server.interfaces if each.mac]
        addresses = [*(each.ipv4 or each.ipv6 or STRANGER for each in interfaces), STRANGER]
        macs = [str(each.mac).replace(":", "-") for each in interfaces] + ["02-00-00-00-00-77"]
        requests = [
            (pattern.format(mac), Asker(client, now, address))
            for number, mac in enumerate(macs)
            for pattern in ("pxelinux.cfg/01-{}", "grub/grub.cfg-01-{}", "ipxe/{}.ipxe")
            for client in (addresses[number], addresses[number - 1], STRANGER)
            for address in (asked[number % len(asked)], None)
        ]
        with closing(BootDesk(engine, files, me=None).reader()) as reader:
            answers = BootDesk(engine, files, me=None).answers(requests, reader)
        for (path, asker), answer in zip(requests, answers, strict=True):
            try:
                expected = one_by_one(engine, files, path, asker)
            except InputError as error:
                assert str(answer) == str(error)
            else:
                assert isinstance(answer, Found) and answer.content == expected
    return len(requests)


def test_the_quickstart_is_answered_as_by_single_questions(quickstart: object, config: Config, now: datetime) -> None:
    """Byte by byte, for every server, with and without a run."""
    provision.start(config, ["web-ams-01"], reason="test", actor="ada", now=now)
    assert check_all(config, now) > 50


SLUGS = [Slug("s0"), Slug("s1"), Slug("s2")]
maybe = st.none() | st.sampled_from(SLUGS[:2])
words = st.lists(st.sampled_from(["quiet", "console=tty0", "a b", "ds=nocloud;s=x", '"q"', "---", "x"]), max_size=3)


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    """Servers with and without tier, model, profile, domain, parameters, addresses; images of two architectures."""
    images = [
        Image(
            slug, f"{slug}/vmlinuz", tuple(draw(st.lists(st.just("i/rd"), max_size=2))), tuple(draw(words)), arch=arch
        )
        for slug, arch in zip(SLUGS, ("x86_64", "arm64", "amd64"), strict=True)
    ]
    profiles = [
        BootProfile(
            Slug(f"p{number}"),
            draw(st.sampled_from(SLUGS)),
            draw(maybe),
            draw(maybe),
            draw(st.none() | st.sampled_from(NbpFamily)),
            tuple(draw(words)),
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    servers = [
        Server(
            f"h{number}",
            SLUGS[0],
            draw(maybe),
            draw(maybe),
            profile=draw(st.sampled_from([None, *(profile.slug for profile in profiles)])),
            domain=draw(st.sampled_from(["", "example.net"])),
            interfaces=tuple(
                Interface(
                    f"e{place}",
                    Mac(f"02:00:00:00:{number:02x}:{place:02x}"),
                    ipv4=draw(st.sampled_from([None, IPv4Address(f"10.0.{number}.{place}")])),
                    ipv6=draw(st.sampled_from([None, IPv6Address(f"fd00::{number}:{place}")])),
                    boot=draw(st.booleans()),
                )
                for place in range(draw(st.integers(0, 2)))
            ),
            params={"a": "b"} if draw(st.booleans()) else {},
        )
        for number in range(draw(st.integers(1, 4)))
    ]
    return Inventory(
        locations=(Location(SLUGS[0], LocationKind.SITE),),
        tiers=tuple(Tier(slug) for slug in SLUGS[:2]),
        models=(HardwareModel(SLUGS[0], console="ttyS1,9600"), HardwareModel(SLUGS[1])),
        images=tuple(images),
        profiles=tuple(profiles),
        servers=tuple(servers),
        boot_servers=(
            BootServer(Slug("b0"), SLUGS[0], IPv4Address("10.9.0.1"), IPv6Address("fd09::1"), "http://10.9.0.1:8080"),
            BootServer(Slug("b1"), SLUGS[0], IPv4Address("10.9.0.2")),
        ),
    )


@given(inventory=inventories(), started=st.sets(st.integers(0, 3)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_inventory_is_answered_as_by_single_questions(
    config: Config, now: datetime, inventory: Inventory, started: set[int]
) -> None:
    """Byte by byte; what cannot be rendered is the same fault."""
    with database(config) as engine, writing(engine) as session:
        store.apply(session, Inventory(), prune=True)  # what another example left
        store.apply(session, inventory)
        for server in inventory.servers:
            if int(server.name[1:]) in started:
                boot_store.start_run(session, server.name, now, token=f"token-of-{server.name}")
    check_all(config, now)
