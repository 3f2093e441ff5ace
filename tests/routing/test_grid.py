"""The choice in arrays: the same as select's, and what it says of a fleet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.model import AdminState, BootServer, Estimate, Health, Location, LocationKind, Slug
from nearboot.routing.grid import Choices, Grid, choose, failover
from nearboot.routing.hysteresis import Held, Previous
from nearboot.routing.override import Override
from nearboot.routing.policy import Policy
from nearboot.routing.select import NO_PAST, Past, previous_of, select
from nearboot.routing.standing import stand

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PLACES = [Location(Slug(f"l{n}"), LocationKind.SITE) for n in range(4)]

_COSTS = st.one_of(st.none(), st.sampled_from([0.3, 0.35, 5.0, 5.02, 5.7, 100.0, 100.4, 104.0]), st.floats(0.05, 500))
_NOISES = st.sampled_from([0.0, 0.0, 0.1, 3.0])
_AGES = st.one_of(st.none(), st.integers(0, 200))


@dataclass(frozen=True)
class Case:
    """A made-up fleet with a past: estimates by place and boot server."""

    servers: list[BootServer]
    estimates: dict[tuple[Slug, Slug], Estimate]
    health: dict[Slug, Health]
    past: Past
    override: Override

    def estimate(self, location: Slug, server: BootServer) -> Estimate:
        return self.estimates[location, server.name]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to six boot servers in any state, with anything before."""
    states = draw(st.lists(st.sampled_from([*AdminState, AdminState.ACTIVE, AdminState.ACTIVE]), max_size=6))
    servers = [
        BootServer(Slug(f"s{n}"), Slug("x"), IPv4Address(n + 1), weight=draw(st.integers(0, 3)), state=state)
        for n, state in enumerate(states)
    ]
    names = [server.name for server in servers]
    estimates = {}
    for place in PLACES:
        for name in names:
            rtt = draw(_COSTS)
            loss = draw(st.sampled_from([0.0, 0.0, 0.01, 1.0]))
            estimates[place.slug, name] = Estimate(rtt, loss, "measured", noise_ms=draw(_NOISES), penalty=0.05)
    health = {name: Health(name, NOW, False) for name in names if draw(st.integers(0, 3)) == 0}
    some = st.frozensets(st.sampled_from(names)) if names else st.just(frozenset())
    choices = {}
    for place in PLACES:
        had, moved_s = draw(st.sampled_from([None, Slug("gone"), *names])), draw(_AGES)
        if had:
            choices[place.slug] = Held(had, None if moved_s is None else NOW - timedelta(seconds=moved_s * 10))
    previous = Previous(choices, draw(some), NOW - timedelta(seconds=draw(st.integers(0, 200))))
    since = {name: NOW - timedelta(seconds=draw(st.integers(0, 200))) for name in draw(some)}
    past = Past(previous, since, draw(st.booleans()))
    return Case(servers, estimates, health, past, Override(draw(some), draw(some)))


def _slowly(case: Case) -> dict[Slug, Slug | None]:
    routes = select(
        PLACES, case.servers, case.estimate, case.health,
        family=4, policy=Policy(), now=NOW, past=case.past, override=case.override,
    )  # fmt: skip
    return {route.location: route.chosen for route in routes}


def _quickly(case: Case) -> tuple[Grid, Choices]:
    stood, _ = stand(case.servers, case.health, family=4, policy=Policy(), now=NOW, override=case.override)
    grid = Grid.asked(PLACES, case.servers, case.estimate, Policy())
    return grid, choose(grid, stood, policy=Policy(), now=NOW, past=case.past, pin=case.override.pin)


@settings(deadline=None, max_examples=400)
@given(cases())
def test_arrays_choose_as_the_sentences_do(case: Case) -> None:
    """Whatever the fleet, its health, its overrides and its past."""
    grid, choices = _quickly(case)
    assert choices.chosen(grid) == _slowly(case)


@settings(deadline=None, max_examples=100)
@given(cases(), st.randoms(use_true_random=False))
def test_order_of_input_never_matters(case: Case, random: Random) -> None:
    """Boot servers in any order, and their columns with them."""
    grid, choices = _quickly(case)
    turned = replace(case, servers=random.sample(case.servers, len(case.servers)))
    grid_turned, choices_turned = _quickly(turned)
    assert choices_turned.chosen(grid_turned) == choices.chosen(grid)


