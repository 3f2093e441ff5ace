"""The rules of prefixes, pools, gateways and servers' addresses."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.inventory.load import read
from nearboot.inventory.network import NETWORK_RULES, homeless, overlaps
from nearboot.inventory.place import Places, Scene
from nearboot.model import Interface, Inventory, Server, Slug, Subnet


def faults(text: str, known: Inventory = Inventory()) -> list[str]:  # noqa: B008 - a frozen value
    reading = read([("a.yaml", text)])
    scene = Scene(reading.inventory, known, reading.places)
    return [str(fault).removeprefix("a.yaml:1: ") for rule in NETWORK_RULES for fault in rule(scene)]


def subnet(**fields: str) -> str:
    return "subnets: [{location: x, " + ", ".join(f"{name}: {text}" for name, text in fields.items()) + "}]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            subnet(prefix="10.0.0.0/24", gateway="10.0.1.1"),
            "subnets[0].gateway: found 10.0.1.1, which is outside the prefix; expected an address in 10.0.0.0/24",
            id="gateway-outside",
        ),
        pytest.param(
            subnet(prefix="10.0.0.0/24", gateway="'fe80::1'"),
            "subnets[0].gateway: found fe80::1; expected an IPv4 address, as the prefix is 10.0.0.0/24",
            id="gateway-family",
        ),
        pytest.param(
            subnet(prefix="10.0.0.0/24", dns="[10.9.9.9, 'fd00::1']"),
            "subnets[0].dns[1]: found fd00::1; expected an IPv4 address, as the prefix is 10.0.0.0/24",
            id="dns-family",
        ),
        pytest.param(
            subnet(prefix="'fd00::/64'", relays="[10.0.0.1]"),
            "subnets[0].relays[0]: found 10.0.0.1; expected an IPv6 address, as the prefix is fd00::/64",
            id="relay-family",
        ),
        pytest.param(
            subnet(prefix="10.0.0.0/24", relays="[10.9.0.1, 10.9.0.1]"),
            "subnets[0].relays[1]: found the relay 10.9.0.1 again; expected each once",
            id="relay-twice",
        ),
        pytest.param(
            subnet(prefix="'fd00::/64'", relays="['fe80::1']"),
            "subnets[0].relays[0]: found the link-local address fe80::1; expected the address that the relay sends as "
            "its link-address: a global or unique local one on the clients' link, never link-local (RFC 8415, section "
            "19.1.1)",
            id="relay-link-local",
        ),
        pytest.param(
            subnet(prefix="10.0.0.0/24", pools="[10.0.0.200-10.0.1.5]"),
            "subnets[0].pools[0]: found 10.0.1.5, which is outside the prefix; expected an address in 10.0.0.0/24",
            id="pool-end-outside",
        ),
        pytest.param(
            subnet(prefix="10.0.0.0/24", pools="[9.0.0.1-9.0.0.9]"),
            "subnets[0].pools[0]: found 9.0.0.1, which is outside the prefix; expected an address in 10.0.0.0/24",
            id="pool-outside",
        ),
        pytest.param(
            subnet(prefix="10.0.0.0/24", pools="['fd00::1-fd00::2']"),
            "subnets[0].pools[0]: found fd00::1; expected an IPv4 address, as the prefix is 10.0.0.0/24",
            id="pool-family",
        ),
        pytest.param(
            subnet(prefix="10.0.0.0/24", pools="[10.0.0.10-10.0.0.20, 10.0.0.30-10.0.0.40, 10.0.0.20-10.0.0.29]"),
            "subnets[0].pools[2]: found 10.0.0.20-10.0.0.29, which overlaps pools[0]; expected pools apart",
            id="pools-overlap",
        ),
        pytest.param(
            subnet(prefix="10.0.0.0/24")
            + "\nservers: [{name: a, location: x, interfaces: [{name: e, ipv4: 10.0.1.1}]}]",
            "a.yaml:2: servers[0].interfaces[0].ipv4: found 10.0.1.1, which is in no subnet; expected an address in "
            "one of the IPv4 subnets",
            id="server-in-no-subnet",
        ),
    ],
)
def test_a_network_fault_is_told(text: str, expected: str) -> None:
    assert faults(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(subnet(prefix="'fd00::/64'", gateway="'fe80::1'"), id="link-local-gateway"),
        pytest.param(subnet(prefix="10.0.0.0/24", relays="[10.255.0.1]"), id="relay-outside"),
        pytest.param(
            subnet(prefix="10.0.0.0/24", pools="[10.0.0.0/25, 10.0.0.128-10.0.0.200]"), id="pools-side-by-side"
        ),
        pytest.param(
            subnet(prefix="10.0.0.0/24")
            + "\nservers: [{name: a, location: x, interfaces: [{name: e, ipv6: 'fd00::1'}]}]",
            id="family-without-subnets",
        ),
        pytest.param(
            "subnets: [{location: x, prefix: 10.0.0/24}]\n"
            "servers: [{name: a, location: x, interfaces: [{name: e, ipv4: 10.0.0.1}]}]",
            id="the-subnet-itself-has-faults",
        ),
    ],
)
def test_what_is_right_is_not_told(text: str) -> None:
    assert faults(text) == []


def test_overlaps_with_the_database_are_told_at_the_document() -> None:
    """Whichever of the two is the larger."""
    wide, narrow = subnet(prefix="10.0.0.0/8"), subnet(prefix="10.1.0.0/16")
    for mine, stored in ((wide, narrow), (narrow, wide)):
        (fault,) = faults(mine, read([("b.yaml", stored)]).inventory)
        assert fault.startswith("subnets[0].prefix: found 10.") and "in the database" in fault


prefixes = st.builds(
    lambda number, length: ip_network((number << 24 & (0xFFFFFFFF << 32 - length), length)),
    st.integers(0, 15),
    st.integers(4, 10),
)


@given(st.lists(prefixes, unique=True, max_size=8))
def test_overlaps_are_found_exactly_when_there_are_any_and_in_any_order(networks: list) -> None:  # type: ignore[type-arg]
    """The sweep agrees with comparing each pair."""
    subnets = tuple(Subnet(network, Slug("x")) for network in networks)
    inventory = Inventory(subnets=subnets)
    found = list(overlaps(Scene(inventory, Inventory(), Places())))
    inner = {one for one in networks for other in networks if one is not other and one.subnet_of(other)}
    assert len(found) == len(inner)


@given(st.lists(prefixes, unique=True, min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_an_address_is_homeless_exactly_when_no_prefix_has_it(networks: list, number: int) -> None:  # type: ignore[type-arg]
    address = ip_network(number).network_address
    server = Server("a", Slug("x"), interfaces=(Interface("e", ipv4=address),))  # type: ignore[arg-type]  # a v4
    inventory = Inventory(subnets=tuple(Subnet(each, Slug("x")) for each in networks), servers=(server,))
    told = list(homeless(Scene(inventory, Inventory(), Places())))
    assert bool(told) == (not any(address in network for network in networks))
