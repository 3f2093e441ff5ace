"""Many hosts in one read, on both databases: the same as the single questions give, and always as the database is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from nearboot.errors import DatabaseError
from nearboot.inventory import boot_store, store
from nearboot.inventory.host_store import Host, HostReader, Wanted
from nearboot.inventory.schema_store import reading, writing
from nearboot.model import AdminState, Event, EventKind, Inventory, Phase, Run, Slug

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEB, DB = "web-ams-01", "db-fra-01"
MAC, UUID = "52:54:00:00:01:01", "4c4c4544-0042-4410-8056-b4c04f313233"
V4, V6, POOL = ip_address("10.10.0.11"), ip_address("fd10::11"), ip_address("10.20.0.77")


@pytest.fixture
def loaded(engine: Engine, sample: Inventory) -> Engine:
    with writing(engine) as session:
        store.apply(session, sample)
    return engine


@pytest.fixture
def reader(loaded: Engine) -> Iterator[HostReader]:
    with closing(HostReader(loaded)) as reader:
        yield reader


def lease(session: Session, server: str | None, at: datetime, address: object = POOL) -> None:
    event = Event(at, EventKind.DHCP_LEASE, server, subject=str(address), detail={"valid_lifetime_s": 600})
    boot_store.add_event(session, event)


def name(host: Host | None) -> str | None:
    return host.server.name if host else None


@pytest.mark.parametrize(
    ("wanted", "find"),
    [
        pytest.param(Wanted(NOW, macs=[MAC]), lambda hosts: hosts.by_mac(MAC), id="MAC"),
        pytest.param(Wanted(NOW, uuids=[UUID]), lambda hosts: hosts.by_uuid(UUID), id="UUID"),
        pytest.param(Wanted(NOW, addresses=[V4]), lambda hosts: hosts.by_address(V4), id="IPv4"),
        pytest.param(Wanted(NOW, addresses=[V6]), lambda hosts: hosts.by_address(V6), id="IPv6"),
        pytest.param(Wanted(NOW, addresses=[POOL]), lambda hosts: hosts.by_address(POOL), id="lease"),
    ],
)
def test_a_server_is_found_whole(loaded: Engine, reader: HostReader, wanted: Wanted, find: Callable[..., Any]) -> None:
    """As the single questions give it: interfaces in order, BMC, parameters, and the run that is open."""
    with writing(loaded) as session:
        lease(session, WEB, NOW)
        old = boot_store.start_run(session, WEB, NOW, token="old")
        boot_store.update_run(session, replace(old, finished_at=NOW, outcome="provisioned"))
        run = boot_store.start_run(session, WEB, NOW, token="t", reason="x")
        server = store.server(session, WEB)
    assert find(reader.read(wanted)) == Host(server, run)


def test_a_batch_tells_hosts_apart(loaded: Engine, reader: HostReader) -> None:
    """Each by its own name; what nobody has is nobody's."""
    with writing(loaded) as session:
        lease(session, DB, NOW)
    hosts = reader.read(Wanted(NOW, macs=[MAC, "02:00:00:00:00:09"], uuids=["no"], addresses=[POOL, ip_address("::1")]))
    assert (name(hosts.by_mac(MAC)), name(hosts.by_address(POOL))) == (WEB, DB)
    assert hosts.by_mac("02:00:00:00:00:09") is hosts.by_uuid("no") is hosts.by_address(ip_address("::1")) is None
    assert reader.read(Wanted(NOW)).by_mac(MAC) is None


@pytest.mark.parametrize(
    ("asked_at", "expected"),
    [
        pytest.param(NOW - timedelta(seconds=3), None, id="before the lease"),
        pytest.param(NOW - timedelta(seconds=1), WEB, id="noticed just after"),
        pytest.param(NOW + timedelta(seconds=599), WEB, id="while it lasts"),
        pytest.param(NOW + timedelta(seconds=601), None, id="after it"),
        pytest.param(NOW + timedelta(hours=1), DB, id="another's by then"),
    ],
)
def test_leases_hold_for_their_lifetime(
    loaded: Engine, reader: HostReader, asked_at: datetime, expected: str | None
) -> None:
    """As for one address alone (store.server_by_address)."""
    with writing(loaded) as session:
        lease(session, WEB, NOW)
        lease(session, DB, NOW + timedelta(hours=1))
        lease(session, None, NOW, ip_address("10.20.0.78"))
    hosts = reader.read(Wanted(asked_at, addresses=[POOL, ip_address("10.20.0.78")]))
    assert name(hosts.by_address(POOL)) == expected
    assert hosts.by_address(ip_address("10.20.0.78")) is None
    with reading(loaded) as session:
        alone = store.server_by_address(session, POOL, asked_at)
    assert (alone.name if alone else None) == expected


def test_a_uuid_of_two_servers_is_nobodys(loaded: Engine, reader: HostReader) -> None:
    """Some makers give all their boards the same one."""
    with writing(loaded) as session:
        session.execute(text("UPDATE servers SET uuid = :uuid"), {"uuid": UUID})
    assert reader.read(Wanted(NOW, uuids=[UUID])).by_uuid(UUID) is None


def finish(session: Session) -> None:
    run = boot_store.open_run(session, WEB)
    assert run is not None
    boot_store.update_run(session, replace(run, finished_at=NOW, outcome="provisioned"))


def catalog(reader: HostReader) -> Any:
    return reader.read(Wanted(NOW)).catalog


