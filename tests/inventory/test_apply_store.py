"""Whole inventories into the database: what changes, in what order, and that nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from nearboot.errors import DatabaseError
from nearboot.inventory import schema_store
from nearboot.inventory.apply_store import apply, read_inventory
from nearboot.inventory.diff import counts, merge
from nearboot.inventory.dump import dump
from nearboot.inventory.load import load, read
from nearboot.model import AdminState, Inventory, Server


def inventory(text: str) -> Inventory:
    reading = read([("a.yaml", text)])
    assert reading.faults == ()
    return reading.inventory


def servers(*lines: str) -> Inventory:
    """Servers of one interface each, written as ``name mac address``."""
    items = [
        f"- {{name: {name}, location: x, interfaces: [{{name: e, mac: {mac}, ipv4: {address}}}]}}"
        for name, mac, address in (line.split() for line in lines)
    ]
    return inventory("locations: [{slug: x, kind: site}]\n" + "\n".join(["servers:", *items] if items else []))


def test_export_load_and_export_again_gives_the_same_text(
    session: Session,
    sample: Inventory,
    empty_database_url: str,
    open_engine: Callable[[str], Engine],
    migrations: Path,
) -> None:
    """Also states and Kea ids that the first database gave."""
    apply(session, sample)
    documents = dump(read_inventory(session))
    session.commit()
    other = open_engine(empty_database_url)
    schema_store.upgrade(other, migrations)
    with schema_store.writing(other) as second:
        apply(second, load(list(documents.items()), read_inventory(second)))
    with schema_store.reading(other) as second:
        assert dump(read_inventory(second)) == documents


def test_applying_twice_changes_nothing(session: Session, sample: Inventory) -> None:
    assert counts(apply(session, sample))["added"]["server"] == 2
    first = read_inventory(session)
    again = apply(session, sample)
    assert {change.action for change in again} == {"left"}
    assert read_inventory(session) == first


def test_pruning_to_nothing_empties_the_database(session: Session, sample: Inventory) -> None:
    """Children go before their parents."""
    apply(session, sample)
    changes = apply(session, Inventory(), prune=True)
    assert {change.action for change in changes} == {"removed"}
    assert read_inventory(session) == Inventory()


def test_addresses_and_macs_change_hands_in_one_load(session: Session) -> None:
    """Two servers swap; a third takes what a removed one had."""
    apply(session, servers("a 520000000001 10.0.0.1", "b 520000000002 10.0.0.2", "c 520000000003 10.0.0.3"))
    wanted = servers("a 520000000002 10.0.0.2", "b 520000000001 10.0.0.1", "d 520000000003 10.0.0.3")
    apply(session, wanted, prune=True)
    assert {each.name: each.interfaces[0].mac for each in read_inventory(session).servers} == {
        "a": "52:00:00:00:00:02", "b": "52:00:00:00:00:01", "d": "52:00:00:00:00:03",
    }  # fmt: skip


def test_boot_servers_and_kea_ids_change_hands_in_one_load(session: Session) -> None:
    text = """\
locations: [{{slug: x, kind: site}}]
boot_servers: [{{name: {}, location: x, ipv4: 10.0.0.1}}, {{name: {}, location: x, ipv4: 10.0.0.2}}]
subnets: [{{prefix: 10.0.0.0/24, location: x, kea_id: {}}}, {{prefix: 10.0.1.0/24, location: x, kea_id: {}}}]
"""
    apply(session, inventory(text.format("a", "b", 1, 2)))
    apply(session, inventory(text.format("b", "a", 2, 1)))
    apply(session, inventory(text.format("c", "a", 2, 1)), prune=True)
    found = read_inventory(session)
    assert {each.name: str(each.ipv4) for each in found.boot_servers} == {"a": "10.0.0.2", "c": "10.0.0.1"}
    assert {str(each.prefix): each.kea_id for each in found.subnets} == {"10.0.0.0/24": 2, "10.0.1.0/24": 1}


def test_the_place_tree_can_be_turned_over(session: Session) -> None:
    """A location that is new goes between two that are there; another is moved below it and one goes."""
    apply(
        session,
        inventory(
            "locations: [{slug: a, kind: region}, {slug: b, kind: site, parent: a}, {slug: c, kind: rack, parent: b}]"
        ),
    )
    text = "locations: [{slug: b, kind: region}, {slug: d, kind: site, parent: b}, {slug: c, kind: rack, parent: d}]"
    apply(session, inventory(text), prune=True)
    assert {each.slug: each.parent for each in read_inventory(session).locations} == {"b": None, "d": "b", "c": "d"}


def test_a_state_that_no_document_speaks_of_stays(session: Session, sample: Inventory) -> None:
    apply(session, sample)
    drained = tuple(replace(each, state=AdminState.DRAINING) for each in sample.boot_servers)
    apply(session, Inventory(boot_servers=drained))
    apply(session, sample)
    assert {each.name: each.state for each in read_inventory(session).boot_servers} == {
        "ams-boot": AdminState.DRAINING, "fra-boot": AdminState.DISABLED,
    }  # fmt: skip


def test_what_was_not_validated_is_refused_as_a_whole(engine: Engine) -> None:
    """The database's constraints stand behind the validation, and the transaction leaves nothing behind."""
    twice = servers("a 520000000001 10.0.0.1", "b 520000000001 10.0.0.2")
    with pytest.raises(DatabaseError, match="refuses the inventory"), schema_store.writing(engine) as session:
        apply(session, twice)
    with schema_store.reading(engine) as session:
        assert read_inventory(session) == Inventory()


def test_more_servers_than_a_statement_holds_can_change_and_go(session: Session) -> None:
    many = servers(*(f"s{n} 52000000{n:04x} 10.0.{n // 250}.{n % 250}" for n in range(1200)))
    apply(session, many)
    assert counts(apply(session, Inventory(servers=tuple(replace(each, serial="1") for each in many.servers))))[
        "changed"
    ] == {"server": 1200}
    assert {each.serial for each in read_inventory(session).servers} == {"1"}
    apply(session, Inventory(), prune=True)
    assert read_inventory(session).servers == ()


fleets = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(1, 4), st.integers(1, 4)),
    unique_by=(lambda each: each[0], lambda each: each[1], lambda each: each[2]),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(fleets, min_size=2, max_size=4))
def test_any_fleet_can_follow_any_other(session: Session, steps: list[list[tuple[str, int, int]]]) -> None:
    """Whatever names, MACs and addresses move about, the database ends as merge() says."""
    for step in steps:
        wanted = servers(*(f"{name} 52000000000{mac} 10.0.0.{host}" for name, mac, host in step))
        target = merge(read_inventory(session), wanted, prune=True)
        apply(session, wanted, prune=True)
        assert _by_name(read_inventory(session)) == _by_name(target)


def _by_name(found: Inventory) -> dict[str, Server]:
    return {server.name: server for server in found.servers}
