"""The defaults of the Kea settings."""

from __future__ import annotations

from nearboot.kea.settings import KeaInputs, KeaSettings, SocketType, UnknownClients
from nearboot.model import Inventory


def test_defaults_answer_direct_and_relayed_clients() -> None:
    """Without a word from the operator every interface is listened on, raw, and strangers get an address."""
    settings = KeaSettings()
    assert settings.interfaces4 == settings.interfaces6 == ("*",)
    assert settings.socket_type is SocketType.RAW
    assert settings.unknown_clients is UnknownClients.POOL


def test_control_sockets_are_those_that_debians_apparmor_profile_allows() -> None:
    """The profile of Debian 12 knows one name for each daemon."""
    assert KeaSettings().control_socket4 == "/run/kea/kea4-ctrl-socket"
    assert KeaSettings().control_socket6 == "/run/kea/kea6-ctrl-socket"


def test_an_empty_fleet_is_a_valid_input() -> None:
    """A new installation has no routes and no rules yet."""
    assert KeaInputs(Inventory()).routes == ()
