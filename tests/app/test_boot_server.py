"""Changing a boot server's state tells who moves, and is in the audit log once."""

from __future__ import annotations

from datetime import datetime

import pytest

from nearboot.app.boot_server import StateChange, named, set_state
from nearboot.app.database import reading, writing
from nearboot.config import Config
from nearboot.errors import NotFoundError
from nearboot.inventory import boot_store, route_store, store
from nearboot.model import AdminState, Health, Slug


def test_who_moves_is_told(fleet: Config, now: datetime) -> None:
    """Before and after of each route whose choice differs."""
    change = set_state(fleet, "here-boot", AdminState.DRAINING, reason="fan", actor="ada", now=now)
    assert change.before is AdminState.ACTIVE
    assert {(b.location, b.chosen, a.chosen) for b, a in change.moved} == {("here", "here-boot", "there-boot")}
    assert change.troubles == {}
    again = set_state(fleet, "here-boot", AdminState.DRAINING, reason="fan", actor="ada", now=now)
    assert again == StateChange(AdminState.DRAINING, (), {})
    with reading(fleet) as session:
        assert store.boot_server(session, "here-boot").state is AdminState.DRAINING
        (entry,) = boot_store.audit(session, subject="here-boot")
    assert (entry.actor, entry.detail) == ("ada", "active to draining: fan")


def test_what_is_wrong_with_the_routes_then_is_told(fleet: Config, now: datetime) -> None:
    """The last healthy one is drained, then the last active one; IPv6, which nobody has, is not counted."""
    with writing(fleet) as session:
        route_store.set_health(session, Health(Slug("there-boot"), now, healthy=False))
    both = {Slug("here"), Slug("there")}
    change = set_state(fleet, "here-boot", AdminState.DRAINING, reason="", actor="ada", now=now)
    assert change.troubles == {("none-healthy",): both}
    change = set_state(fleet, "there-boot", AdminState.DISABLED, reason="", actor="ada", now=now)
    assert change.troubles == {("only-draining",): both}
    change = set_state(fleet, "here-boot", AdminState.DISABLED, reason="", actor="ada", now=now)
    assert change.troubles == {("no-boot-server",): both}


def test_an_unknown_one_changes_nothing(fleet: Config, now: datetime) -> None:
    """Close names are offered."""
    with pytest.raises(NotFoundError, match="did you mean here-boot"):
        set_state(fleet, "here-bot", AdminState.DISABLED, reason="", actor="ada", now=now)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        pytest.param("there", "there-boot", id="place"),
        pytest.param("-b", "here-boot, there-boot", id="part of names"),
        pytest.param("nosuch", "here-boot, there-boot", id="all of few"),
    ],
)
def test_those_that_may_be_meant_are_offered(fleet: Config, name: str, near: str) -> None:
    """A place's name, half a name; a fleet has few boot servers, so that all can be named."""
    with reading(fleet) as session, pytest.raises(NotFoundError, match=f"; did you mean {near}\\?$"):
        named(session, name)
