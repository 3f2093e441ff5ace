"""The tables that turn rows into values agree with both."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy.orm import Session

from nearboot.inventory.apply_store import apply
from nearboot.inventory.diff import merge
from nearboot.inventory.noun import NOUNS
from nearboot.inventory.orm import ServerRow
from nearboot.inventory.value_orm import TABLE, TABLES, Table, chunks, ids, read
from nearboot.model import Inventory


@pytest.mark.parametrize("table", [pytest.param(table, id=table.noun.attribute) for table in TABLES])
def test_each_field_of_a_value_is_stored(table: Table) -> None:
    """A new field of the model without a column fails here."""
    stored = {column.field for column in table.columns} | {field for field, _ in table.noun.refers}
    elsewhere = {"interfaces", "bmc"} if table.noun.attribute == "servers" else set()
    assert stored | elsewhere == {field.name for field in fields(table.noun.value)}


def test_the_tables_are_in_the_order_of_the_nouns() -> None:
    assert [table.noun for table in TABLES] == list(NOUNS)


@pytest.mark.parametrize("attribute", TABLE)
def test_values_come_back_as_they_went_in(session: Session, sample: Inventory, attribute: str) -> None:
    apply(session, sample)
    noun = TABLE[attribute].noun
    expected = {noun.name(item): item for item in noun.items(merge(Inventory(), sample, prune=False))}
    found: dict[str, Any] = {noun.name(item): item for item in read(session, TABLE[attribute])}
    assert found == expected


def test_reading_with_a_condition_reads_the_parts_of_those_servers_only(session: Session, sample: Inventory) -> None:
    apply(session, sample)
    (server,) = read(session, TABLE["servers"], ServerRow.name == "db-fra-01")
    assert (server.interfaces, server.bmc) == ((), None)
    (server,) = read(session, TABLE["servers"], ServerRow.name == "web-ams-01")
    assert [interface.name for interface in server.interfaces] == ["eth1", "eth0"]
    assert read(session, TABLE["servers"], ServerRow.name == "none") == ()


def test_subnets_are_in_the_order_of_addresses_the_others_in_that_of_names(session: Session, sample: Inventory) -> None:
    apply(session, sample)
    assert [str(each.prefix) for each in read(session, TABLE["subnets"])] == [
        "10.10.0.0/24",
        "10.20.0.0/24",
        "fd10::/64",
    ]
    assert list(ids(session, TABLE["tiers"])) and [each.slug for each in read(session, TABLE["tiers"])] == ["db", "web"]


def test_chunks_cover_everything_once() -> None:
    assert [n for chunk in chunks(range(1234)) for n in chunk] == list(range(1234))
