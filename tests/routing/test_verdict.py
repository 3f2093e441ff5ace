"""The sentences of a choice, and what pins, holds and returning boot servers do to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest

from nearboot.model import BootServer, Estimate, Health, Location, LocationKind, Route, Slug
from nearboot.routing.hysteresis import Held, Previous
from nearboot.routing.override import Override
from nearboot.routing.policy import Policy
from nearboot.routing.select import NO_OVERRIDE, NO_PAST, Past, previous_of, select
from nearboot.routing.verdict import ms

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HERE = Slug("ams")  # its turn for near comes late
RTTS = {"near": 10.0, "far": 30.0, "mid": 10.4}
ALL = frozenset(map(Slug, RTTS))


def _route(
    *,
    rtts: Mapping[str, float] = RTTS,
    down: tuple[str, ...] = (),
    past: Past = NO_PAST,
    override: Override = NO_OVERRIDE,
) -> Route:
    servers = [BootServer(Slug(name), Slug(name), IPv4Address("192.0.2.1")) for name in rtts]
    health = {server.name: Health(server.name, NOW, server.name not in down) for server in servers}
    (route,) = select(
        [Location(HERE, LocationKind.SITE)],
        servers,
        lambda _, server: Estimate(rtts[server.name], 0.0, "measured"),
        health,
        family=4,
        policy=Policy(),
        now=NOW,
        past=past,
        override=override,
    )
    return route


def _had(name: str, moved_s: float = 7200, usable: frozenset[Slug] = ALL) -> Previous:
    return Previous({HERE: Held(Slug(name), NOW - timedelta(seconds=moved_s))}, usable, NOW - timedelta(seconds=60))


def _codes(route: Route, name: str) -> list[str]:
    return next([reason.code for reason in c.reasons] for c in route.candidates if c.boot_server == name)


def test_a_location_stays_for_a_little_and_moves_for_much() -> None:
    """0.4 ms are within the margin, 20 ms are not; what stays says what it would have moved to, and moved_at tells."""
    kept = _route(past=Past(_had("mid")))
    assert (kept.chosen, [r.code for r in kept.reasons], _codes(kept, "near")) == ("mid", ["kept"], ["margin"])
    assert kept.reasons[0].text == (
        "mid, at 10.4 ms per block, is kept; near: 10.0 ms per block against 10.4 ms of mid: "
        "ams leaves mid only for one that is nearer by more than 0.721 ms"
    )
    assert kept.reasons[0].data["instead_of"] == "near"
    assert kept.moved_at == NOW - timedelta(hours=2)
    moved = _route(past=Past(_had("far")))
    assert (moved.chosen, moved.moved_at) == ("near", NOW)
    assert _route().moved_at is None


@pytest.mark.parametrize(
    ("past", "code"),
    [
        pytest.param(Past(_had("far", 60)), "hold-down", id="moved-just-now"),
        pytest.param(Past(_had("far"), frozen=True), "frozen", id="maps-out-of-date"),
    ],
)
def test_hold_down_and_freeze_keep_whatever_is_nearer(past: Past, code: str) -> None:
    """20 ms nearer, and yet."""
    route = _route(past=past)
    assert (route.chosen, route.reasons[0].code, _codes(route, "near")) == ("far", "kept", [code])


def test_health_moves_at_once_and_back_again() -> None:
    """Neither the hold-down nor the margin counts against one that could not be used when it was decided."""
    away = _route(down=("near",), past=Past(_had("near", 1), frozen=True))
    assert away.chosen == "mid"
    back = _route(past=Past(Previous({HERE: Held(Slug("mid"), NOW)}, ALL - {Slug("near")}, NOW), frozen=True))
    assert back.chosen == "near"


def test_one_that_came_back_waits_for_its_turn() -> None:
    """The location's turn is somewhere in the slow start; until then the next one serves, and the reason says how long.

    Its turn counts as new: the margin does not hold the location back then.
    """
    since = {Slug("near"): NOW - timedelta(seconds=1)}
    waiting = _route(past=Past(_had("mid"), since))
    assert (waiting.chosen, _codes(waiting, "near")) == ("mid", ["slow-start"])
    later = {Slug("near"): NOW - timedelta(seconds=121)}
    lately = Previous({HERE: Held(Slug("mid"), NOW - timedelta(seconds=100))}, ALL, NOW - timedelta(seconds=100))
    assert _route(past=Past(lately, later)).chosen == "near"
    assert _route(past=Past(_had("near"), since)).chosen == "near", "who is there already stays"
    assert _route(rtts={"near": 10.0}, past=Past(since=since)).chosen == "near", "rather than nothing"


def test_pins_narrow_the_choice_and_bans_exclude() -> None:
    """A pin that cannot be used is said and passed over; a ban is strict."""
    tier = Override(frozenset({Slug("far")}), origin="tier db")
    pinned = _route(override=tier)
    assert (pinned.chosen, [r.code for r in pinned.reasons]) == ("far", ["pinned", "nearest"])
    assert (pinned.reasons[0].text, _codes(pinned, "near")) == ("pinned to far by tier db", ["not-pinned"])
    unusable = _route(override=tier, down=("far",))
    assert (unusable.chosen, unusable.reasons[0].code) == ("near", "pin-unusable")
    banned = _route(override=Override(forbid=frozenset({Slug("near"), Slug("mid")}), origin="server web1"))
    assert (banned.chosen, _codes(banned, "near")) == ("far", ["forbidden", "not-eligible"])
    assert _route(override=Override(forbid=ALL)).chosen is None


def test_panic_keeps_the_near_ones() -> None:
    """Three of four down is not believed, two of three is."""
    rtts = {"near": 10.0, "mid": 20.0, "far": 30.0, "farthest": 40.0}
    panicked = _route(rtts=rtts, down=("near", "mid", "far"))
    assert (panicked.chosen, [r.code for r in panicked.reasons]) == ("near", ["panic", "nearest"])
    assert panicked.reasons[0].data == {"down": 3, "active": 4}
    assert _codes(panicked, "mid") == ["unhealthy", "farther"]
    assert _route(down=("near", "mid")).chosen == "far"


def test_routes_carry_what_the_next_decision_needs() -> None:
    """What each location has and what could be used."""
    route = _route(down=("near",), past=Past(_had("far", 10)))
    previous = previous_of([route], NOW)
    assert previous == Previous({HERE: Held(Slug("far"), NOW - timedelta(seconds=10))}, ALL - {Slug("near")}, NOW)


def test_times_are_short() -> None:
    """Three digits below a millisecond."""
    assert [ms(each) for each in (None, 0.3456, 12.34)] == ["an unknown time", "0.346 ms", "12.3 ms"]
