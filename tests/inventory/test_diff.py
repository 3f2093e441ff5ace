"""What a load changes, and what becomes of what it leaves out."""

from __future__ import annotations

import random
from dataclasses import replace
from ipaddress import IPv4Address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from nearboot.inventory.diff import counts, diff, merge
from nearboot.model import AdminState, BootServer, Change, Interface, Inventory, Server, Slug, Subnet, Tier

AMS = Slug("ams")


def subnet(prefix: str, kea_id: int | None = None) -> Subnet:
    return Subnet(ip_network(prefix), AMS, kea_id=kea_id)


def kea_ids(inventory: Inventory) -> dict[str, int | None]:
    return {str(each.prefix): each.kea_id for each in inventory.subnets}


def test_loading_twice_changes_nothing(sample: Inventory) -> None:
    once = merge(Inventory(), sample, prune=False)
    assert merge(once, sample, prune=False) == once
    assert {change.action for change in diff(once, sample, prune=True)} == {"left"}
    assert {change.action for change in diff(Inventory(), sample, prune=False)} == {"added"}


def test_each_changed_field_has_its_old_and_new_text(sample: Inventory) -> None:
    once = merge(Inventory(), sample, prune=False)
    server = next(each for each in sample.servers if each.name == "web-ams-01")
    assert server.bmc is not None
    eth1, eth0 = server.interfaces
    changed = replace(
        server,
        tier=None,
        interfaces=(replace(eth0, ipv4=IPv4Address("10.10.0.12")), replace(eth1, name="eth2")),
        bmc=replace(server.bmc, address="10.1.0.12"),
        params={"role": "backend", "enabled": "on", "minutes": "1:30", "empty": ""},
    )
    (change,) = [each for each in diff(once, Inventory(servers=(changed,)), prune=False) if each.action == "changed"]
    assert (change.noun, change.name) == ("server", "web-ams-01")
    assert change.fields == {
        "tier": ("web", ""),
        "interfaces": ("eth1, eth0", "eth0, eth2"),
        "interfaces.eth1.name": ("eth1", ""),
        "interfaces.eth1.mac": ("52:54:00:00:01:02", ""),
        "interfaces.eth1.boot": ("false", ""),
        "interfaces.eth0.ipv4": ("10.10.0.11", "10.10.0.12"),
        "interfaces.eth2.name": ("", "eth2"),
        "interfaces.eth2.mac": ("", "52:54:00:00:01:02"),
        "interfaces.eth2.boot": ("", "false"),
        "bmc.address": ("10.1.0.11", "10.1.0.12"),
        "params.role": ("frontend", "backend"),
    }


def test_a_bmc_that_goes_is_told_field_by_field(sample: Inventory) -> None:
    once = merge(Inventory(), sample, prune=False)
    server = next(each for each in sample.servers if each.bmc)
    changes = diff(once, Inventory(servers=(replace(server, bmc=None),)), prune=False)
    (change,) = [each for each in changes if each.action == "changed"]
    assert change.fields["bmc.address"] == ("10.1.0.11", "")


def test_what_documents_do_not_name_stays_unless_pruned() -> None:
    current = Inventory(tiers=(Tier(Slug("a")), Tier(Slug("b"))))
    wanted = Inventory(tiers=(Tier(Slug("b")), Tier(Slug("c"))))
    assert [(each.action, each.name) for each in diff(current, wanted, prune=False)] == [
        ("left", "a"), ("left", "b"), ("added", "c"),
    ]  # fmt: skip
    assert [(each.action, each.name) for each in diff(current, wanted, prune=True)] == [
        ("removed", "a"), ("left", "b"), ("added", "c"),
    ]  # fmt: skip
    assert merge(current, wanted, prune=True).tiers == wanted.tiers


def test_a_drain_survives_a_load_that_does_not_speak_of_states() -> None:
    drained = Inventory(boot_servers=(BootServer(Slug("b"), AMS, state=AdminState.DRAINING),))
    silent = Inventory(boot_servers=(BootServer(Slug("b"), AMS), BootServer(Slug("new"), AMS)))
    merged = merge(drained, silent, prune=True)
    assert [each.state for each in merged.boot_servers] == [AdminState.DRAINING, AdminState.ACTIVE]
    spoken = Inventory(boot_servers=(BootServer(Slug("b"), AMS, state=AdminState.ACTIVE),))
    (change,) = diff(drained, spoken, prune=False)
    assert change == Change("changed", "boot server", "b", {"state": ("draining", "active")})


def test_kea_ids_stay_and_new_ones_follow_the_order_of_prefixes() -> None:
    current = merge(Inventory(), Inventory(subnets=(subnet("10.9.0.0/24"), subnet("10.1.0.0/24"))), prune=False)
    assert kea_ids(current) == {"10.1.0.0/24": 1, "10.9.0.0/24": 2}
    wanted = Inventory(
        subnets=(subnet("10.9.0.0/24"), subnet("10.5.0.0/24"), subnet("10.2.0.0/24"), subnet("fd00::/64"))
    )
    assert kea_ids(merge(current, wanted, prune=False)) == {
        "10.1.0.0/24": 1, "10.9.0.0/24": 2, "10.2.0.0/24": 3, "10.5.0.0/24": 4, "fd00::/64": 1,
    }  # fmt: skip


def test_the_id_of_a_subnet_that_goes_is_not_given_to_one_that_comes() -> None:
    """Its leases may still be there."""
    current = Inventory(subnets=(subnet("10.1.0.0/24", 5),))
    assert kea_ids(merge(current, Inventory(subnets=(subnet("10.2.0.0/24"),)), prune=True)) == {"10.2.0.0/24": 6}


def test_an_explicit_kea_id_is_kept_and_counted_on_from() -> None:
    wanted = Inventory(subnets=(subnet("10.1.0.0/24"), subnet("10.2.0.0/24", 100)))
    assert kea_ids(merge(Inventory(), wanted, prune=False)) == {"10.1.0.0/24": 101, "10.2.0.0/24": 100}


def test_counts_are_by_action_and_noun(sample: Inventory) -> None:
    counted = counts(diff(Inventory(), sample, prune=False))
    assert counted["added"]["server"] == 2
    assert counted["added"]["location"] == 4
    assert counted["left"] == {}


names = st.lists(st.sampled_from("abcdef"), unique=True)


@given(names, names, st.booleans(), st.randoms())
def test_after_a_merge_there_is_nothing_left_to_change(
    stored: list[str], told: list[str], prune: bool, chance: random.Random
) -> None:
    """merge and diff agree, whatever the order of the things."""

    def inventory(chosen: list[str], mac: str) -> Inventory:
        servers = tuple(
            Server(name, AMS, interfaces=(Interface("e", mac=mac),))
            for name in chance.sample(chosen, len(chosen))  # type: ignore[arg-type]  # any text does here
        )
        return Inventory(servers=servers)

    current, wanted = inventory(stored, "1"), inventory(told, "2")
    target = merge(current, wanted, prune=prune)
    assert all(change.action == "left" for change in diff(target, wanted, prune=prune))
    expected = set(told) if prune else set(told) | set(stored)
    assert {server.name for server in target.servers} == expected
