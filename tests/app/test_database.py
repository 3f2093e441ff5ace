"""Opening the configured database: its folder is made, its schema is checked, a failed block leaves no trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from nearboot.app import database
from nearboot.config import Config
from nearboot.errors import DatabaseError
from nearboot.inventory import store


def test_an_embedded_database_is_made_where_the_configuration_says(tmp_path: Path) -> None:
    """No command need make folders first."""
    config = Config(state_dir=str(tmp_path / "a" / "b"))
    before, after = database.upgrade(config)
    assert before is None and database.upgrade(config) == (after, after)
    assert (tmp_path / "a" / "b" / "nearboot.db").exists()
    assert database.revision(config) == (f"sqlite:///{tmp_path}/a/b/nearboot.db", after)
    assert database.check(config) == []


def test_nothing_is_read_before_the_schema_is_there(tmp_path: Path) -> None:
    """The message says what to do."""
    config = Config(state_dir=str(tmp_path))
    with pytest.raises(DatabaseError, match="run nearboot db upgrade"), database.reading(config):
        pass


def test_a_block_that_fails_changes_nothing(fleet: Config) -> None:
    """One transaction, on both databases."""
    inventory = None
    with pytest.raises(RuntimeError, match="no"), database.writing(fleet) as session:
        inventory = store.read_inventory(session)
        store.apply(session, type(inventory)(), prune=True)
        raise RuntimeError("no")
    with database.reading(fleet) as session:
        assert store.read_inventory(session) == inventory


def test_a_password_is_never_shown() -> None:
    """Nor is it where the database cannot be reached."""
    config = Config(database_url="postgresql://me:s3cret@127.0.0.1:1/x")
    with pytest.raises(DatabaseError) as caught:
        database.revision(config)
    assert "s3cret" not in str(caught.value)
