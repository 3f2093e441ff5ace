"""Secrets are named by where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from nearboot.app.secret import read_secret
from nearboot.errors import ConfigError


def test_a_secret_is_read_where_the_reference_says(tmp_path: Path) -> None:
    """From the environment, or a file without its line end."""
    (tmp_path / "key").write_bytes(b"0123456789abcdef\n")
    assert read_secret("env:KEY", {"KEY": "abc"}) == b"abc"
    assert read_secret(f"file:{tmp_path}/key") == b"0123456789abcdef"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        pytest.param("env:NONE", "the environment has no NONE", id="no variable"),
        pytest.param("file:/missing/key", "No such file", id="no file"),
        pytest.param("file:key", "env:NAME or file:/PATH", id="relative"),
        pytest.param("hunter2", "env:NAME or file:/PATH", id="the secret itself"),
    ],
)
def test_a_reference_to_nothing_is_a_fault_of_the_configuration(reference: str, message: str) -> None:
    """The message names the reference, and never what may be a secret."""
    with pytest.raises(ConfigError, match=message) as told:
        read_secret(reference, {})
    assert "hunter2" not in str(told.value)
