"""Runs start all or none, supersede what was open, and can be cancelled."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from nearboot.app import provision
from nearboot.app.database import reading, writing
from nearboot.config import Config
from nearboot.errors import InputError, NotFoundError
from nearboot.inventory import boot_store
from nearboot.inventory.orm import BootServerRow
from nearboot.model import EventKind


def test_each_run_has_a_token_of_its_own(fleet: Config, now: datetime) -> None:
    """It names the run in call-back URLs."""
    runs = provision.start(fleet, ["lo-01", "lo-02"], reason="x", actor="ada", now=now)
    assert len({run.token for run in runs}) == 2
    assert all(len(run.token) >= 16 for run in runs)
    with reading(fleet) as session:
        assert [e.subject for e in boot_store.audit(session, limit=2)] == ["lo-02", "lo-01"]


def test_an_open_run_is_superseded(fleet: Config, now: datetime) -> None:
    """Newest first; only one is unfinished."""
    for hour in range(2):
        provision.start(fleet, ["lo-01"], reason=f"{hour}", actor="ada", now=now + timedelta(hours=hour))
    found = provision.runs(fleet, server="lo-01")
    assert [(run.reason, run.outcome) for run in found] == [("1", ""), ("0", "superseded")]
    assert provision.runs(fleet, unfinished=True) == found[:1]
    assert provision.runs(fleet, limit=1) == found[:1]


def test_a_wrong_name_starts_none(fleet: Config, now: datetime) -> None:
    """One transaction."""
    with pytest.raises(NotFoundError, match="lo-0"):
        provision.start(fleet, ["lo-01", "lo-03"], reason="x", actor="ada", now=now)
    assert provision.runs(fleet) == ()


def test_an_open_run_is_cancelled(fleet: Config, now: datetime) -> None:
    """It ends with the reason, on the timeline and in the audit log; the reason of its start stays."""
    (run,) = provision.start(fleet, ["lo-01"], reason="new disk", actor="ada", now=now)
    (ended,) = provision.cancel(fleet, ["lo-01"], reason="wrong rack", actor="bob", now=now + timedelta(hours=1))
    assert (ended.id, ended.outcome, ended.finished_at) == (run.id, "cancelled", now + timedelta(hours=1))
    assert (ended.reason, ended.problem) == ("new disk", "wrong rack")
    assert provision.runs(fleet) == (ended,)
    with reading(fleet) as session:
        (entry,) = boot_store.audit(session, limit=1)
        (event,) = boot_store.events(session, run_id=run.id, kind=EventKind.OPERATOR)
    assert (entry.actor, entry.action, entry.subject, entry.detail) == (
        "bob",
        "provision.cancel",
        "lo-01",
        "wrong rack",
    )
    assert event.subject == "cancelled"


def test_without_an_open_run_nothing_is_cancelled(fleet: Config, now: datetime) -> None:
    """All or none, and each is named."""
    provision.start(fleet, ["lo-01"], reason="x", actor="ada", now=now)
    with pytest.raises(InputError, match="lo-02: found no open run"):
        provision.cancel(fleet, ["lo-01", "lo-02"], reason="x", actor="ada", now=now)
    assert len(provision.runs(fleet, unfinished=True)) == 1


def test_a_boot_server_without_http_is_found(fleet: Config, now: datetime) -> None:
    """Nothing that it boots can call back; a boot server that the route does not choose does not matter."""
    assert provision.voiceless(fleet, ["lo-01", "lo-02"], now) == {}
    with writing(fleet) as session:
        session.execute(update(BootServerRow).where(BootServerRow.name == "there-boot").values(http_url=""))
    assert provision.voiceless(fleet, ["lo-01", "lo-02"], now) == {"there-boot": ["lo-02"]}
