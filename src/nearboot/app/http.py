"""``nearboot serve http``: boot files and configurations as over TFTP, and the call-backs of installers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from nearboot.app.backlog import Backlog
from nearboot.app.boot import Asker, BootDesk, boot_files, check_name, plain_path
from nearboot.app.clerk import Clerk
from nearboot.app.daemon import run_daemon, say_ready
from nearboot.app.database import database
from nearboot.app.events import EventBook, Read, record
from nearboot.app.http_watch import HttpWatch
from nearboot.app.origins import Origins
from nearboot.app.read_log import ReadLog, escaped
from nearboot.config import Config
from nearboot.errors import ConfigError, NearbootError, NotFoundError, ProtocolError
from nearboot.http.callback import Report
from nearboot.http.runner import GRACE_S
from nearboot.http.runner import serve as serve_app
from nearboot.http.server import Content, Exchange, make_app
from nearboot.inventory import boot_store, schema_store
from nearboot.model import Address, Event, EventKind, Run
from nearboot.provisioning.phases import is_repeat, outcome_of
from nearboot.provisioning.tokens import is_token

log = logging.getLogger(__name__)

HEALTH_S = 5.0


def serve(config: Config, *, me: str | None, root: Path) -> None:
    """Serve until SIGTERM or SIGINT. ``me``: which boot server this is; ``root``: the folder of static files."""
    if not root.is_dir():
        raise ConfigError(f"the folder of boot files is not there: {root} (set boot_root, or make it)")
    with database(config) as engine:
        check_name(engine, me)
        desk, book = BootDesk(engine, boot_files(config, root), me=me), EventBook(engine, me=me)
        stop = asyncio.Event()
        with Origins(config, engine, me=me) as origins:
            run_daemon(_serve(config, Counter(engine, desk, book, origins), root, stop), stop)


class Counter:
    """The functions that the HTTP application calls: look-ups, call-backs, health and the book."""

    def __init__(self, engine: Engine, desk: BootDesk, book: EventBook, origins: Origins) -> None:
        self._engine, self._desk, self._book, self._origins = engine, desk, book, origins
        self._clerk = Clerk(desk)
        self._backlog, self._reads = Backlog(book.store, is_minor=book.is_minor), ReadLog()
        self.watch = HttpWatch(self._backlog)

    @property
    def name(self) -> str:
        """Which boot server this is, for people."""
        return self._desk.name

    async def resolve(self, path: str, client: Address | None, asked: Address | None) -> Content:
        """The content of a path for a client."""
        if client is None:
            return None
        try:
            found = await self._clerk.look_up(path, Asker(client, datetime.now(UTC), asked))
        except ProtocolError:
            raise  # the client's fault, and told to it
        except NearbootError as error:
            log.error("file=%s client=%s cannot be made: %s", escaped(path), client, error)
            raise
        log.debug("file=%s client=%s %s: %s", escaped(path), client, found.reason.code, found.reason.text)
        self._book.expect(str(client), path, found.server)
        plain = plain_path(path) if found.content is None and self._origins.is_on else None
        if plain is None:
            return found.content
        return self._origins.fast(plain, str(client)) or await self._origins.find(plain, str(client))

    async def callback(self, token: str, report: Report, client: Address | None, asked: Address | None) -> str:
        """A phase that an installer reports; stored before it is answered. Tells how a run had ended before."""
        if not is_token(token):
            raise NotFoundError("call-back token", token)
        return await asyncio.to_thread(self._callback, token, report, client, asked)

    async def health(self) -> str:
        """What is wrong with the database; empty: nothing."""
        try:
            await asyncio.to_thread(schema_store.current_revision, self._engine)
        except Exception as error:  # whatever the driver raises, the answer is the same
            return f"the database does not answer: {type(error).__name__}"
        return ""

    def on_exchange(self, exchange: Exchange) -> None:
        """Called by the application after each answer; does not block."""
        came = self._origins.came(str(exchange.client), exchange.subject)
        self.watch.note(exchange, came)
        if exchange.client is None:
            return
        event = _event(exchange, came if exchange.kind is EventKind.HTTP_READ else {})
        self._reads.note(event, self._book.server_of(event.client, event.subject))
        if exchange.kind is EventKind.HTTP_READ:
            self._backlog.put(Read(event, asked=exchange.server))

    @asynccontextmanager
    async def keep_book(self) -> AsyncIterator[None]:
        """Answer look-ups, and write reads down, in order; at the end those that still wait, for ``GRACE_S`` seconds at
        most."""
        self._clerk.start()
        self._backlog.start()
        try:
            yield
        finally:
            await asyncio.to_thread(self._clerk.close)
            await asyncio.to_thread(self._backlog.close, GRACE_S)
            self._reads.close()

    def _callback(self, token: str, report: Report, client: Address | None, asked: Address | None) -> str:
        with schema_store.writing(self._engine) as session:
            run = _run_of(session, token)
            self._book.expect(str(client), report.phase, run.server)
            boot_server = self._desk.boot_server(session, asked)
            event = Event(
                at=datetime.now(UTC),
                kind=EventKind.CALLBACK,
                server=run.server,
                client=str(client or ""),
                boot_server=boot_server.name if boot_server else None,
                subject=report.phase,
                outcome=outcome_of(report.phase, run),
                detail=dict(report.fields),
                run_id=run.id,
            )
            record(session, event)
        if run.finished_at is None or is_repeat(report.phase, run):
            return ""
        return f"run {run.id} of {run.server} ended at {run.finished_at.isoformat(timespec='seconds')}: {run.outcome}"


def _run_of(session: Session, token: str) -> Run:
    """The run of a token as it stands, held for this transaction: of two call-backs at once one is the first."""
    run = boot_store.run_by_token(session, token)
    if run is not None:
        boot_store.hold(session, run.server)
        run = boot_store.run_by_token(session, token)
    if run is None:
        raise NotFoundError("call-back token", token)
    return run


async def _serve(config: Config, counter: Counter, root: Path, stop: asyncio.Event) -> None:
    app = make_app(
        root=root,
        resolve=counter.resolve,
        callback=counter.callback,
        health=counter.health,
        on_exchange=counter.on_exchange,
    )
    async with counter.keep_book():
        with counter.watch.shown(config, _from_threads(counter.health)) as note:
            where = f"root={root.resolve()} boot-server={counter.name}{note}"
            await serve_app(
                app,
                config.http.host,
                config.http.port,
                ready=lambda host, port: say_ready(f"http on {host} port {port} {where}"),
                stop=stop,
            )


def _from_threads(health: Callable[[], Coroutine[object, object, str]]) -> Callable[[], str]:
    """The same for callers in other threads; a loop that does not turn is what is wrong."""
    loop = asyncio.get_running_loop()

    def wait() -> str:
        try:
            return asyncio.run_coroutine_threadsafe(health(), loop).result(HEALTH_S)
        except TimeoutError:
            return "the server does not respond"

    return wait


def _event(exchange: Exchange, came: Mapping[str, str]) -> Event:
    return Event(
        at=datetime.now(UTC),
        kind=exchange.kind,
        client=str(exchange.client),
        subject=exchange.subject.lstrip("/"),
        outcome=exchange.outcome,
        detail={
            "method": exchange.method,
            "status": exchange.status,
            "bytes": exchange.bytes,
            "duration_s": round(exchange.duration_s, 3),
            "user_agent": exchange.user_agent,
            **came,
        },
    )
