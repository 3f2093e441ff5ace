"""What the host offers."""

from __future__ import annotations

import pytest

from nearboot.lab.host_runner import check_privileges, host_facts, missing_packages


def test_missing_packages_are_names_that_apt_takes() -> None:
    """Whatever is missing on this host, each name is one Debian package, once."""
    missing = missing_packages()
    assert len(set(missing)) == len(missing)
    assert all(name and " " not in name for name in missing)


def test_facts_are_read_from_this_host() -> None:
    """/proc/cpuinfo is there on every Linux."""
    assert "processor" in host_facts().cpuinfo


@pytest.mark.root
def test_root_may_run_a_lab() -> None:
    """No complaint where the tests that need root run."""
    check_privileges()
