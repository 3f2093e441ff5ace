"""Opening databases, upgrading their schema, and writing from several connections at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from nearboot.errors import DatabaseError
from nearboot.inventory import schema_store
from nearboot.inventory.orm import TierRow

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = ScriptDirectory(str(ROOT / "migrations"))
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]

Open = Callable[[str], Engine]


def test_upgrade_from_nothing_gives_the_declared_schema(
    empty_database_url: str, open_engine: Open, migrations: Path
) -> None:
    """The migrations and the rows' declaration agree, on both databases (what ``alembic check`` checks)."""
    engine = open_engine(empty_database_url)
    assert schema_store.upgrade(engine, migrations) == (None, REVISIONS[-1])
    assert schema_store.check(engine, migrations) == []
    assert schema_store.current_revision(engine) == REVISIONS[-1]


@pytest.mark.parametrize("revision", REVISIONS)
def test_upgrade_from_every_earlier_revision(
    revision: str, empty_database_url: str, open_engine: Open, migrations: Path
) -> None:
    """Whoever stopped upgrading at any revision gets to the newest."""
    engine = open_engine(empty_database_url)
    schema_store.upgrade(engine, migrations, to=revision)
    assert schema_store.current_revision(engine) == revision
    assert schema_store.upgrade(engine, migrations) == (revision, REVISIONS[-1])
    assert schema_store.check(engine, migrations) == []


def test_a_difference_is_found(engine: Engine, migrations: Path) -> None:
    """check() tells of what the database has and the declaration has not."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE stray (id INTEGER)"))
    assert any("stray" in difference for difference in schema_store.check(engine, migrations))


def test_without_schema_the_user_is_told_to_upgrade(
    empty_database_url: str, open_engine: Open, migrations: Path
) -> None:
    with pytest.raises(DatabaseError, match="no schema yet: run nearboot db upgrade"):
        schema_store.require_current(open_engine(empty_database_url), migrations)


def test_a_newer_schema_is_refused(engine: Engine, migrations: Path) -> None:
    """An older nearboot must not write into a newer schema."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    with pytest.raises(DatabaseError, match="newer"):
        schema_store.require_current(engine, migrations)
    with pytest.raises(DatabaseError, match="newer"):
        schema_store.upgrade(engine, migrations)


def test_a_current_schema_is_accepted(engine: Engine, migrations: Path) -> None:
    schema_store.require_current(engine, migrations)
    assert schema_store.upgrade(engine, migrations) == (REVISIONS[-1], REVISIONS[-1])


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("not a url", "not readable", id="unreadable"),
        pytest.param("postgresql://u:hunter2@host:port/x", "not readable", id="bad-port"),
        pytest.param("mysql://u:hunter2@host/x", "'mysql' is not supported", id="other-product"),
        pytest.param("postgresql+nosuch://u:hunter2@host/x", "no driver", id="no-such-driver"),
        pytest.param("postgresql+pg8000://u:hunter2@host/x", "no driver", id="driver-not-installed"),
        pytest.param("sqlite:////nonexistent/folder/x.db", "cannot open the database sqlite:////none", id="no-folder"),
        pytest.param("postgresql://u:hunter2@127.0.0.1:1/x", r"u:\*\*\*@127.0.0.1", id="nobody-listens"),
    ],
)
def test_a_database_that_cannot_be_opened_is_named_without_password(url: str, message: str) -> None:
    with pytest.raises(DatabaseError, match=message) as caught:
        schema_store.open_engine(url)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, though it is long enough to look like one" * 20)
    with pytest.raises(DatabaseError, match="file is not a database"):
        schema_store.open_engine(f"sqlite:///{path}")


def test_what_the_database_refuses_is_told_without_a_traceback(engine: Engine) -> None:
    """Whether at a statement or at the commit; what is the program's own error stays what it is."""
    with pytest.raises(DatabaseError, match="refused"), schema_store.writing(engine) as session:
        session.add(TierRow(slug="web", name=""))
        session.add(TierRow(slug="web", name=""))
    with pytest.raises(DatabaseError, match="refused"), schema_store.reading(engine) as session:
        session.execute(text("SELECT * FROM none"))


def test_a_connection_that_the_database_closed_is_replaced(database_url: str, open_engine: Open) -> None:
    """A long-lived server goes on after PostgreSQL was restarted."""
    engine, other = open_engine(database_url), open_engine(database_url)
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with other.connect() as connection:
            assert connection.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    with schema_store.reading(engine) as session:
        assert session.query(TierRow).count() == 0


def test_postgresql_url_without_driver_uses_psycopg(postgres: str, open_engine: Open) -> None:
    engine = open_engine(f"postgresql://nearboot@/postgres?host={postgres}")
    assert engine.url.drivername == "postgresql+psycopg"


def test_writing_commits_or_rolls_back(engine: Engine) -> None:
    with schema_store.writing(engine) as session:
        session.add(TierRow(slug="web", name=""))
    with pytest.raises(RuntimeError), schema_store.writing(engine) as session:
        session.add(TierRow(slug="db", name=""))
        raise RuntimeError
    with schema_store.reading(engine) as session:
        assert [row.slug for row in session.query(TierRow)] == ["web"]


def test_writers_wait_for_each_other(engine: Engine) -> None:
    """Read, then write, in many transactions at once: none fails, none is lost."""

    def _add(worker: int) -> None:
        for n in range(5):
            with schema_store.writing(engine) as session:
                session.query(TierRow).count()
                session.add(TierRow(slug=f"t{worker}-{n}", name=""))

    workers = [threading.Thread(target=_add, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with Session(engine) as session:
        assert session.query(TierRow).count() == 20
