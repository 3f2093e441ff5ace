"""Opening the database that the configuration names: its schema is checked before anything is read.

with database(config) as engine, writing(engine) as session: ...
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from nearboot.app.settings import folder
from nearboot.config import Config
from nearboot.errors import DatabaseError
from nearboot.inventory import schema_store
from nearboot.inventory.database_url import shown


@contextmanager
def database(config: Config, *, checked: bool = True) -> Iterator[Engine]:
    """Open the database, refuse one whose schema is not current, close it at the end."""
    if checked:
        _require_file(config.database)
    else:
        _make_folder(config.database)
    engine = schema_store.open_engine(config.database)
    try:
        if checked:
            schema_store.require_current(engine, folder(config, "migrations"))
        yield engine
    finally:
        engine.dispose()


@contextmanager
def reading(config: Config) -> Iterator[Session]:
    """One transaction that only reads, on a database opened for it."""
    with database(config) as engine, schema_store.reading(engine) as session:
        yield session


@contextmanager
def writing(config: Config) -> Iterator[Session]:
    """One transaction that writes, on a database opened for it; rolled back when the block raises."""
    with database(config) as engine, schema_store.writing(engine) as session:
        yield session


def upgrade(config: Config) -> tuple[str | None, str]:
    """Bring the schema to the newest revision; gives the revision before (None: there was no schema) and after."""
    with database(config, checked=False) as engine:
        return schema_store.upgrade(engine, folder(config, "migrations"))


def check(config: Config) -> list[str]:
    """How the schema differs from the one that this nearboot declares; empty when it does not."""
    with database(config) as engine:
        return schema_store.check(engine, folder(config, "migrations"))


def revision(config: Config) -> tuple[str, str | None]:
    """The database's URL without its password, and its schema's revision."""
    with database(config, checked=False) as engine:
        return shown(config.database), schema_store.current_revision(engine)


def _require_file(url: str) -> None:
    """An embedded database is made by ``db upgrade`` alone: a wrong path leaves no empty one behind."""
    path = _file_of(url)
    if path is not None and not path.exists():
        raise DatabaseError(f"the database {shown(url)} does not exist: to make it, run nearboot db upgrade")


def _make_folder(url: str) -> None:
    path = _file_of(url)
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"cannot make the folder of the database {path}: {error.strerror}") from error


def _file_of(url: str) -> Path | None:
    """The file of an embedded database; None for others, and for URLs that are wrong: open_engine says how."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return None
    return Path(parsed.database)
