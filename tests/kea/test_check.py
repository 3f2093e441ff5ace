"""The checks as a whole: fixed fields, the control channel, and that any document can be checked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.kea.check import Severity, check4, check6
from nearboot.kea.document import Json

SUBNET: Json = {
    "id": 1,
    "subnet": "10.0.0.0/24",
    "next-server": "10.0.0.2",
    "pools": [{"pool": "10.0.0.100 - 10.0.0.150"}],
}
CHANNEL: Json = {"socket-type": "unix", "socket-name": "/run/kea/kea4-ctrl-socket"}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "subnet", "pools", "pool", "subnet4", "reservations", "client-classes", "option-data"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def config4(**changes: object) -> Json:
    named = {key.replace("_", "-"): value for key, value in changes.items()}
    return {"Dhcp4": {"control-socket": CHANNEL, "subnet4": [SUBNET], **named}}


def test_a_good_configuration_has_no_findings() -> None:
    """No noise."""
    assert check4(config4()) == ()


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        pytest.param({"control_socket": {}}, "control-socket", "told nothing more", id="no-control-socket"),
        pytest.param(
            {"control_socket": {"socket-name": "/" + "x" * 107}}, "control-socket.socket-name", "107", id="long-socket"
        ),
        pytest.param({"next_server": "boot.example.net"}, "next-server", "not an IPv4 address", id="a-host-name"),
        pytest.param({"next_server": 5}, "next-server", "not an IPv4 address", id="a-number"),
        pytest.param({"next_server": "0.0.0.0"}, "next-server", "no boot server", id="zero"),
        pytest.param({"boot_file_name": "x" * 128}, "boot-file-name", "128 octets", id="long-file"),
        pytest.param({"server_hostname": "x" * 64}, "server-hostname", "64 octets", id="long-sname"),
        pytest.param(
            {"client_classes": [{"name": "a", "boot-file-name": "x" * 128}]},
            "client-classes[0].boot-file-name",
            "128 octets",
            id="long-file-of-a-class",
        ),
        pytest.param(
            {"reservations": [{"hw-address": "02:00:00:00:00:01", "next-server": "x"}], "reservations_global": True},
            "reservations[0].next-server",
            "not an IPv4 address",
            id="a-hosts-next-server",
        ),
    ],
)
def test_what_kea_accepts_and_then_answers_nobody_with(change: dict[str, object], path: str, words: str) -> None:
    """Each is named with its place."""
    findings = check4(config4(**change))
    assert [finding.path for finding in findings] == [path]
    assert words in findings[0].text and findings[0].severity is Severity.ERROR


def test_kea_3s_list_of_control_sockets_is_a_control_channel() -> None:
    """``control-sockets`` replaces ``control-socket`` there."""
    assert check4({"Dhcp4": {"control-sockets": [CHANNEL], "subnet4": [SUBNET]}}) == ()


def test_a_configuration_of_the_other_daemon_is_refused() -> None:
    """A mixed-up file name is said plainly."""
    assert "kea-dhcp6" in check6(config4())[0].text


@given(JSON_VALUES)
def test_any_document_can_be_checked(value: object) -> None:
    """Whatever stands in the file, the answer is findings, not an exception."""
    assert isinstance(check4({"Dhcp4": value}), tuple)
    assert isinstance(check6({"Dhcp6": {"subnet6": value, "client-classes": value, "reservations": value}}), tuple)
