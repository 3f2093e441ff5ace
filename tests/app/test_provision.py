"""Runs start all or none, and supersede what was open."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from nearboot.app import provision
from nearboot.app.database import reading
from nearboot.config import Config
from nearboot.errors import NotFoundError
from nearboot.inventory import boot_store


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
