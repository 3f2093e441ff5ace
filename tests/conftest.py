"""Databases for the tests: SQLite files, and a real PostgreSQL that this session starts and stops.

``database_url``        a new database with the current schema; the test runs once on SQLite and once on PostgreSQL
``empty_database_url``  the same without a schema
``engine``, ``session`` opened on ``database_url``
``migrations``          the folder of migrations

And the command line:

``nearboot``            runs a command on ``database_url``, with a state folder of the test's own
``quickstart``          the same with the example inventory and its latency map loaded
``daemon``              starts ``nearboot serve ...`` as a process, which is ended with the test
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from nearboot.cli.root import run
from nearboot.inventory import schema_store

ROOT = Path(__file__).parent.parent
USER = "nearboot"
ROOM = 1 << 29  # bytes; containers often have 64 MB of shared memory
START_ATTEMPTS = 600  # of 50 ms
TEMPLATE = "migrated"
OPTIONS = {  # durability is of no use here
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
    "max_connections": "40",
}

_numbers = count(1)


@pytest.fixture(scope="session")
def migrations() -> Path:
    return ROOT / "migrations"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The socket folder of a PostgreSQL of this test session; one superuser, no password, no TCP."""
    with _folder() as folder:
        data = folder / "data"
        initdb = [_binary("initdb"), "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run([*_unprivileged(), *initdb], check=True, capture_output=True, cwd=folder)
        with (folder / "log").open("wb") as log:
            settings = [text for name, value in OPTIONS.items() for text in ("-c", f"{name}={value}")]
            command = [*_unprivileged("--pdeathsig", "QUIT"), _binary("postgres"), "-D", data, "-k", folder, *settings]
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _await_ready(process, folder)
            yield str(folder)
        finally:
            process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown: does not wait for clients
            _end(process)


@pytest.fixture(scope="session")
def postgres_template(postgres: str, migrations: Path) -> str:
    """The name of a PostgreSQL database with the current schema, to be copied."""
    _create(postgres, TEMPLATE)
    _migrate(_postgres_url(postgres, TEMPLATE), migrations)
    return TEMPLATE


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, migrations: Path) -> Path:
    """A SQLite file with the current schema, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrate(f"sqlite:///{path}", migrations)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if backend == "sqlite":
        path = tmp_path / "nearboot.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
    else:
        template = request.getfixturevalue("postgres_template")
        with _database(request.getfixturevalue("postgres"), template) as url:
            yield url


@pytest.fixture
def empty_database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        with _database(request.getfixturevalue("postgres"), "template0") as url:
            yield url


@pytest.fixture
def open_engine() -> Iterator[Callable[[str], Engine]]:
    """Opens engines that are disposed of when the test ends."""
    opened: list[Engine] = []

    def _open(url: str) -> Engine:
        opened.append(schema_store.open_engine(url))
        return opened[-1]

    yield _open
    for engine in opened:
        engine.dispose()


@pytest.fixture
def engine(database_url: str, open_engine: Callable[[str], Engine]) -> Engine:
    return open_engine(database_url)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A transaction on a new database; what another connection is to see must be committed."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command gave and said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Nearboot = Callable[..., Ran]


@pytest.fixture
def nearboot(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Nearboot:
    """Runs the real command line. Whatever happens, nobody is shown a traceback."""
    monkeypatch.setenv("NEARBOOT_DATABASE_URL", database_url)
    monkeypatch.setenv("NEARBOOT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("SUDO_USER", "ada")
    monkeypatch.delenv("NEARBOOT_CONFIG", raising=False)

    def _nearboot(*words: object, code: int | None = 0) -> Ran:
        """``code``: the exit code that is expected; None: any."""
        capsys.readouterr()
        ran = Ran(run([str(word) for word in words]), *capsys.readouterr())
        assert "Traceback" not in ran.err
        assert code is None or ran.code == code, ran.out + ran.err
        return ran

    return _nearboot


@pytest.fixture
def quickstart(nearboot: Nearboot) -> Nearboot:
    nearboot("inventory", "load", ROOT / "examples" / "quickstart" / "inventory")
    nearboot("latency", "load", ROOT / "examples" / "quickstart" / "latency.csv")
    return nearboot


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running ``nearboot serve``. ``ready``: the line that it said on stdout; ``log``: where its stderr goes."""

    process: subprocess.Popen[str]
    ready: str
    log: Path

    @property
    def port(self) -> int:
        return int(self.ready.split(" port ")[1].split()[0])

    def end(self) -> int:
        """End it as an operator does, and give its exit code."""
        self.process.terminate()
        _end(self.process)
        return self.process.returncode


@pytest.fixture
def daemon(nearboot: Nearboot, tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Starts ``nearboot serve`` with the words given."""
    started: list[subprocess.Popen[str]] = []

    def _daemon(*words: object) -> Daemon:
        if words[0] in ("tftp", "http") and "--metrics-listen" not in words:
            words += ("--metrics-listen", "")  # its port is fixed, and other tests run
        path = tmp_path / f"serve-{len(started)}.log"
        command = [sys.executable, "-m", "nearboot", "serve", *(str(word) for word in words)]
        with path.open("wb") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        started.append(process)
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("nearboot ready: "), path.read_text()
        return Daemon(process, ready, path)

    yield _daemon
    for process in started:
        process.terminate()
        _end(process)
        assert process.stdout is not None
        process.stdout.close()


def _binary(name: str) -> str:
    """The newest installed PostgreSQL's program; Debian keeps them outside PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if not found:
        pytest.fail(f"PostgreSQL's {name} is missing: apt-get install postgresql", pytrace=False)
    return found


def _unprivileged(*options: str) -> list[str]:
    """The words before a command that drop root, which PostgreSQL refuses to run as."""
    if os.geteuid() == 0:
        user = _account()
        options = ("--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups", *options)
    return ["setpriv", *options, "--"] if options else []


def _account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.fail("no user postgres or nobody to run PostgreSQL as", pytrace=False)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder in memory if there is room, which makes a new database ten times as fast (600 against 60 ms).

    Its path is short, because a Unix socket's has at most 107 bytes.
    """
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    with tempfile.TemporaryDirectory(prefix="nb-pg-", dir=memory if roomy else "/tmp") as name:
        if os.geteuid() == 0:
            os.chown(name, _account().pw_uid, _account().pw_gid)
        yield Path(name)


def _await_ready(process: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(START_ATTEMPTS):
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            try:
                psycopg.connect(host=str(folder), user=USER, dbname="postgres").close()
            except psycopg.OperationalError:
                continue
            return
        break
    pytest.fail(f"PostgreSQL did not start:\n{(folder / 'log').read_text()}", pytrace=False)


def _end(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _create(postgres: str, name: str, template: str = "template0") -> None:
    with psycopg.connect(host=postgres, user=USER, dbname="postgres", autocommit=True) as connection:
        # Since 15 there is a choice, and writing the copy to the log takes five times as long: 200 against 40 ms.
        strategy = "STRATEGY file_copy" if connection.info.server_version >= 150000 else ""
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {strategy}'.encode())


@contextmanager
def _database(postgres: str, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _create(postgres, name, template)
    yield _postgres_url(postgres, name)
    with psycopg.connect(host=postgres, user=USER, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _postgres_url(postgres: str, name: str) -> str:
    return f"postgresql+psycopg://{USER}@/{name}?host={postgres}"


def _migrate(url: str, migrations: Path) -> None:
    engine = schema_store.open_engine(url)
    schema_store.upgrade(engine, migrations)
    engine.dispose()