def of_web(reader: HostReader) -> Host:
    host = reader.read(Wanted(NOW, macs=[MAC])).by_mac(MAC)
    assert host is not None
    return host


def run_of(reader: HostReader) -> Run | None:
    return of_web(reader).run


@pytest.mark.parametrize(
    ("write", "look", "expected"),
    [
        pytest.param(
            lambda session: store.set_boot_server_state(session, "ams-boot", AdminState.DRAINING),
            lambda reader: catalog(reader).boot_servers["ams-boot"].state,
            AdminState.DRAINING,
            id="a boot server drained",
        ),
        pytest.param(
            lambda session: session.execute(text("UPDATE images SET kernel = 'k2'")),
            lambda reader: catalog(reader).images["debian-12"].kernel,
            "k2",
            id="an image by hand",
        ),
        pytest.param(
            lambda session: session.execute(text("UPDATE hardware_models SET console = 'c' WHERE slug = 'r640'")),
            lambda reader: catalog(reader).models["r640"].console,
            "c",
            id="a model",
        ),
        pytest.param(
            lambda session: session.execute(text("UPDATE tiers SET name = 'n' WHERE slug = 'web'")),
            lambda reader: catalog(reader).tiers["web"].name,
            "n",
            id="a tier",
        ),
        pytest.param(
            lambda session: session.execute(text("UPDATE boot_profiles SET installer = 'none'")),
            lambda reader: catalog(reader).profile(of_web(reader).server).installer.value,
            "none",
            id="a profile",
        ),
        pytest.param(
            lambda session: session.execute(text("UPDATE boot_servers SET ipv4 = '10.9.9.9' WHERE name = 'ams-boot'")),
            lambda reader: catalog(reader).boot_server_at(ip_address("10.9.9.9")).name,
            "ams-boot",
            id="a boot server moved",
        ),
        pytest.param(
            lambda session: session.execute(text("UPDATE servers SET serial = 's' WHERE name = 'web-ams-01'")),
            lambda reader: of_web(reader).server.serial,
            "s",
            id="a server",
        ),
        pytest.param(
            lambda session: boot_store.start_run(session, WEB, NOW, token="t2"),
            lambda reader: run_of(reader).token,  # type: ignore[union-attr]  # or the test fails
            "t2",
            id="a run started",
        ),
        pytest.param(finish, run_of, None, id="a run ended"),
        pytest.param(
            lambda session: lease(session, DB, NOW),
            lambda reader: name(reader.read(Wanted(NOW, addresses=[POOL])).by_address(POOL)),
            DB,
            id="a lease",
        ),
    ],
)
def test_what_anybody_commits_is_seen_by_the_next_read(
    loaded: Engine,
    reader: HostReader,
    open_engine: Callable[[str], Engine],
    database_url: str,
    *,
    write: Callable[[Session], object],
    look: Callable[[HostReader], object],
    expected: object,
) -> None:
    """And nothing before it is committed: the catalog is kept, never longer than that."""
    with writing(loaded) as session:
        boot_store.start_run(session, WEB, NOW, token="t", phase=Phase.DHCP)
    for _ in range(2):
        assert run_of(reader) is not None
    before = catalog(reader)
    assert catalog(reader) is before, "kept while nothing happens"
    other = open_engine(database_url)  # another process, as far as the database can tell
    with writing(other) as session:
        write(session)
        session.flush()
        assert catalog(reader) is before
    assert look(reader) == expected


def test_a_commit_elsewhere_costs_no_new_catalog(loaded: Engine, reader: HostReader) -> None:
    """Events are stored all the time: the rows are read again, and are the same."""
    before = catalog(reader)
    with writing(loaded) as session:
        boot_store.add_event(session, Event(NOW, EventKind.OPERATOR))
    assert catalog(reader) is before


def test_a_batch_is_a_handful_of_statements(loaded: Engine, reader: HostReader) -> None:
    """However many hosts: version, hosts, leases of addresses that no interface has."""
    said: list[str] = []
    catalog(reader)
    event.listen(loaded, "before_cursor_execute", lambda *args: said.append(args[2]))
    reader.read(Wanted(NOW, macs=[MAC] * 50, addresses=[ip_address(f"10.10.0.{n}") for n in range(50)]))
    assert len([each for each in said if not each.startswith("BEGIN")]) == 3, said


def test_a_connection_that_was_lost_is_opened_anew(loaded: Engine, reader: HostReader) -> None:
    """PostgreSQL was restarted: no client hears of it."""
    assert run_of(reader) is None
    if loaded.dialect.name == "postgresql":
        with loaded.connect() as connection:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            connection.execute(text(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}"))
    assert name(of_web(reader)) == WEB


def test_a_database_that_refuses_is_told(loaded: Engine, reader: HostReader) -> None:
    """And answered again as soon as it does."""
    with writing(loaded) as session:
        session.execute(text("ALTER TABLE interfaces RENAME TO gone"))
    with pytest.raises(DatabaseError, match="refused"):
        of_web(reader)
    with writing(loaded) as session:
        session.execute(text("ALTER TABLE gone RENAME TO interfaces"))
    assert name(of_web(reader)) == WEB


def test_profiles_are_chosen_as_for_one_server(loaded: Engine, reader: HostReader) -> None:
    """By tier and model, or the server's own."""
    with reading(loaded) as session:
        servers = store.servers(session)
    found = {server.name: catalog(reader).profile(server).slug for server in servers}
    assert found == {WEB: Slug("web-debian"), DB: Slug("any")}
