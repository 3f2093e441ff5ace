"""The architecture table."""

from __future__ import annotations

import pytest

from nearboot.boot.nbp import IPXE_SCRIPT, nbp_of, nbp_paths, rules4, rules6


@pytest.mark.parametrize(
    ("arch", "path4", "path6"),
    [
        pytest.param(0, "pxelinux.0", None, id="bios"),
        pytest.param(7, "grubnetx64.efi", "grubnetx64.efi", id="uefi-x64"),
        pytest.param(9, "grubnetx64.efi", "grubnetx64.efi", id="ebc-meaning-x64"),
        pytest.param(11, "grubnetaa64.efi", "grubnetaa64.efi", id="uefi-arm64"),
        pytest.param(16, "ipxe.efi", "ipxe.efi", id="http-x64"),
        pytest.param(2, None, None, id="itanium"),
    ],
)
def test_an_architecture_gets_its_program(arch: int, path4: str | None, path6: str | None) -> None:
    """IANA's processor architecture types; BIOS has no PXE over IPv6."""
    assert next((rule.path for rule in rules4() if arch in rule.archs), None) == path4
    assert next((rule.path for rule in rules6() if arch in rule.archs), None) == path6


def test_no_architecture_stands_in_two_rules() -> None:
    """The first matching Kea class wins; with one rule an architecture, order carries no meaning."""
    for rules in (rules4(), rules6()):
        archs = [arch for rule in rules for arch in rule.archs]
        assert len(archs) == len(set(archs))


def test_only_http_architectures_want_a_url() -> None:
    """Types 15 and up are HTTP boot (RFC 5970's successors in the IANA registry)."""
    assert all(rule.http == (rule.archs[0] >= 15) for rule in (*rules4(), *rules6()) if rule.archs)


def test_another_file_can_stand_for_a_program() -> None:
    """An inventory may name shim, or iPXE, for a class."""
    paths = {"uefi-x64": "shimx64.efi"}
    assert {rule.name: rule.path for rule in rules4(paths)}["uefi-x64"] == "shimx64.efi"
    assert "shimx64.efi" in nbp_paths(paths)
    assert "pxelinux.0" in nbp_paths(paths)


def test_a_client_that_runs_ipxe_gets_a_script_whatever_its_architecture() -> None:
    """Known by its user class; the script is a configuration, and reading it shows no NBP."""
    for rules in (rules4(), rules6()):
        (rule,) = [rule for rule in rules if not rule.archs]
        assert rule.path == IPXE_SCRIPT
    assert IPXE_SCRIPT not in nbp_paths()


@pytest.mark.parametrize(("arch", "path"), [(0, "pxelinux.0"), (9, "grubnetx64.efi"), (11, "grubnetaa64.efi")])
def test_the_program_of_one_architecture_can_be_named(arch: int, path: str) -> None:
    """For a chain from iPXE to it."""
    assert nbp_of(arch) == path
