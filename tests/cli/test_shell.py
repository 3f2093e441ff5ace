"""What commands take from the process."""

from __future__ import annotations

import click
import pytest

from nearboot.cli.shell import actor, config_of, now


def test_the_user_behind_sudo_is_the_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit log names a person, not root."""
    monkeypatch.setenv("SUDO_USER", "ada")
    assert actor() == "ada"


def test_the_clock_is_aware_utc() -> None:
    """Times without a zone never enter."""
    assert now().utcoffset() is not None


def test_a_command_finds_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment counts where no flag is given."""
    monkeypatch.setenv("NEARBOOT_STATE_DIR", "/srv/nb")
    monkeypatch.delenv("NEARBOOT_CONFIG", raising=False)
    assert config_of(click.Context(click.Command("x"), obj=None)).state_dir == "/srv/nb"
