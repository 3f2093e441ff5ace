"""Flags of ``serve tftp`` over the settings."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import click
import pytest
from click.testing import CliRunner

from nearboot.cli.limits import OPTIONS, limit_options, limited
from nearboot.config import TftpConfig


def parsed(*words: str, base: TftpConfig | None = None) -> TftpConfig:
    """What a command with the flags makes of its words."""
    found: list[TftpConfig] = []

    @click.command()
    @limit_options
    def command(**flags: Any) -> None:
        found.append(limited(base or TftpConfig(), flags))

    ran = CliRunner().invoke(command, words)
    if ran.exit_code:
        raise ValueError(ran.output)
    return found[0]


def test_no_flag_changes_nothing() -> None:
    """Also what the file sets."""
    base = TftpConfig(allow=("10.0.0.0/8",), known_only=True, sessions=7, errors_per_second=0.0)
    assert parsed() == TftpConfig()
    assert parsed(base=base) == base


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("--allow 10.0.0.0/8 --allow fd00::/8", {"allow": ("10.0.0.0/8", "fd00::/8")}, id="allow"),
        pytest.param("--known-only", {"known_only": True}, id="known-only"),
        pytest.param("--requests-per-second 0", {"requests_per_second": 0.0}, id="requests"),
        pytest.param("--errors-per-second 0.5", {"errors_per_second": 0.5}, id="errors"),
        pytest.param("--unacked-kib 0", {"unacked_kib": 0}, id="unacked"),
        pytest.param("--sessions 9 --sessions-per-client 3", {"sessions": 9, "sessions_per_client": 3}, id="sessions"),
    ],
)
def test_a_flag_goes_before_its_setting(words: str, expected: dict[str, object]) -> None:
    """0 is said, not silent."""
    got = parsed(*words.split())
    assert {name: getattr(got, name) for name in expected} == expected


def test_the_file_may_be_overruled() -> None:
    """A boot server that an operator tries by hand."""
    assert not parsed("--anyone", base=TftpConfig(known_only=True)).known_only


@pytest.mark.parametrize("words", ["--sessions 0", "--errors-per-second -1", "--unacked-kib -1", "--sessions x"])
def test_what_is_no_limit_is_refused(words: str) -> None:
    """By click, with the flag's name."""
    with pytest.raises(ValueError, match=words.split(maxsplit=1)[0]):
        parsed(*words.split())


def test_each_flag_is_a_setting() -> None:
    """Nothing can be said on the command line alone."""
    settings = {field.name for field in fields(TftpConfig)}

    @click.command()
    @limit_options
    def command(**flags: Any) -> None:
        assert set(flags) <= settings
        assert len(flags) == len(OPTIONS)

    assert CliRunner().invoke(command, []).exit_code == 0
