"""Settings come from defaults, a file and the environment, in this order."""

from __future__ import annotations

from pathlib import Path

import pytest

from nearboot.app.settings import SHIPPED, folder, load_config
from nearboot.config import Config
from nearboot.errors import ConfigError


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """NEARBOOT_DATABASE_URL names the database whatever the file says."""
    file = tmp_path / "n.yaml"
    file.write_text("database_url: sqlite:///other.db\nstate_dir: state\n")
    config = load_config(None, {"NEARBOOT_CONFIG": str(file), "NEARBOOT_DATABASE_URL": "postgresql://db/x"})
    assert config.database == "postgresql://db/x"
    assert config.state_dir == str(tmp_path / "state"), "relative to the file's folder"


def test_the_cache_is_where_the_file_says(tmp_path: Path) -> None:
    """Relative to it, as other folders; by default in the state folder."""
    (tmp_path / "n.yaml").write_text("state_dir: state\ncache: {dir: cached}\n")
    assert load_config(str(tmp_path / "n.yaml"), {}).cache_dir == tmp_path / "cached"
    assert Config(state_dir="/x").cache_dir == Path("/x/cache")


def test_a_missing_file_is_named() -> None:
    """The flag's file must exist."""
    with pytest.raises(ConfigError, match=r"no-such\.yaml cannot be read: No such file or directory$"):
        load_config("no-such.yaml", {})


@pytest.mark.parametrize("noun", SHIPPED)
def test_shipped_folders_are_found(noun: str) -> None:
    """A checkout and an installed wheel both carry them."""
    assert folder(Config(), noun).is_dir()


def test_a_configured_folder_must_exist() -> None:
    """A wrong path is said at once, not at the first boot."""
    with pytest.raises(ConfigError, match="templates"):
        folder(Config(templates="/no/such"), "templates")
