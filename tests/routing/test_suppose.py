"""What is supposed: its words, and what it makes of boot servers, health and paths."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.errors import InputError, NotFoundError
from nearboot.model import AdminState, BootServer, Estimate, Slug
from nearboot.routing.suppose import LEAST_MS, Detour, Supposed, added, detour

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PARENTS = {Slug("eu"): None, Slug("ams"): Slug("eu"), Slug("r1"): Slug("ams"), Slug("us"): None}
SERVERS = [
    BootServer(Slug("ams-1"), Slug("ams"), IPv4Address("10.0.0.1")),
    BootServer(Slug("ams-2"), Slug("r1"), IPv4Address("10.0.0.2")),
    BootServer(Slug("us-1"), Slug("us"), IPv4Address("10.0.0.3")),
]


def _applied(supposed: Supposed) -> tuple[dict[str, AdminState | None], dict[str, bool]]:
    servers, health = supposed.named(SERVERS, PARENTS).applied(SERVERS, {}, now=NOW)
    return {each.name: each.state for each in servers}, {name: check.healthy for name, check in health.items()}


def test_a_location_stands_for_all_boot_servers_there_and_below() -> None:
    """Also those of its racks."""
    assert _applied(Supposed(drain=("ams",)))[0] == {
        "ams-1": AdminState.DRAINING, "ams-2": AdminState.DRAINING, "us-1": None,
    }  # fmt: skip
    assert Supposed(down=("eu", "us-1")).named(SERVERS, PARENTS).down == ("ams-1", "ams-2", "us-1")


def test_everything_holds_at_once() -> None:
    """Added, gone and down; one that is added may be drained as well."""
    supposed = Supposed(drain=("new",), down=("us-1",), remove=("ams-1",), add=(added("new@us,weight=50"),))
    states, health = _applied(supposed)
    assert states == {"ams-2": None, "us-1": None, "new": AdminState.DRAINING}
    assert health == {"us-1": False, "new": True}


def test_words_say_what_is_supposed() -> None:
    """With the boot servers' names, also where a location was given."""
    supposed = Supposed(("eu",), ("us-1",), ("us-1",), (added("new@us"),), (detour("us:eu:+80ms"),))
    assert supposed.named(SERVERS, PARENTS).lines() == (
        "new is added at us (weight 100)",
        "us-1 is gone from the inventory",
        "ams-1 is draining: it gets no new clients",
        "ams-2 is draining: it gets no new clients",
        "us-1 is down: it answers no read",
        "the round trip between us and eu is 80 ms longer",
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("a:b:+80ms", Detour(Slug("a"), Slug("b"), 80.0), id="longer"),
        pytest.param("a:b:-1.5ms", Detour(Slug("a"), Slug("b"), -1.5), id="shorter"),
        pytest.param("a:b:=2s", Detour(Slug("a"), Slug("b"), 2000.0, instead=True), id="whole"),
        pytest.param("a:a:+500us", Detour(Slug("a"), Slug("a"), 0.5), id="inside"),
    ],
)
def test_a_detour_has_places_sign_and_unit(text: str, found: Detour) -> None:
    """Nothing is guessed: neither the unit, nor whether it is added."""
    assert detour(text) == found


@pytest.mark.parametrize("text", ["a:b:80ms", "a:b:+80", "a:+80ms", "a:b:+-1ms", "a:b:=0ms", "", "a:b:+nanms"])
def test_what_is_no_detour_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(InputError, match=r"80ms|above zero"):
        detour(text)


@pytest.mark.parametrize(
    "text",
    ["new", "@us", "new@us,weight=0", "new@us,weight=x", "new@us,size=1", "new@us,capacity=0", "New@us", "n@us,w"],
)
def test_what_is_no_boot_server_is_refused(text: str) -> None:
    """With what one looks like."""
    with pytest.raises(InputError, match=r"weight=N|whole number"):
        added(text)


@pytest.mark.parametrize(
    ("supposed", "message"),
    [
        pytest.param(Supposed(drain=("ams-3",)), "no boot server named 'ams-3'; did you mean ams-", id="server"),
        pytest.param(Supposed(add=(added("n@uss"),)), "no location named 'uss'; did you mean us?", id="place"),
        pytest.param(Supposed(detours=(detour("us-1:eu:+1ms"),)), "named 'us-1'; did you mean us?", id="its-location"),
    ],
)
def test_unknown_names_are_told_with_near_ones(supposed: Supposed, message: str) -> None:
    """Whoever gives a boot server as the end of a path is told its location."""
    with pytest.raises(NotFoundError) as error:
        supposed.named(SERVERS, PARENTS)
    assert message in str(error.value)


def test_a_name_that_is_there_cannot_be_added() -> None:
    """Neither twice."""
    for supposed in (Supposed(add=(added("us-1@us"),)), Supposed(add=(added("n@us"), added("n@eu")))):
        with pytest.raises(InputError, match="there already"):
            supposed.named(SERVERS, PARENTS)


def test_detours_hold_in_both_directions_and_below() -> None:
    """A rack's path is its site's; what is unknown stays so unless the whole round trip is supposed."""
    known = {Slug("ams-1"): Estimate(1.0, 0.0, "local"), Slug("us-1"): Estimate(None, 0.0, "default")}

    def ask(text: str, place: str, server: int) -> float | None:
        supposed = Supposed(detours=(detour(text),))
        return supposed.estimates(lambda _, each: known[each.name], PARENTS)(Slug(place), SERVERS[server]).rtt_ms

    assert ask("us:eu:+80ms", "us", 0) == 81.0
    assert ask("eu:us:+80ms", "us", 0) == 81.0
    assert ask("us:eu:+80ms", "r1", 0) == 1.0
    assert ask("ams:ams:+1ms", "r1", 0) == 2.0
    assert ask("us:eu:+80ms", "r1", 2) is None
    assert ask("us:eu:=20ms", "r1", 2) == 20.0


@given(st.floats(0.01, 10_000), st.floats(0, 10_000))
def test_no_path_becomes_shorter_than_any_is(rtt_ms: float, less_ms: float) -> None:
    """However much is taken from it."""
    found = Detour(Slug("a"), Slug("b"), -less_ms).of(Estimate(rtt_ms, 0.0, "measured")).rtt_ms
    assert found is not None
    assert LEAST_MS <= found <= rtt_ms


def test_an_added_boot_server_may_have_weight_and_capacity() -> None:
    """In any order."""
    found = added("new@us,capacity=300,weight=50")
    assert (found.name, found.location, found.weight, found.capacity) == ("new", "us", 50, 300)
    assert (added("new@us").weight, added("new@us").capacity) == (100, None)
