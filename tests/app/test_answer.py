"""Questions about routes: by server, by tier, and why."""

from __future__ import annotations

from datetime import datetime

import pytest

from nearboot.app import answer
from nearboot.app.database import reading
from nearboot.config import Config
from nearboot.errors import NotFoundError
from nearboot.model import Slug


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def test_servers_are_answered_in_the_order_asked(fleet: Config, now: datetime) -> None:
    """Only they are read, and only their places are decided."""
    picture, shown = answer.of_servers(fleet, lambda known: sorted(known, reverse=True), (4,), now)
    assert [(each.server, each.route.chosen) for each in shown] == [("lo-02", "there-boot"), ("lo-01", "here-boot")]
    picture, shown = answer.of_servers(fleet, lambda _: ["lo-01"], (4, 6), now)
    assert [server.name for server in picture.inventory.servers] == ["lo-01"]
    assert {route.location for route in picture.routes} == {"here"}
    assert [each.route.family for each in shown] == [4, 6]


def test_tiers_are_answered_by_their_places(fleet: Config, now: datetime) -> None:
    """With how many servers of the tier stand there; an unknown one is told."""
    _, shown = answer.of_tiers(fleet, ["lab", "lab"], (4,), now)
    assert [(each.tier, each.route.location, each.servers) for each in shown] == [
        (Slug("lab"), "here", 1), (Slug("lab"), "there", 1),
    ]  # fmt: skip
    with pytest.raises(NotFoundError, match="tier"):
        answer.of_tiers(fleet, ["lob"], (4,), now)


def test_an_explanation_knows_the_files_of_its_server(fleet: Config, now: datetime) -> None:
    """Their sizes come from the boot root."""
    (found,) = answer.explanations(fleet, lambda _: ["lo-01"], family=4, now=now)
    assert {each.name: each.size for each in found.downloads} == {"deb/vmlinuz": 76_800, "deb/initrd.gz": 6}
    assert found.client.name == "GRUB"
    assert not found.example


def test_what_the_answers_need_has_no_servers(fleet: Config) -> None:
    """However many there are."""
    with reading(fleet) as session:
        found = answer.terrain(session)
    assert found.servers == ()
    assert len(found.boot_servers) == 2
