"""Settings become limits."""

from __future__ import annotations

import pytest

from nearboot.app.limits import limits_of, prefixes
from nearboot.config import TftpConfig
from nearboot.errors import ConfigError
from nearboot.tftp import Limits


def test_the_defaults_are_the_servers_own() -> None:
    """But for the memory, of which a boot server has more than a library takes."""
    made, own = limits_of(TftpConfig()), Limits()
    assert made.cache_bytes == 512 << 20
    assert [made.sessions, made.sessions_per_client] == [own.sessions, own.sessions_per_client]
    assert made.requests_per_second == own.requests_per_second
    assert made.errors_per_second == own.errors_per_second
    assert made.unacked_bytes == own.unacked_bytes
    assert made.allowed == own.allowed
    assert made.policy == own.policy


def test_each_setting_reaches_its_limit() -> None:
    """With its unit."""
    made = limits_of(
        TftpConfig(
            max_windowsize=8,
            max_blksize=1000,
            cache_mib=1,
            allow=("10.0.0.0/8",),
            requests_per_second=1.0,
            errors_per_second=2.0,
            unacked_kib=3,
            sessions=4,
            sessions_per_client=5,
        )
    )
    assert (made.policy.windowsize, made.policy.blksize) == (8, 1000)
    assert [str(prefix) for prefix in made.allowed] == ["10.0.0.0/8"]
    assert (made.cache_bytes, made.unacked_bytes) == (1 << 20, 3 << 10)
    assert (made.requests_per_second, made.errors_per_second) == (1.0, 2.0)
    assert (made.sessions, made.sessions_per_client) == (4, 5)


def test_workers_share_what_an_address_may_cause() -> None:
    """All of them together keep the settings."""
    made = limits_of(TftpConfig(workers=4))
    assert (made.requests_per_second, made.errors_per_second, made.unacked_bytes) == (250.0, 50.0, 128 << 10)


def test_a_prefix_that_is_none_is_a_fault_of_the_configuration() -> None:
    """Named, with what was expected."""
    assert [str(prefix) for prefix in prefixes(("10.0.0.0/8", "2001:db8::/32"))] == ["10.0.0.0/8", "2001:db8::/32"]
    with pytest.raises(ConfigError, match=r"tftp.allow: .*10.0.0.1/8"):
        prefixes(("10.0.0.1/8",))
