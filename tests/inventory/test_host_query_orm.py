"""Lists and rows as one parameter, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import BigInteger, Table, insert, select
from sqlalchemy.orm import Session

from nearboot.inventory import store
from nearboot.inventory.boot_orm import AuditRow
from nearboot.inventory.host_query_orm import HostQueries, Lists, server_of
from nearboot.inventory.orm import ServerRow, TierRow
from nearboot.model import Inventory

AUDIT: Table = AuditRow.metadata.tables[AuditRow.__tablename__]
COLUMNS = ("at", "actor", "action", "subject", "detail")
AT = datetime(2026, 11, 22, 12, 0, 0, 5, tzinfo=UTC)


@pytest.fixture
def lists(session: Session) -> Lists:
    return Lists(session.get_bind().dialect.name)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([], id="none"),
        pytest.param(["a"], id="one"),
        pytest.param(["a", "it's", 'x"y', "né", "none", "a,b", "{c}"], id="any text"),
    ],
)
def test_a_list_is_one_parameter(session: Session, lists: Lists, names: list[str]) -> None:
    """The statement stays the same, whatever the values are and how many."""
    session.add_all(TierRow(slug=slug, name="") for slug in ("a", "b", "it's", 'x"y', "né", "a,b", "{c}"))
    session.flush()
    query = select(TierRow.slug).where(lists.among(TierRow.slug, "slugs"))
    found = session.scalars(query, {"slugs": lists.values(names)}).all()
    assert sorted(found) == sorted(set(names) - {"none"})


def test_numbers_are_a_list_too(session: Session, lists: Lists) -> None:
    rows = [TierRow(slug=slug, name="") for slug in "abc"]
    session.add_all(rows)
    session.flush()
    query = select(TierRow.slug).where(lists.among(TierRow.id, "ids", BigInteger))
    assert set(session.scalars(query, {"ids": lists.values([rows[0].id, rows[2].id])})) == {"a", "c"}
    within = select(TierRow.slug).where(lists.within(TierRow.id, select(lists.each("ids", BigInteger).c.value)))
    assert set(session.scalars(within, {"ids": lists.values([rows[1].id])})) == {"b"}


@pytest.mark.parametrize("text", ["", "plain", 'it\'s "quoted" \\ back', "né\u2028\U0001f600", "{}[],:", "null"])
def test_rows_go_in_as_they_would_one_by_one(session: Session, lists: Lists, text: str) -> None:
    """Times in any zone, every kind of text; what is in the table does not tell which way it came."""
    there = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    records: list[dict[str, Any]] = [
        {"at": at, "actor": text, "action": "a", "subject": text, "detail": text} for at in (AT, there)
    ]
    session.execute(insert(AUDIT), records)
    session.execute(
        insert(AUDIT).from_select(COLUMNS, lists.rows("rows", AUDIT, COLUMNS)), {"rows": lists.records(records)}
    )
    rows = session.execute(select(*(AUDIT.c[name] for name in COLUMNS)).order_by(AUDIT.c.id)).all()
    assert len(rows) == 4 and len(set(rows)) == 1
    assert session.execute(select(AUDIT.c.id).where(AUDIT.c.at == AT)).all() != []


def test_a_server_comes_out_of_its_interfaces_rows(session: Session, sample: Inventory) -> None:
    """By name or by number; one without interfaces has a row as well."""
    store.apply(session, sample)
    queries = HostQueries(session.get_bind().dialect.name)
    numbers = {row[0]: row[1] for row in session.execute(select(ServerRow.name, ServerRow.id))}
    for name, rows in (("web-ams-01", 2), ("db-fra-01", 1)):
        found = queries.hosts_by_id(session, [numbers[name]])
        assert len(found) == rows
        assert server_of(found) == (store.server(session, name), None)
    assert len(queries.hosts(session, macs=["52:54:00:00:01:01", "52:54:00:00:01:02"], addresses=["10.10.0.11"])) == 2
    assert queries.hosts(session) == []