@settings(deadline=None, max_examples=200)
@given(cases(), st.integers(0, 3), st.floats(0.05, 0.99))
def test_chosen_that_gets_nearer_stays_chosen(case: Case, place: int, factor: float) -> None:
    """Monotonicity, with everything that may have been before."""
    slug = PLACES[place].slug
    chosen = _slowly(case)[slug]
    if chosen is None or case.estimates[slug, chosen].rtt_ms is None:
        return
    found = case.estimates[slug, chosen]
    nearer = replace(found, rtt_ms=found.rtt_ms * factor if found.rtt_ms else None)
    assert _slowly(replace(case, estimates={**case.estimates, (slug, chosen): nearer}))[slug] == chosen


@settings(deadline=None, max_examples=200)
@given(cases())
def test_answer_is_from_the_inventory_and_never_empty_while_one_may_serve(case: Case) -> None:
    """An active boot server that is not forbidden is enough; a disabled or forbidden one never serves."""
    may = {s.name for s in case.servers if s.state is not AdminState.DISABLED} - case.override.forbid
    active = {s.name for s in case.servers if s.state is AdminState.ACTIVE} - case.override.forbid
    for chosen in _slowly(case).values():
        assert chosen in (active or may or {None})


def _fleet(count: int = 12, places: int = 1100) -> tuple[Grid, list[BootServer]]:
    random = np.random.default_rng(7)
    servers = [BootServer(Slug(f"s{n:02}"), Slug("x"), IPv4Address(n + 1)) for n in range(count)]
    slugs = [Slug(f"l{n:04}") for n in range(places)]
    return Grid.of(slugs, servers, random.uniform(1, 80, (places, count)), policy=Policy()), servers


def test_failover_asks_only_who_lost_their_boot_server_and_agrees_with_asking_all() -> None:
    """More locations than are worked on at once; and again when it comes back."""
    grid, servers = _fleet()
    policy = Policy()
    well, _ = stand(servers, {}, family=4, policy=policy, now=NOW)
    first = choose(grid, well, policy=policy, now=NOW)
    sick, _ = stand(servers, {Slug("s03"): Health(Slug("s03"), NOW, False)}, family=4, policy=policy, now=NOW)
    after = failover(grid, sick, first, policy=policy, now=NOW)
    assert (after.index == choose(grid, sick, policy=policy, now=NOW, before=first).index).all()
    assert set(np.flatnonzero(after.index != first.index)) == set(np.flatnonzero(first.index == 3))
    assert (~np.isnan(after.moved_s) == (after.index != first.index)).all()
    back = failover(grid, well, after, policy=policy, now=NOW)
    assert (back.index == first.index).all(), "though nothing moved for nearness is free to move again yet"


def test_choices_go_out_as_values_and_come_back() -> None:
    """For the database, and for who asks of one place."""
    grid, servers = _fleet(places=5)
    stood, _ = stand(servers, {}, family=4, policy=Policy(), now=NOW)
    choices = choose(grid, stood, policy=Policy(), now=NOW)
    previous = choices.previous(grid)
    again = Choices.before(previous, grid)
    assert (again.index == choices.index).all()
    assert (again.usable == choices.usable).all()
    assert previous.decided_at == NOW
    assert {slug: held.boot_server for slug, held in previous.choices.items()} == choices.chosen(grid)
    loads = choices.loads(grid, {Slug("l0000"): 7, Slug("l0001"): 5})
    assert sum(loads.values()) == 12
    assert loads[Slug(str(choices.chosen(grid)[Slug("l0000")]))] >= 7


def test_previous_is_the_same_from_routes_and_from_arrays() -> None:
    """Either may have decided last."""
    servers = [BootServer(Slug(f"s{n}"), Slug("x"), IPv4Address(n + 1)) for n in range(3)]
    case = Case(
        servers,
        {
            (p.slug, s.name): Estimate(n + m + 1.0, 0, "measured")
            for n, p in enumerate(PLACES)
            for m, s in enumerate(servers)
        },
        {Slug("s0"): Health(Slug("s0"), NOW, False)},
        NO_PAST,
        Override(),
    )
    routes = select(PLACES, servers, case.estimate, case.health, family=4, policy=Policy(), now=NOW)
    grid, choices = _quickly(case)
    assert previous_of(routes, NOW) == choices.previous(grid)


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_fleet_has_no_answers(count: int) -> None:
    """No boot server, or none that is enabled."""
    servers = [BootServer(Slug("off"), Slug("x"), IPv4Address(1), state=AdminState.DISABLED)][:count]
    grid = Grid.of([Slug("here")], servers, np.ones((1, count)), policy=Policy())
    stood, _ = stand(servers, {}, family=4, policy=Policy(), now=NOW)
    choices = choose(grid, stood, policy=Policy(), now=NOW)
    assert choices.chosen(grid) == {"here": None}
    assert choices.loads(grid, {Slug("here"): 3}) == {server.name: 0 for server in servers}
    assert failover(grid, stood, choices, policy=Policy(), now=NOW).chosen(grid) == {"here": None}
