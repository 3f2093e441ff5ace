"""The database itself: opening it, its schema's revisions, and transactions. What is in it: store and its siblings.

SQLite is set up for several processes at once: write-ahead log, ten seconds of patience for a lock, foreign keys on.
The migrations' folder is given by the caller, because it ships as package data and can be overridden.

    engine = open_engine("sqlite:////var/lib/nearboot/nearboot.db")
    upgrade(engine, migrations)
    with writing(engine) as session: ...
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from nearboot.errors import DatabaseError
from nearboot.inventory.boot_orm import EventRow
from nearboot.inventory.database_url import shown

BUSY_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_S = 10
LOCKS = {"upgrade": 7_305_204_131, "inventory": 7_305_204_132, "latency": 7_305_204_133, "route": 7_305_204_134}
SUPPORTED = ("sqlite", "postgresql")
NEAR = {"postgres": "did you mean postgresql://"}  # libpq takes both spellings, SQLAlchemy one

METADATA = EventRow.metadata  # Row's, which only boot_orm completes


def open_engine(url: str) -> Engine:
    """Open a database and make sure that it answers; ``DatabaseError`` says what is wrong, never a password."""
    parsed = _parse_url(url)
    name = shown(url)  # as its author wrote it, without the driver that was chosen
    try:
        # A long-lived server outlives its database's restarts: each connection is tried before it is used.
        engine = create_engine(parsed, pool_pre_ping=True, connect_args=_connect_args(parsed))
    except (NoSuchModuleError, ImportError) as error:
        raise DatabaseError(f"no driver for the database {name}: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        with engine.connect():
            return engine
    except SQLAlchemyError as error:
        engine.dispose()
        reason = str(getattr(error, "orig", None) or error).strip()
        raise DatabaseError(f"cannot open the database {name}: {reason}") from error


@contextmanager
def answering() -> Iterator[None]:
    """Turn what the database refuses (locked too long, disk full, connection lost) into a ``DatabaseError``."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseError(f"the database refused: {str(error.orig).strip()}") from error


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """One transaction that only reads; never waits for a writer."""
    with answering(), Session(engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """One transaction that writes: committed at the end, rolled back when an exception leaves the block."""
    with answering(), Session(engine, expire_on_commit=False) as session, session.begin():
        # SQLite: take the write lock now. A reader that turns writer after another process has written
        # fails at once, whatever the timeout (SQLITE_BUSY_SNAPSHOT).
        session.connection(execution_options={"sqlite_immediate": True})
        yield session


def lock(connection: Connection | Session, purpose: str) -> None:
    """Let one transaction at a time go past here. SQLite needs nothing: ``writing`` already is alone."""
    bind = connection.get_bind() if isinstance(connection, Session) else connection
    if bind.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCKS[purpose]})


def upgrade(engine: Engine, migrations: Path, *, to: str = "head") -> tuple[str | None, str]:
    """Bring the schema to a revision (the newest); gives those before and after. One transaction, one at a time."""
    script = _scripts(migrations)
    target = str(script.get_current_head() if to == "head" else to)
    with answering(), engine.connect().execution_options(sqlite_immediate=True) as connection, connection.begin():
        lock(connection, "upgrade")
        before = _revision(connection)
        _refuse_newer(before, script)
        if before != target:
            command.upgrade(_config(migrations, connection), target)
    return before, target


def current_revision(engine: Engine) -> str | None:
    """The revision that the database is at; None without a schema."""
    with answering(), engine.connect() as connection:
        return _revision(connection)


def check(engine: Engine, migrations: Path) -> list[str]:
    """How the database's schema differs from the rows' declaration, one text a difference (as ``alembic check``)."""
    require_current(engine, migrations)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": METADATA})
        return [str(difference) for difference in compare_metadata(context, METADATA)]


def require_current(engine: Engine, migrations: Path) -> None:
    """Raise ``DatabaseError`` unless the schema is at the newest revision."""
    script = _scripts(migrations)
    found, head = current_revision(engine), script.get_current_head()
    if found == head:
        return
    _refuse_newer(found, script)
    state = f"is at schema revision {found}, this nearboot needs {head}" if found else "has no schema yet"
    raise DatabaseError(f"the database {state}: run nearboot db upgrade")


def _parse_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseError(
            "the database URL is not readable; expected such as sqlite:////var/lib/nearboot/nearboot.db "
            "or postgresql://user@host/name"
        ) from error
    if parsed.get_backend_name() not in SUPPORTED:
        hint = NEAR.get(parsed.get_backend_name(), f"use {' or '.join(SUPPORTED)}")
        raise DatabaseError(f"database {parsed.get_backend_name()!r} is not supported; {hint}: {shown(url)}")
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed


def _connect_args(url: URL) -> dict[str, int]:
    """psycopg by itself waits for as long as TCP does, minutes."""
    asked = url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query
    return {"connect_timeout": CONNECT_TIMEOUT_S} if asked and url.get_driver_name() == "psycopg" else {}


def _prepare_sqlite(connection: object, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # sqlite3's; BEGIN is ours, see _begin_sqlite
    cursor = connection.cursor()  # type: ignore[attr-defined]  # the DB API has no types here
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("sqlite_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _config(migrations: Path, connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes.update(connection=connection, target_metadata=METADATA)
    return config


def _scripts(migrations: Path) -> ScriptDirectory:
    if not (migrations / "env.py").is_file():
        raise DatabaseError(f"no migrations in {migrations}: env.py is missing")
    return ScriptDirectory(str(migrations))


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(found: str | None, script: ScriptDirectory) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    if found is not None and found not in known:
        raise DatabaseError(
            f"the database is at schema revision {found}, which this nearboot does not know: it is newer"
        )
