"""Reading Kea's configuration documents."""

from __future__ import annotations

import pytest

from nearboot.errors import InputError
from nearboot.kea.config import build4, build6
from nearboot.kea.document import (
    body,
    control_socket,
    family_of,
    folders,
    holders,
    load,
    named_interfaces,
    subnets,
    with_loopback,
)
from nearboot.kea.settings import KeaInputs, KeaSettings


def test_comments_are_read_over_as_kea_does() -> None:
    """Three kinds; not inside a text."""
    text = '{ // one\n "Dhcp4": { # two\n /* three\n lines */ "comment": "http://a/#b /* c */ \\" // d" } }'
    assert load(text, file="k") == {"Dhcp4": {"comment": 'http://a/#b /* c */ " // d'}}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param('{\n /* a\n b */\n "Dhcp4": }', 4, id="syntax-after-a-comment-of-two-lines"),
        pytest.param("[]", 1, id="a-list"),
        pytest.param("", 1, id="empty"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_line(text: str, line: int) -> None:
    """File and line, as for every document."""
    with pytest.raises(InputError) as raised:
        load(text, file="kea.conf")
    assert [(fault.file, fault.line) for fault in raised.value.faults] == [("kea.conf", line)]


def test_the_family_is_read_from_the_outer_key() -> None:
    """A document that is of neither daemon is family 0."""
    assert [family_of({"Dhcp4": {}}), family_of({"Dhcp6": {}}), family_of({})] == [4, 6, 0]


def test_every_named_interface_is_found(fleet: KeaInputs) -> None:
    """In the list, with or without an address, and on subnets."""
    attached = {fleet.inventory.subnets[2].prefix: "br7"}
    config = build6(fleet, KeaSettings(interfaces6=("eth0", "eth1/fd10::1", "*"), attached=attached))
    assert named_interfaces(config) == ("eth0", "eth1", "br7")


def test_missing_interfaces_become_the_loopback_and_nothing_else_changes(fleet: KeaInputs) -> None:
    """Twice lo would be refused, so it is named once; interfaces that exist stay."""
    attached = {fleet.inventory.subnets[2].prefix: "br7"}
    config = build6(fleet, KeaSettings(interfaces6=("eth0", "br7", "eth1/fd10::1", "br8"), attached=attached))
    changed = with_loopback(config, frozenset({"br7", "eth1", "br8"}))
    assert body(changed)["interfaces-config"] == {"interfaces": ["eth0", "lo"]}
    assert [subnet.get("interface") for _, subnet in subnets(body(changed), 6)] == ["lo", None]
    assert named_interfaces(config) == ("eth0", "br7", "eth1", "br8")  # the original is untouched
    assert {k: v for k, v in body(changed).items() if k not in ("interfaces-config", "subnet6")} == {
        k: v for k, v in body(config).items() if k not in ("interfaces-config", "subnet6")
    }


def test_the_folders_of_a_configuration_are_named_for_kea(fleet: KeaInputs) -> None:
    """Kea 2.6 opens files only in folders that its environment names."""
    assert folders(build4(fleet, KeaSettings(log_output4="/srv/log/k.log"))) == {
        "KEA_LOG_FILE_DIR": "/srv/log",
        "KEA_CONTROL_SOCKET_DIR": "/run/kea",
        "KEA_DHCP_DATA_DIR": "/var/lib/kea",
    }
    assert "KEA_LOG_FILE_DIR" not in folders(build4(fleet, KeaSettings(log_output4="stdout")))


def test_subnets_of_shared_networks_are_found_with_their_path() -> None:
    """A checker names where a thing stands."""
    document = {"subnet4": [{"id": 1}], "shared-networks": [{"name": "n", "subnet4": [{"id": 2}]}]}
    found = [(path, subnet["id"]) for path, subnet in subnets(document, 4)]
    assert found == [("subnet4[0]", 1), ("shared-networks[0].subnet4[0]", 2)]


def test_holders_are_all_places_that_carry_options() -> None:
    """Global, class, host, network, subnet, pool and the subnet's hosts."""
    document = {
        "client-classes": [{}],
        "reservations": [{}],
        "shared-networks": [{}],
        "subnet4": [{"pools": [{}], "reservations": [{}]}],
    }
    assert [path for path, _ in holders(document, 4)] == [
        "",
        "client-classes[0]",
        "reservations[0]",
        "shared-networks[0]",
        "subnet4[0]",
        "subnet4[0].pools[0]",
        "subnet4[0].reservations[0]",
    ]


@pytest.mark.parametrize("odd", [{}, {"Dhcp4": 5}, {"Dhcp4": {"control-socket": []}}, {"Dhcp4": {"subnet4": {}}}])
def test_what_is_of_another_type_reads_as_nothing(odd: dict[str, object]) -> None:
    """The checks name it; reading never fails."""
    assert control_socket(odd) is None
    assert list(subnets(body(odd), 4)) == []
    assert named_interfaces(odd) == () and folders(odd) == {}
