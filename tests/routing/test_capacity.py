"""Boot servers that are full."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from ipaddress import IPv4Address
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from nearboot.model import BootServer, Estimate, Location, LocationKind, Route, Slug
from nearboot.routing.capacity import Wish, assign, spill
from nearboot.routing.hysteresis import Held, Previous
from nearboot.routing.policy import Policy
from nearboot.routing.select import previous_of, select

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
A, B, C = Slug("a"), Slug("b"), Slug("c")
P, Q = Slug("p"), Slug("q")


def test_who_would_lose_most_goes_first_and_the_late_go_on() -> None:
    """One place has 50 ms to lose, the other one 1 ms."""
    wishes = [Wish(P, 10, [(A, 5.0), (B, 6.0)]), Wish(Q, 10, [(A, 5.0), (B, 55.0)])]
    assert assign(wishes, {A: 15}) == {P: B, Q: A}
    assert assign(wishes, {}) == {P: A, Q: A}


def test_who_is_there_stays() -> None:
    """Whatever another would lose."""
    wishes = [Wish(P, 10, [(A, 5.0), (B, 6.0)], settled=True), Wish(Q, 10, [(A, 5.0), (B, 55.0)])]
    assert assign(wishes, {A: 15}) == {P: A, Q: B}


def test_when_all_are_full_the_first_wish_stands() -> None:
    """Overload is better than no answer."""
    assert assign([Wish(P, 10, [(A, 5.0), (B, 6.0)])], {A: 5, B: 5}) == {P: A}


_WISHES = st.lists(st.tuples(st.integers(1, 9), st.permutations([A, B, C]), st.integers(0, 5)), max_size=8)


@settings(deadline=None)
@given(_WISHES, st.dictionaries(st.sampled_from([A, B]), st.integers(1, 30)), st.randoms(use_true_random=False))
def test_no_capacity_is_passed_while_there_is_room(
    found: list[tuple[int, list[Slug], int]], capacity: dict[Slug, int], random: Random
) -> None:
    """C takes any number; and the order of the wishes changes nothing."""
    wishes = [
        Wish(Slug(f"l{n}"), demand, [(name, float(step * place)) for place, name in enumerate(names)])
        for n, (demand, names, step) in enumerate(found)
    ]
    got = assign(wishes, capacity)
    loads: Counter[Slug] = Counter()
    for wish in wishes:
        loads[got[wish.location]] += wish.demand
    assert all(loads[name] <= most for name, most in capacity.items())
    assert assign(random.sample(wishes, len(wishes)), capacity) == got


def _routes() -> tuple[Route, ...]:
    servers = [BootServer(name, name, IPv4Address(n + 1)) for n, name in enumerate((A, B, C))]
    rtts = {(P, A): 5.0, (P, B): 9.0, (P, C): 30.0, (Q, A): 5.0, (Q, B): 50.0, (Q, C): 60.0}
    return select(
        [Location(P, LocationKind.SITE), Location(Q, LocationKind.SITE)],
        servers,
        lambda place, server: Estimate(rtts[place, server.name], 0.0, "measured"),
        {},
        family=4,
        policy=Policy(),
        now=NOW,
    )


def test_a_spilled_route_says_where_it_would_have_gone() -> None:
    """The next one is in front, the full one says how full it is, and ranks go up from nothing."""
    previous = previous_of(_routes(), None)
    demand = {P: 10, Q: 10}
    near, far = spill(_routes(), demand=demand, capacity={A: 15}, previous=Previous(), now=NOW)
    assert (near.location, near.chosen, far.chosen) == (P, B, A)
    assert near.reasons[-1].text == "a is full (10 of 15 servers): b is the next"
    assert [(c.boot_server, c.rank) for c in near.candidates] == [(B, 0), (A, 1), (C, 2)]
    assert [[r.code for r in c.reasons][-1] for c in near.candidates[1:]] == ["full", "farther"]
    assert far.reasons[-1].code == "nearest"
    assert near.moved_at is None
    moved, _ = spill(_routes(), demand=demand, capacity={A: 15}, previous=Previous({P: Held(A)}), now=NOW)
    assert moved.chosen == A, "it was there first"
    (route, _) = spill(_routes(), demand={P: 20}, capacity={A: 15}, previous=previous, now=NOW)
    assert (route.chosen, route.moved_at) == (B, NOW)


def test_overload_is_said() -> None:
    """No room anywhere."""
    (route, other) = spill(_routes(), demand={P: 20}, capacity={A: 1, B: 1, C: 1}, previous=Previous(), now=NOW)
    assert (route.chosen, route.reasons[0].code) == (A, "over-capacity")
    assert other == _routes()[1], "where no server stands nothing is carried"
