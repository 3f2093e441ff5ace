"""What follows for a server: profile, image, subnets and boot servers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address, ip_network

import pytest

from nearboot.app.database import reading
from nearboot.app.server import Effective, effective, subnets_of
from nearboot.config import Config
from nearboot.inventory import store
from nearboot.model import Interface, Inventory, Location, LocationKind, Server, Slug, Subnet


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


def test_what_follows_for_a_server(fleet: Config, now: datetime) -> None:
    """In the order of the servers that were asked for; nobody has IPv6 there."""
    with reading(fleet) as session:
        one, two = store.servers(session)
        stray = replace(one, tier=None)
        found = effective(session, fleet, [two, one, stray], now)
    loopback = (ip_network("127.0.0.0/8"),)
    assert found == [
        Effective(Slug("lab"), Slug("deb"), loopback, Slug("there-boot"), None),
        Effective(Slug("lab"), Slug("deb"), loopback, Slug("here-boot"), None),
        Effective(None, None, loopback, Slug("here-boot"), None),
    ]


def test_without_a_subnet_there_is_no_boot_server(fleet: Config, now: datetime) -> None:
    """The place has a route, but no client there can be answered."""
    with reading(fleet) as session:
        (one, _) = store.servers(session)
        (found,) = effective(session, fleet, [replace(one, location=Slug("there"), interfaces=())], now)
    assert (found.subnets, found.boot_server_v4) == ((), None)


def test_subnets_are_those_of_the_addresses_else_of_the_place() -> None:
    """A rack without subnets has its site's; another family's do not count."""
    site, rack = Location(Slug("s"), LocationKind.SITE), Location(Slug("r"), LocationKind.RACK, parent=Slug("s"))
    known = {text: Subnet(ip_network(text), Slug("s")) for text in ("10.0.0.0/24", "10.0.1.0/24", "fd00::/64")}
    inventory = Inventory(locations=(site, rack), subnets=tuple(known.values()))
    eth = [Interface(f"eth{n}", ipv4=IPv4Address("10.0.1.9")) for n in range(2)]
    server = Server("x", Slug("r"), interfaces=tuple(eth))
    assert subnets_of(server, inventory, 4) == [known["10.0.1.0/24"]]
    assert subnets_of(replace(server, interfaces=()), inventory, 4) == [known["10.0.0.0/24"], known["10.0.1.0/24"]]
    assert subnets_of(server, inventory, 6) == [known["fd00::/64"]]
    assert subnets_of(replace(server, location=Slug("elsewhere")), inventory, 6) == []
