"""To which run an event belongs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nearboot.model import Event, EventKind, Phase, Run
from nearboot.provisioning.belonging import BY_ITSELF, RENEWAL, Belongs, belongs, is_renewal

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WEEK, HOUR, MINUTE = timedelta(weeks=1), timedelta(hours=1), timedelta(minutes=1)
NEW, NEWEST, NONE = Belongs.NEW, Belongs.NEWEST, Belongs.NONE


def _lease(
    at: datetime = NOW, *, address: str = "192.0.2.7", valid_lifetime_s: int | None = None, renewal: bool = False
) -> Event:
    detail = {"valid_lifetime_s": valid_lifetime_s, RENEWAL: renewal}
    return Event(at, EventKind.DHCP_LEASE, "web01", subject=address, phase=Phase.DHCP, detail=detail)


def _read(phase: Phase | None, outcome: str = "ok", kind: EventKind = EventKind.TFTP_READ) -> Event:
    return Event(NOW, kind, "web01", subject="x", outcome=outcome, phase=phase)


def _run(phase: Phase, *, idle: timedelta = MINUTE, ended: timedelta | None = None, reason: str = BY_ITSELF) -> Run:
    """A run that last advanced ``idle`` ago, and ended ``ended`` ago."""
    finished = None if ended is None else NOW - ended
    return Run(1, "web01", phase, NOW - 2 * WEEK, NOW - idle, finished, reason=reason)


NBP, CONFIG, KERNEL = _read(Phase.NBP), _read(Phase.CONFIG), _read(Phase.KERNEL)
PROBE = _read(Phase.NBP, "aborted-by-client")
RENEWED = _lease(renewal=True)


@pytest.mark.parametrize(
    ("event", "newest", "expected"),
    [
        pytest.param(_lease(), None, NEW, id="a lease begins a boot"),
        pytest.param(RENEWED, None, NONE, id="a renewal does not"),
        pytest.param(NBP, None, NEW, id="an NBP begins a boot"),
        pytest.param(_read(Phase.CONFIG, kind=EventKind.HTTP_READ), None, NEW, id="a configuration too"),
        pytest.param(PROBE, None, NONE, id="a size probe does not"),
        pytest.param(KERNEL, None, NONE, id="nor a kernel"),
        pytest.param(_read(None, "not-found"), None, NONE, id="nor a missing file"),
        pytest.param(Event(NOW, EventKind.OPERATOR, "web01"), None, NONE, id="nor an operator"),
        pytest.param(_lease(), _run(Phase.POWER_ON, reason="x"), NEWEST, id="announced: a lease joins"),
        pytest.param(RENEWED, _run(Phase.POWER_ON, reason="x"), NEWEST, id="announced: so does the firmware's renewal"),
        pytest.param(
            NBP, _run(Phase.POWER_ON, idle=WEEK, reason="x"), NEWEST, id="announced a week ago: still awaited"
        ),
        pytest.param(NBP, _run(Phase.DHCP, idle=WEEK, reason="x"), NEWEST, id="announced, and only its system renewed"),
        pytest.param(NBP, _run(Phase.KERNEL, idle=WEEK, reason="x"), NEW, id="announced, and booted a week ago"),
        pytest.param(NBP, _run(Phase.DHCP, idle=WEEK), NEW, id="idle at its lease: the next NBP begins another"),
        pytest.param(NBP, _run(Phase.KERNEL), NEWEST, id="open: an NBP again is a restart"),
        pytest.param(PROBE, _run(Phase.KERNEL), NEWEST, id="open: a failed read joins"),
        pytest.param(NBP, _run(Phase.KERNEL, idle=HOUR), NEWEST, id="an hour is not yet idle"),
        pytest.param(NBP, _run(Phase.KERNEL, idle=HOUR + MINUTE), NEW, id="more than an hour is"),
        pytest.param(_lease(), _run(Phase.KERNEL, idle=WEEK), NEW, id="idle: a new lease begins another"),
        pytest.param(RENEWED, _run(Phase.KERNEL, idle=WEEK), NONE, id="idle: a renewal keeps nothing alive"),
        pytest.param(PROBE, _run(Phase.KERNEL, idle=WEEK), NONE, id="idle: a failed read is left for the next run"),
        pytest.param(NBP, _run(Phase.PROVISIONED, ended=MINUTE), NEW, id="ended: another boot"),
        pytest.param(KERNEL, _run(Phase.PROVISIONED, ended=MINUTE), NONE, id="ended: anything else belongs nowhere"),
        pytest.param(NBP, _run(Phase.PROVISIONED, ended=-MINUTE), NEWEST, id="of before the end, told after it"),
    ],
)
def test_where_an_event_goes(event: Event, newest: Run | None, expected: Belongs) -> None:
    """The table of the rule."""
    assert belongs(event, newest, heard_at=None) is expected


def test_a_run_that_was_heard_of_is_not_idle() -> None:
    """Its phase may stand still while files are read."""
    assert belongs(NBP, _run(Phase.KERNEL, idle=WEEK), heard_at=NOW - MINUTE) is NEWEST


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        pytest.param([], False, id="none before"),
        pytest.param([_lease(NOW - MINUTE, valid_lifetime_s=3600)], True, id="still valid"),
        pytest.param([_lease(NOW - HOUR, valid_lifetime_s=3600)], True, id="to the second"),
        pytest.param([_lease(NOW - WEEK, valid_lifetime_s=3600)], False, id="expired"),
        pytest.param([_lease(NOW - MINUTE)], False, id="of no lifetime"),
        pytest.param([_lease(NOW + MINUTE, valid_lifetime_s=3600)], False, id="a later one"),
        pytest.param([_lease(NOW - MINUTE, address="192.0.2.8", valid_lifetime_s=3600)], False, id="another address"),
        pytest.param([NBP], False, id="no lease"),
    ],
)
def test_a_renewal_is_of_a_lease_that_still_holds(earlier: list[Event], expected: bool) -> None:
    """Of the same address."""
    assert is_renewal(_lease(), earlier) is expected
