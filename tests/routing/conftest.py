"""A rack of a site, its boot server, one of another site that failed, and one that is disabled; and an explanation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest

from nearboot.model import (
    AdminState,
    BootServer,
    Estimate,
    Health,
    Interface,
    Location,
    LocationKind,
    NbpFamily,
    Server,
    Slug,
    Subnet,
    mac_from_text,
)
from nearboot.routing.explain import Explanation, explain
from nearboot.routing.policy import Policy
from nearboot.routing.predict import CLIENTS
from nearboot.routing.reply import reply
from nearboot.routing.select import select

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PLACES = [
    Location(Slug("us"), LocationKind.REGION),
    Location(Slug("eqiad"), LocationKind.SITE, parent=Slug("us")),
    Location(Slug("codfw"), LocationKind.SITE, parent=Slug("us")),
    Location(Slug("a1"), LocationKind.RACK, parent=Slug("eqiad")),
]
SERVERS = [
    BootServer(Slug("boot-eqiad"), Slug("eqiad"), IPv4Address("10.1.0.5"), IPv6Address("2001:db8:1::5")),
    BootServer(
        Slug("boot-codfw"), Slug("codfw"), IPv4Address("10.2.0.5"), IPv6Address("2001:db8:2::5"), tftp_port=6969
    ),
    BootServer(Slug("boot-lab"), Slug("codfw"), IPv4Address("10.2.0.6"), state=AdminState.DISABLED),
]
ESTIMATES = {
    Slug("boot-eqiad"): Estimate(0.3, 0.0, "local"),
    Slug("boot-codfw"): Estimate(33.3, 0.01, "parent", 1200.0, 30, 0.05, (Slug("codfw"), Slug("eqiad"))),
    Slug("boot-lab"): Estimate(None, 0.0, "default"),
}
HEALTH = {
    Slug("boot-eqiad"): Health(Slug("boot-eqiad"), NOW - timedelta(seconds=4), True),
    Slug("boot-codfw"): Health(Slug("boot-codfw"), NOW - timedelta(minutes=3), False, "timed out"),
}
WEB1 = Server("web1.example", Slug("a1"))
ETH0 = Interface("eth0", mac_from_text("52:54:00:00:00:01"), ipv4=IPv4Address("10.1.0.11"))
SUBNET = Subnet(ip_network("10.1.0.0/24"), Slug("eqiad"))
FILES = {"kernel": 8_000_000, "initrd": 40_000_000}


def _explain(
    family: int = 4,
    *,
    at: str = "a1",
    servers: list[BootServer] | None = None,
    interface: Interface | None = ETH0,
    subnet: Subnet | None = SUBNET,
    subnets: tuple[Subnet, ...] = (),
    networked: bool = True,
    files: dict[str, int] | None = None,
    health: dict[Slug, Health] | None = None,
    estimates: dict[Slug, Estimate] | None = None,
) -> Explanation:
    servers = SERVERS if servers is None else servers
    health = HEALTH if health is None else health
    known = ESTIMATES if estimates is None else estimates
    place = next(place for place in PLACES if place.slug == at)
    (route,) = select([place], servers, lambda _, s: known[s.name], health, family=family, policy=Policy(), now=NOW)
    return explain(
        WEB1,
        route,
        interface=interface,
        subnet=subnet,
        subnets=subnets,
        locations=PLACES,
        boot_servers=servers,
        estimates=known,
        health=health,
        files=FILES if files is None else files,
        client=CLIENTS[NbpFamily.PXELINUX],
        kea=reply(
            WEB1,
            family,
            interface=interface,
            chosen=next((each for each in servers if each.name == route.chosen), None),
            networked=networked,
            boot_files={"": "pxelinux.0"},
        ),
        policy=Policy(),
        now=NOW,
    )


@pytest.fixture
def explained() -> Callable[..., Explanation]:
    """What explains the one server; what is not given is as it should be."""
    return _explain
