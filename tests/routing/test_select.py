"""The choice of boot servers: pure, total, with reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nearboot.model import AdminState, BootServer, Candidate, Estimate, Health, Location, LocationKind, Route, Slug
from nearboot.routing.policy import Policy
from nearboot.routing.select import select

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HERE = Location(Slug("here"), LocationKind.SITE)


def _server(name: str, state: AdminState | None = AdminState.ACTIVE, **more: object) -> BootServer:
    address = {"ipv4": IPv4Address("192.0.2.1"), "ipv6": IPv6Address("2001:db8::1"), **more}
    return BootServer(Slug(name), Slug(f"at-{name}"), state=state, **address)  # type: ignore[arg-type]  # a table of fields


def _health(name: str, healthy: bool) -> Health:
    return Health(Slug(name), NOW - timedelta(seconds=3), healthy)


def _route(
    servers: list[BootServer],
    rtts: Mapping[str, float | None],
    *,
    down: tuple[str, ...] = (),
    family: int = 4,
    policy: Policy | None = None,
    loss: Mapping[str, float] | None = None,
) -> Route:
    """One location's route, every boot server probed, those in ``down`` without success."""
    health = {server.name: _health(server.name, server.name not in down) for server in servers}

    def estimate(_: Slug, server: BootServer) -> Estimate:
        rtt = rtts.get(server.name)
        return Estimate(rtt, (loss or {}).get(server.name, 0.0), "default" if rtt is None else "measured")

    (route,) = select([HERE], servers, estimate, health, family=family, policy=policy or Policy(), now=NOW)
    return route


def _codes(candidate: Candidate) -> list[str]:
    return [reason.code for reason in candidate.reasons]


def test_nearest_is_chosen_and_each_other_says_why_not() -> None:
    """The cheapest per block first, the losers with both numbers."""
    route = _route([_server("far"), _server("near"), _server("mid")], {"near": 0.4, "mid": 18.2, "far": 90.0})
    assert route.chosen == "near"
    assert [(c.boot_server, c.rank, c.eligible) for c in route.candidates] == [
        ("near", 0, True), ("mid", 1, True), ("far", 2, True),
    ]  # fmt: skip
    assert route.candidates[0].reasons == ()
    (reason,) = route.candidates[1].reasons
    assert (reason.code, reason.text) == ("farther", "18.2 ms per block against 0.4 ms of near")
    assert reason.data == {"cost_ms": 18.2, "chosen": "near", "chosen_cost_ms": 0.4}
    assert [(r.code, r.text) for r in route.reasons] == [("nearest", "near is the nearest, at 0.4 ms per block")]


def test_loss_outweighs_distance() -> None:
    """A near boot server on a lossy path costs more than a far one on a clean path."""
    route = _route([_server("near"), _server("far")], {"near": 10.0, "far": 30.0}, loss={"near": 0.05})
    assert route.chosen == "far"
    assert route.candidates[1].cost_ms == pytest.approx(62.63, abs=0.01)


@pytest.mark.parametrize(
    ("state", "down", "more", "codes"),
    [
        pytest.param(AdminState.DRAINING, (), {}, ["draining", "not-eligible"], id="draining"),
        pytest.param(AdminState.DISABLED, (), {}, ["disabled", "not-eligible"], id="disabled"),
        pytest.param(AdminState.ACTIVE, ("near",), {}, ["unhealthy", "not-eligible"], id="unhealthy"),
        pytest.param(AdminState.ACTIVE, (), {"ipv4": None}, ["no-address", "not-eligible"], id="no-address"),
    ],
)
def test_nearest_that_cannot_be_used_is_passed_over(
    state: AdminState, down: tuple[str, ...], more: dict[str, None], codes: list[str]
) -> None:
    """The next one is chosen; the excluded one is ranked behind with the reason and what it would have cost."""
    route = _route([_server("near", state, **more), _server("far")], {"near": 0.4, "far": 30.0}, down=down)
    assert route.chosen == "far"
    assert (route.candidates[1].boot_server, route.candidates[1].eligible) == ("near", False)
    assert _codes(route.candidates[1]) == codes
    assert route.candidates[1].reasons[-1].text == "nearer, but cannot be used: 0.4 ms per block against 30.0 ms of far"
    assert [reason.code for reason in route.reasons] == ["only-one"]


