"""What the user that root was given up for must be able to use; the whole daemon is in test_workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nearboot.app.rights import check_rights
from nearboot.config import Config
from nearboot.errors import ConfigError


def test_what_can_be_used_is_no_trouble(tmp_path: Path) -> None:
    """Whether the database is there already or not."""
    config = Config(state_dir=str(tmp_path))
    check_rights(config, tmp_path)
    (tmp_path / "nearboot.db").write_bytes(b"")
    check_rights(config, tmp_path)


@pytest.mark.parametrize("url", ["postgresql://user@host/name", "sqlite://", "no url"])
def test_a_database_that_is_no_file_has_no_rights(tmp_path: Path, url: str) -> None:
    """Whoever opens it says what is wrong with it."""
    check_rights(replace(Config(state_dir=str(tmp_path)), database_url=url), tmp_path)


def test_a_missing_root_is_told(tmp_path: Path) -> None:
    """By its path, and for whom."""
    with pytest.raises(ConfigError, match="missing: No such file or directory, for user "):
        check_rights(Config(state_dir=str(tmp_path)), tmp_path / "missing")
