"""Whether a boot server may be used at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest

from nearboot.model import AdminState, BootServer, Health, Reason, Slug
from nearboot.routing.policy import Policy
from nearboot.routing.standing import Standing, standing

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NAME = Slug("boot-a")


def _health(healthy: bool, age_s: float = 3, detail: str = "") -> Health:
    return Health(NAME, NOW - timedelta(seconds=age_s), healthy, detail)


@pytest.mark.parametrize(
    ("state", "health", "family", "pool", "codes"),
    [
        pytest.param(AdminState.ACTIVE, _health(True), 4, Standing.UP, [], id="healthy"),
        pytest.param(None, _health(True), 4, Standing.UP, [], id="no-state-is-active"),
        pytest.param(AdminState.ACTIVE, None, 4, Standing.UP, ["health-unknown"], id="never-probed"),
        pytest.param(AdminState.ACTIVE, _health(True, 301), 4, Standing.UP, ["health-stale"], id="good-but-old"),
        pytest.param(AdminState.ACTIVE, _health(False), 4, Standing.DOWN, ["unhealthy"], id="failed"),
        pytest.param(AdminState.ACTIVE, _health(False, 9999), 4, Standing.DOWN, ["unhealthy"], id="failed-long-ago"),
        pytest.param(AdminState.DRAINING, _health(True), 4, Standing.DRAINING, ["draining"], id="draining"),
        pytest.param(
            AdminState.DRAINING,
            _health(False),
            4,
            Standing.DRAINING_DOWN,
            ["draining", "unhealthy"],
            id="draining-failed",
        ),
        pytest.param(AdminState.DISABLED, _health(True), 4, Standing.UNUSABLE, ["disabled"], id="disabled"),
        pytest.param(AdminState.ACTIVE, _health(True), 6, Standing.UNUSABLE, ["no-address"], id="no-v6-address"),
    ],
)
def test_state_address_and_health_decide_the_pool(
    state: AdminState | None, health: Health | None, family: int, pool: Standing, codes: list[str]
) -> None:
    """The pool, and a reason for each thing that is not as it should be."""
    server = BootServer(NAME, Slug("site-a"), IPv4Address("192.0.2.1"), state=state)
    found, reasons = standing(server, health, family=family, policy=Policy(), now=NOW)
    assert (found, [reason.code for reason in reasons]) == (pool, codes)


@pytest.mark.parametrize(
    ("healthy", "known", "pool"),
    [
        pytest.param(True, True, Standing.UP, id="disputed"),
        pytest.param(True, False, Standing.UP, id="unknown"),
        pytest.param(False, True, Standing.DOWN, id="down"),
    ],
)
def test_a_verdict_brings_its_own_reasons(healthy: bool, known: bool, pool: Standing) -> None:
    """They say which vantages saw what; nothing is said twice."""
    said = Reason("some-code", "seen by 2 of 3 vantages")
    server = BootServer(NAME, Slug("site-a"), IPv4Address("192.0.2.1"))
    health = Health(NAME, NOW, healthy, known=known, reasons=(said,))
    assert standing(server, health, family=4, policy=Policy(), now=NOW) == (pool, (said,))


def test_failed_read_says_when_and_what() -> None:
    """The operator sees the probe's own words."""
    server = BootServer(NAME, Slug("site-a"), IPv4Address("192.0.2.1"))
    _, (reason,) = standing(server, _health(False, 5, "timed out"), family=4, policy=Policy(), now=NOW)
    assert reason.text == "boot-a failed its last read, 5 s ago: timed out"
