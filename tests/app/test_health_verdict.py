"""The configuration's terms and what is stored, put together."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from nearboot.app.database import reading, writing
from nearboot.app.health_verdict import believed, counts, terms
from nearboot.config import Config, HealthConfig
from nearboot.inventory import route_store, store
from nearboot.model import AdminState, BootServer, Health, Slug
from nearboot.probe.health_verdict import Counts, Terms

HERE = Slug("here-boot")


def test_the_settings_are_the_terms() -> None:
    """Two sections have them."""
    config = Config(health=HealthConfig(fall=5, rise=4, distrust_share=0.7, distrust_least=9))
    assert counts(config) == Counts(5, 4)
    assert terms(config) == Terms(300.0, 0.7, 9)


def test_three_vantages_are_put_to_a_vote(fleet: Config, now: datetime) -> None:
    """What was stored last from each."""
    with writing(fleet) as session:
        route_store.add_checks(session, [Health(HERE, now, v == "z", "", 1.0, v) for v in "xyz"])
    with reading(fleet) as session:
        servers = store.boot_servers(session)
        assert not believed(session, fleet, servers, now).health[HERE].healthy
        late = believed(session, fleet, servers, now + timedelta(hours=1)).health[HERE]
        assert late.healthy and not late.known


def test_only_active_boot_servers_should_be_up(fleet: Config, now: datetime) -> None:
    """A vantage that sees two of two active ones down doubts itself; not where one of them is drained."""
    config = replace(fleet, health=HealthConfig(distrust_least=2))
    with writing(config) as session:
        names = [each.name for each in store.boot_servers(session)]
        route_store.add_checks(session, [Health(name, now, False, "", None, "v") for name in names])
        servers = [BootServer(name, Slug("here"), state=AdminState.ACTIVE) for name in names]
        assert believed(session, config, servers, now).distrusted
        drained = [replace(servers[0], state=AdminState.DRAINING), servers[1]]
        assert not believed(session, config, drained, now).distrusted
