"""Errors carry their facts and read as one clear sentence."""

from __future__ import annotations

from nearboot.errors import Fault, InputError, NotFoundError, ToolError


def test_a_fault_names_file_line_field_found_and_expected() -> None:
    """Everything that a person needs to mend it."""
    fault = Fault("a.yaml", 3, "servers[0].mac", "'zz'", "a MAC address")
    assert str(fault) == "a.yaml:3: servers[0].mac: found 'zz'; expected a MAC address"
    assert str(Fault("a.yaml", 0, "", "nothing", "a mapping")) == "a.yaml: found nothing; expected a mapping"


def test_all_faults_come_together() -> None:
    """One line a fault, in order."""
    faults = [Fault("a", n, "f", "x", "y") for n in (1, 2)]
    error = InputError(faults)
    assert error.faults == tuple(faults)
    assert len(str(error).splitlines()) == 2


def test_a_missing_name_offers_near_ones() -> None:
    """The hint is left out where there is none."""
    assert str(NotFoundError("server", "web1", ["web01"])) == "no server named 'web1'; did you mean web01?"
    assert str(NotFoundError("server", "web1")) == "no server named 'web1'"
    assert str(NotFoundError("server", "a", others=["b"])) == "no server named 'a', 'b'"
    assert str(NotFoundError("server", "a", others=["b"] * 20)).endswith(" 'b' and 11 more")


def test_a_tool_error_shows_what_the_tool_said() -> None:
    """The program's own words come below the message."""
    assert str(ToolError("kea-dhcp4", "refused the file", "line 3\n")) == "kea-dhcp4: refused the file\nline 3"
