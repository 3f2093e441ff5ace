"""What probes found is kept in the database, for the routes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from nearboot.app import health
from nearboot.app.database import reading
from nearboot.config import Config, HealthConfig
from nearboot.errors import NotFoundError
from nearboot.inventory import route_store


def test_results_are_kept(fleet: Config, now: datetime) -> None:
    """One of each boot server, the newest; nothing serves at these addresses."""
    config = replace(fleet, health=HealthConfig(timeout_s=0.05, attempts=1))
    found = health.check(config, ("there-boot",), vantage="v", clock=lambda: now)
    assert [(h.boot_server, h.healthy, h.checked_at) for h in found] == [("there-boot", False, now)]
    both = health.check(config, (), vantage="w", clock=lambda: now)
    assert [h.boot_server for h in both] == ["here-boot", "there-boot"]
    with reading(config) as session:
        assert {h.boot_server: h.vantage for h in route_store.health(session)} == {"here-boot": "w", "there-boot": "w"}


def test_an_unknown_name_probes_none(fleet: Config, now: datetime) -> None:
    """Before anything is sent."""
    with pytest.raises(NotFoundError, match="here-boot"):
        health.check(fleet, ("there-boot", "here-bot"), vantage="v", clock=lambda: now)