def test_none_healthy_keeps_the_nearest_active_and_says_so() -> None:
    """Fail static: a map of failures is no reason to leave clients without an answer; draining ones stay out."""
    servers = [_server("near"), _server("far"), _server("drained", AdminState.DRAINING)]
    route = _route(servers, {"near": 5.0, "far": 30.0, "drained": 1.0}, down=("near", "far"))
    assert route.chosen == "near"
    assert [reason.code for reason in route.reasons] == ["none-healthy", "nearest"]
    assert route.reasons[0].text.endswith(" is healthy: one that failed its last read is used")
    assert [(c.boot_server, c.eligible) for c in route.candidates] == [
        ("near", True),
        ("far", True),
        ("drained", False),
    ]


def test_draining_is_better_than_nothing_and_disabled_is_not() -> None:
    """With no active one left a draining one serves, healthy before nearest; a disabled one never does."""
    servers = [
        _server("off", AdminState.DISABLED),
        _server("sick", AdminState.DRAINING),
        _server("well", AdminState.DRAINING),
    ]
    route = _route(servers, {"off": 0.3, "sick": 1.0, "well": 50.0}, down=("sick",))
    assert route.chosen == "well"
    assert route.reasons[0].code == "only-draining"
    alone = _route(servers[:2], {"off": 0.3, "sick": 1.0}, down=("sick",))
    assert (alone.chosen, [r.code for r in alone.reasons[:2]]) == ("sick", ["only-draining", "none-healthy"])


@pytest.mark.parametrize("servers", [[], [_server("off", AdminState.DISABLED)]], ids=["none", "disabled"])
def test_nothing_usable_chooses_nothing_and_says_so(servers: list[BootServer]) -> None:
    """No invented answer: chosen is None, the candidates keep their reasons."""
    route = _route(servers, {"off": 1.0})
    assert route.chosen is None
    assert [reason.code for reason in route.reasons] == ["no-boot-server"]
    assert [_codes(candidate) for candidate in route.candidates] == [["disabled"]] * len(servers)


def test_families_are_separate() -> None:
    """A boot server without an IPv6 address serves IPv4 alone."""
    servers = [_server("near", ipv6=None), _server("far")]
    rtts = {"near": 1.0, "far": 30.0}
    assert (_route(servers, rtts, family=4).chosen, _route(servers, rtts, family=6).chosen) == ("near", "far")


def test_unknown_health_counts_as_up_and_is_said() -> None:
    """Before the first probe everything may be chosen."""
    (route,) = select(
        [HERE], [_server("a")], lambda *_: Estimate(1.0, 0.0, "measured"), {}, family=4, policy=Policy(), now=NOW
    )
    assert route.chosen == "a"
    assert _codes(route.candidates[0]) == ["health-unknown"]


def test_unknown_path_comes_last() -> None:
    """What nothing is known of is chosen only where nothing is known of all."""
    known = _route([_server("a"), _server("b")], {"b": 300.0})
    assert (known.chosen, _codes(known.candidates[1])) == ("b", ["no-estimate"])
    assert known.candidates[1].cost_ms is None
    unknown = _route([_server("a"), _server("b")], {})
    assert [reason.code for reason in unknown.reasons] == ["nothing-known"]


def test_equally_near_ones_share_the_locations_by_weight() -> None:
    """Two boot servers of one site: 3,000 locations divide as 3 to 1, and the loser says that it was the spread."""
    servers = [_server("a", weight=300), _server("b", weight=100)]
    racks = [Location(Slug(f"rack-{n}"), LocationKind.RACK) for n in range(3000)]
    routes = select(racks, servers, lambda *_: Estimate(0.3, 0.0, "local"), {}, family=4, policy=Policy(), now=NOW)
    shares = Counter(route.chosen for route in routes)
    assert shares[Slug("a")] / 3000 == pytest.approx(0.75, abs=0.03)
    assert {route.candidates[1].reasons[-1].code for route in routes} == {"spread"}
    assert {route.reasons[0].code for route in routes} == {"nearest-spread"}


def test_band_is_measured_from_the_nearest_and_not_from_the_chosen() -> None:
    """Near-equal does not chain: what is outside the nearest's band is farther, whoever in the band was chosen."""
    policy = Policy(band_ms=2, band_share=0)
    for trial in range(20):
        servers = [_server(f"{name}{trial}") for name in "abc"]
        rtts = dict(zip((s.name for s in servers), (10.0, 11.5, 13.0), strict=True))
        route = _route(servers, rtts, policy=policy)
        assert route.candidates[-1].boot_server == servers[2].name
        assert _codes(route.candidates[-1]) == ["farther"]


def test_weight_zero_gets_nothing_while_another_is_as_near() -> None:
    """The way to keep a boot server in reserve."""
    servers = [_server("reserve", weight=0), _server("main")]
    assert _route(servers, {"reserve": 1.0, "main": 1.0}).chosen == "main"
    assert _route(servers[:1], {"reserve": 1.0}).chosen == "reserve"


