"""The inventory against the configuration made from it."""

from __future__ import annotations

from dataclasses import replace

from nearboot.kea.config import build4, build6
from nearboot.kea.settings import KeaInputs, KeaSettings
from nearboot.kea.survey import survey
from nearboot.model import Inventory, Server, Slug

from .conftest import AMS, make_routes, make_server


def test_the_counts_of_the_inventory_and_the_configuration_agree(fleet: KeaInputs) -> None:
    """Five hosts: four with an address in a subnet, one with a name alone."""
    four, six = survey(fleet, build4(fleet, KeaSettings())), survey(fleet, build6(fleet, KeaSettings()))
    assert (four.hosts, four.interfaces, four.reserved_addresses, four.reserved_names) == (5, 5, 4, 1)
    assert (six.hosts, six.reserved_addresses, six.reserved_names, six.subnets) == (5, 4, 1, 2)
    assert four.complete and six.complete


def test_what_is_missing_is_named(fleet: KeaInputs) -> None:
    """An address outside every subnet, a site without a route, a TFTP port that DHCPv4 cannot say."""
    stranger = make_server("lost-1", AMS, "52:54:00:00:00:09", "192.0.2.9")
    servers = tuple(replace(server, tftp_port=6969) for server in fleet.inventory.boot_servers)
    inventory = replace(fleet.inventory, servers=(stranger,), boot_servers=servers)
    inputs = replace(fleet, inventory=inventory, routes=make_routes(sin=None))
    found = survey(inputs, build4(inputs, KeaSettings()))
    assert found.unreserved == (("lost-1 eth0", "192.0.2.9 is in no subnet"),)
    assert found.subnets_without_server == ("10.20.0.0/24",)
    assert found.odd_ports == ("boot-ams",)
    assert found.complete


def test_a_configuration_of_another_inventory_is_not_complete(fleet: KeaInputs) -> None:
    """A host added since is missed."""
    config = build4(fleet, KeaSettings())
    grown = replace(fleet.inventory, servers=(*fleet.inventory.servers, make_server("new", AMS, "52:54:00:00:00:0a")))
    assert not survey(replace(fleet, inventory=grown), config).complete


def test_a_server_without_a_mac_is_named() -> None:
    """Kea cannot know it, so no reservation is for it; it is not lost silently."""
    inventory = Inventory(servers=(Server("nameless", Slug("ams")),))
    inputs = KeaInputs(inventory)
    assert survey(inputs, build4(inputs, KeaSettings())).unreserved == (("nameless", "it has no MAC"),)
