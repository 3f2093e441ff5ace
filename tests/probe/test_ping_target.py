"""Where probes go: target files with all their faults at once, and the inventory's boot servers."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from nearboot.errors import InputError
from nearboot.model import BootServer, Slug
from nearboot.probe.ping_round import Target
from nearboot.probe.ping_target import of_boot_servers, parse

TEXT = """
# place address port
fra  192.0.2.7
fra  [2001:DB8::7]   # in brackets or not
lhr  192.0.2.9  31400
"""


def test_a_file_is_read() -> None:
    """Comments and empty lines are nothing; addresses are spelled the usual way."""
    assert parse("t", TEXT, port=31338) == [
        Target("fra", "192.0.2.7", "192.0.2.7", 31338),
        Target("fra", "2001:db8::7", "2001:db8::7", 31338),
        Target("lhr", "192.0.2.9", "192.0.2.9", 31400),
    ]
    assert [target.family for target in parse("t", TEXT, port=1, families=(6,))] == [6]


def test_all_faults_are_told_at_once() -> None:
    """Each with its line."""
    with pytest.raises(InputError) as caught:
        parse("t", "fra\nfra host.example\nfra 192.0.2.1 0\nfra 192.0.2.1\nlhr 192.0.2.1\na b c d\n", port=31338)
    assert [fault.line for fault in caught.value.faults] == [1, 2, 3, 5, 6]
    assert "192.0.2.1 port 31338 once more" in str(caught.value)


def test_an_empty_file_is_a_fault() -> None:
    """It would be a pinger that does nothing."""
    with pytest.raises(InputError, match="no target"):
        parse("t", "# none\n", port=31338)


def test_boot_servers_have_a_target_for_each_address() -> None:
    """Of the families that are wanted."""
    both = BootServer(Slug("b"), Slug("fra"), IPv4Address("192.0.2.7"), IPv6Address("2001:db8::7"))
    six = BootServer(Slug("c"), Slug("lhr"), None, IPv6Address("2001:db8::9"))
    assert [(target.name, target.family) for target in of_boot_servers([both, six], port=1)] == [
        ("b", 4),
        ("b", 6),
        ("c", 6),
    ]
    assert [target.name for target in of_boot_servers([both, six], port=1, families=(4,))] == ["b"]
