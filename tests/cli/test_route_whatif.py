"""``nearboot route whatif``: what a change would bring, in words and as JSON, with exit code 2 for a change."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from nearboot.cli import route_whatif
from nearboot.model import Slug
from nearboot.routing.whatif import Choice, Crowd, compare

Nearboot = Callable[..., Any]


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def test_a_drain_is_told_from_the_answer_to_the_numbers(quickstart: Nearboot) -> None:
    """The servers by name, the loads, the times; and nothing was changed."""
    before = quickstart("route", "show").out
    ran = quickstart("route", "whatif", "--drain", "ams-boot", code=2)
    text = ran.out
    assert ran.lines[:2] == ["Suppose that", "  ams-boot is draining: it gets no new clients"]
    assert "2 of 3 servers would boot from another boot server." in text
    assert "ams-boot -> fra-boot" in text
    assert "web-ams-[01-02]" in text
    assert "~0.3 ms -> 8.2 ms" in text
    assert ran.lines[-1] == "Nothing was changed: this is what would be, once Kea is told of it."
    assert quickstart("route", "show").out == before


def test_json_has_it_all(quickstart: Nearboot) -> None:
    """Every server by name."""
    found = json.loads(quickstart("route", "whatif", "--down", "ams", "-o", "json", code=2).out)
    assert found["changes"] is True
    assert found["servers_moved"] == 2
    names = ["web-ams-01", "web-ams-02"]
    assert [(each["family"], each["location"], each["names"]) for each in found["moved"] if each["names"]] == [
        (4, "ams-r1", names),
        (6, "ams-r1", names),
    ]
    assert found["stranded"] == []
    assert {each["boot_server"]: each["servers_after"] for each in found["loads"]} == {"ams-boot": 0, "fra-boot": 3}


def test_no_difference_is_code_0(quickstart: Nearboot) -> None:
    """A slower path that nobody uses."""
    ran = quickstart("route", "whatif", "--latency", "ams:fra:+80ms")
    assert "Nothing would be different for any server" in ran.out
    assert json.loads(quickstart("route", "whatif", "--latency", "ams:fra:+80ms", "-o", "json").out)["changes"] is False


def test_who_is_left_with_none_is_told(quickstart: Nearboot) -> None:
    """Gone everywhere: nobody boots; drained everywhere: everybody stays where he is."""
    text = quickstart("route", "whatif", "--remove", "ams", "--remove", "fra-boot", code=2).out
    assert "3 servers would have none." in text
    assert "fra (IPv4, 1 server): none: they cannot boot" in text
    text = quickstart("route", "whatif", "--drain", "ams", "--drain", "fra", code=2).out
    assert "only boot servers that are draining; they would use ams-boot" in text


def test_an_added_boot_server_takes_its_share(quickstart: Nearboot) -> None:
    """Combined with a slow path, its place moves."""
    flags = ("--add", "ams-two@ams-r1,weight=300", "--latency", "ams:ams:+2ms", "--drain", "ams-boot")
    text = quickstart("route", "whatif", *flags, code=2).out
    assert "ams-two is added at ams-r1 (weight 300)" in text
    assert "the round trip in ams is 2 ms longer" in text
    assert "ams-boot -> ams-two" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param([], "nothing to suppose", id="nothing"),
        pytest.param(["--drain", "ams-bot"], "did you mean ams-boot", id="name"),
        pytest.param(["--latency", "ams:fra:80"], "PLACE:PLACE:+80ms", id="latency"),
        pytest.param(["--add", "ams"], "NAME@LOCATION", id="add"),
    ],
)
def test_mistakes_are_one_clear_message(quickstart: Nearboot, words: list[str], message: str) -> None:
    """With what was expected."""
    assert message in quickstart("route", "whatif", *words, code=1).err


def test_of_many_places_the_largest_are_shown() -> None:
    """How to see the others is said; a capacity that would be exceeded is marked."""
    near, far = Choice(Slug("a"), 0.3, "local"), Choice(Slug("b"), 80.0, "measured")
    places = [Slug(f"p{number:02}") for number in range(30)]
    before, after = ({(place, "", 4): choice for place in places} for choice in (near, far))
    crowds = [Crowd(place, 30 - number, 100.0) for number, place in enumerate(places)]
    found = compare(before, after, crowds, boot_servers={Slug("a"): None, Slug("b"): 300})
    text = "\n".join(route_whatif.lines(found))
    assert "and 10 more places, 55 servers (--all shows them)" in text
    assert "p19" in text
    assert "p20" not in text
    assert "p29" in "\n".join(route_whatif.lines(found, every=True))
    assert "300 (exceeded)" in text