_STATES = st.sampled_from([*AdminState, None])
_RTTS = st.one_of(st.none(), st.sampled_from([0.3, 0.35, 0.4, 5.0, 5.02, 100.0, 100.4]), st.floats(0.05, 500))
_FLEETS = st.lists(st.tuples(_STATES, _RTTS, st.sampled_from([None, True, False]), st.integers(0, 3)), max_size=7)


def _select_fleet(
    fleet: list[tuple[AdminState | None, float | None, bool | None, int]], order: list[int], locations: list[Location]
) -> tuple[Route, ...]:
    servers = [_server(f"s{i}", fleet[i][0], weight=fleet[i][3]) for i in order]
    health = {Slug(f"s{i}"): _health(f"s{i}", bool(fleet[i][2])) for i in order if fleet[i][2] is not None}

    def estimate(_: Slug, server: BootServer) -> Estimate:
        rtt = fleet[int(server.name[1:])][1]
        return Estimate(rtt, 0.0, "default" if rtt is None else "measured")

    return select(locations, servers, estimate, health, family=4, policy=Policy(), now=NOW)


@settings(deadline=None)
@given(_FLEETS, st.randoms(use_true_random=False))
def test_order_of_input_never_matters(
    fleet: list[tuple[AdminState | None, float | None, bool | None, int]], random: Random
) -> None:
    """Boot servers and locations in any order give the same routes."""
    order = list(range(len(fleet)))
    places = [Location(Slug(f"l{n}"), LocationKind.SITE) for n in range(4)]
    expected = _select_fleet(fleet, order, places)
    random.shuffle(order)
    shuffled = random.sample(places, len(places))
    assert _select_fleet(fleet, order, shuffled) == expected


@settings(deadline=None)
@given(_FLEETS)
def test_answer_is_from_the_inventory_and_never_empty_while_one_is_active(
    fleet: list[tuple[AdminState | None, float | None, bool | None, int]],
) -> None:
    """Every boot server is ranked once; the chosen is rank 0 and eligible; a disabled one is never chosen."""
    (route,) = _select_fleet(fleet, list(range(len(fleet))), [HERE])
    assert sorted(c.boot_server for c in route.candidates) == sorted(f"s{i}" for i in range(len(fleet)))
    assert [c.rank for c in route.candidates] == list(range(len(fleet)))
    usable = [entry for entry in fleet if entry[0] is not AdminState.DISABLED]
    assert (route.chosen is not None) == bool(usable)
    if route.chosen is not None:
        assert (route.candidates[0].boot_server, route.candidates[0].eligible) == (route.chosen, True)
        state = fleet[int(route.chosen[1:])][0]
        assert state is not AdminState.DISABLED
        if any(entry[0] in (AdminState.ACTIVE, None) for entry in fleet):
            assert state is not AdminState.DRAINING
    assert all(c.reasons for c in route.candidates if c.boot_server != route.chosen)


@settings(deadline=None)
@given(_FLEETS, st.floats(0.05, 0.99))
def test_chosen_that_gets_nearer_stays_chosen(
    fleet: list[tuple[AdminState | None, float | None, bool | None, int]], factor: float
) -> None:
    """Monotonicity: less latency never loses a location."""
    order = list(range(len(fleet)))
    (before,) = _select_fleet(fleet, order, [HERE])
    assume(before.chosen is not None)
    assert before.chosen is not None
    index = int(before.chosen[1:])
    state, rtt, healthy, weight = fleet[index]
    assume(rtt is not None)
    assert rtt is not None
    nearer = [*fleet]
    nearer[index] = (state, rtt * factor, healthy, weight)
    assert _select_fleet(nearer, order, [HERE])[0].chosen == before.chosen


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(0, 200))
def test_taking_one_away_moves_only_its_own_locations(count: int, seed: int) -> None:
    """Rendezvous hashing: who had another boot server keeps it."""
    servers = [_server(f"s{seed}-{n}") for n in range(count)]
    racks = [Location(Slug(f"rack-{n}"), LocationKind.RACK) for n in range(20)]

    def chosen(left: list[BootServer]) -> dict[Slug, Slug | None]:
        routes = select(racks, left, lambda *_: Estimate(0.3, 0.0, "local"), {}, family=4, policy=Policy(), now=NOW)
        return {route.location: route.chosen for route in routes}

    before = chosen(servers)
    after = chosen([replace(servers[0], state=AdminState.DRAINING), *servers[1:]])
    assert {place for place, name in before.items() if after[place] != name} == {
        place for place, name in before.items() if name == servers[0].name
    }
