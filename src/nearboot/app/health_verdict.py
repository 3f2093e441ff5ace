"""What is believed of each boot server's health, from what the probers stored.

judged = believed(session, config, boot_servers, now)
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from nearboot.config import Config
from nearboot.inventory import route_store
from nearboot.model import AdminState, BootServer
from nearboot.probe.health_verdict import Counts, Judged, Terms, judge


def believed(session: Session, config: Config, boot_servers: Iterable[BootServer], now: datetime) -> Judged:
    """The verdict on all that the vantages saw; those that are drained or disabled may well be off."""
    active = {each.name for each in boot_servers if each.state in (AdminState.ACTIVE, None)}
    return judge(route_store.health_samples(session), counted=active, terms=terms(config), now=now)


def terms(config: Config) -> Terms:
    """On what terms the configuration believes results."""
    health = config.health
    return Terms(config.routing.health_fresh_s, health.distrust_share, health.distrust_least)


def counts(config: Config) -> Counts:
    """How many reads in a row the configuration makes a fall and a rise."""
    return Counts(config.health.fall, config.health.rise)
