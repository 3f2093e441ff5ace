"""``nearboot serve tftp``: the TFTP server with the inventory behind it.

Plain files are answered on the data plane; configurations are rendered off it. Each finished read is an event.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from nearboot.app.backlog import Backlog
from nearboot.app.boot import Asker, BootDesk, boot_files, check_name, is_plain_file, plain_path
from nearboot.app.clerk import Clerk
from nearboot.app.daemon import run_daemon, say_ready
from nearboot.app.database import database
from nearboot.app.events import EventBook, Read
from nearboot.app.files import provide_health_file
from nearboot.app.known import known_clients
from nearboot.app.limits import limits_of
from nearboot.app.metrics import TFTP, Exposition
from nearboot.app.origins import Origins
from nearboot.app.read_log import ReadLog, escaped
from nearboot.app.rights import check_rights
from nearboot.app.watch import Watch, Workers, measured, this_process
from nearboot.boot.cache_runner import Cached, Streamed
from nearboot.config import Config, TftpConfig
from nearboot.errors import ConfigError, NearbootError, ProtocolError
from nearboot.model import Event, EventKind
from nearboot.tftp import (
    Content,
    FileContent,
    Outcome,
    ReadRequest,
    StaticRoot,
    Stream,
    TftpServer,
    TransferEvent,
    Worker,
    become,
    file_content,
    listening,
    raise_file_limit,
    run_workers,
    shared_out,
)
from nearboot.tftp.guard import Known

log = logging.getLogger(__name__)

GRACE_S = 10.0
"""For the events that wait when the last transfer has ended."""
LACKING_S = 1.0
MAX_LACKING = 4096


def serve(config: Config, *, me: str | None, root: Path) -> int:
    """Serve until SIGTERM or SIGINT; the exit code. ``me``: which boot server this is; ``root``: the static files.

    Each worker is a process with a database connection of its own.
    """
    raise_file_limit()
    tftp = config.tftp
    limits_of(tftp)  # its faults first
    with ExitStack() as stack:
        # The port before root is given up, all else after it, so that nothing here becomes root's.
        sockets = [stack.enter_context(sock) for sock in taken(tftp)]
        if tftp.user:
            become(tftp.user)
            check_rights(config, root)
        return serve_on(sockets, config, me=me, root=root)


def serve_on(sockets: Sequence[socket.socket], config: Config, *, me: str | None, root: Path) -> int:
    """Check all that can be wrong, once and here; then start the workers."""
    tftp = config.tftp
    static = static_root(root)
    provide_health_file(root, config.health.file)
    with database(config) as engine:
        check_name(engine, me)
        files = boot_files(config, root)

    def work(worker: Worker) -> None:
        with (
            database(config) as engine,
            known_clients(config, engine) as known,
            Origins(config, engine, me=me) as origins,
        ):
            desk, book, stop = BootDesk(engine, files, me=me), EventBook(engine, me=me), asyncio.Event()
            serving = _serve(config, worker, stop, static=static, desk=desk, book=book, known=known, origins=origins)
            run_daemon(serving, stop, is_worker=not worker.is_alone)

    host, port = sockets[0].getsockname()[:2]
    where = f"tftp on {host} port {port} root={static.root} boot-server={me or 'by-address'}"
    return run_workers(
        work,
        shared_out(sockets, workers=tftp.workers),
        grace_s=tftp.grace_s + 2 * GRACE_S,
        on_ready=lambda note: say_ready(f"{where}{note}" + (f" workers={tftp.workers}" if tftp.workers > 1 else "")),
        beside=partial(show_workers, config) if tftp.workers > 1 and tftp.metrics_listen else None,
        holds=tftp.single_port,
    )


def taken(tftp: TftpConfig) -> list[socket.socket]:
    """The sockets to serve on; ConfigError where they cannot be had."""
    try:
        return listening(tftp.host, tftp.port, workers=tftp.workers)
    except OSError as error:
        raise ConfigError(f"TFTP cannot listen on {tftp.host} port {tftp.port}: {error.strerror}") from error


def show_workers(config: Config, process: Worker) -> None:
    """What is done beside several workers: their metrics."""
    stop = asyncio.Event()
    workers = Workers(config, config.tftp.workers, daemon=os.getppid())

    async def show() -> None:
        exposition = Exposition(workers.measures, TFTP)
        with measured(config.tftp.metrics_listen, exposition, workers.health, setting="tftp.metrics_listen") as metrics:
            process.ready(f" metrics={metrics.url}" if metrics else "")
            await stop.wait()

    run_daemon(show(), stop, is_worker=True)


async def _serve(
    config: Config,
    worker: Worker,
    stop: asyncio.Event,
    *,
    static: StaticRoot,
    desk: BootDesk,
    book: EventBook,
    known: Known | None,
    origins: Origins,
) -> None:
    clerk = Clerk(desk)

    async def handler(request: ReadRequest) -> Content:
        return await look_up(clerk, origins, book, request)

    fast = FastFiles(static, origins)
    backlog, reads = Backlog(book.store, is_minor=book.is_minor), ReadLog()
    watch = Watch(book.server_of, backlog)
    server = TftpServer(
        handler,
        fast=fast,
        on_event=lambda event: _note(event, book, backlog, reads, watch=watch, origins=origins),
        limits=limits_of(config.tftp).share(config.tftp.workers),
        known=known,
        sockets=worker.sockets,
    )
    with ExitStack() as stack:  # it can be seen until the last transfer has ended
        try:
            note = stack.enter_context(_shown(config, watch, server, worker, desk.name))
            stack.enter_context(clerk)
            backlog.start()
            server.start()
            worker.ready(note)
            await stop.wait()
        finally:
            await asyncio.to_thread(server.stop, config.tftp.grace_s)
            await asyncio.to_thread(backlog.close, GRACE_S)
            reads.close()


@contextmanager
def _shown(config: Config, watch: Watch, server: TftpServer, worker: Worker, boot_server: str) -> Iterator[str]:
    """Tell what this process does: a worker its status, which its parent sums up; who is alone the metrics as well."""
    if worker.is_alone:
        with watch.shown(config, server, boot_server) as note:
            yield note
    else:
        with watch.told(config, server, this_process(server, boot_server, daemon=os.getppid(), worker=worker.index)):
            yield ""


def static_root(root: Path) -> StaticRoot:
    """The folder of static files; ConfigError where it is not there."""
    try:
        return StaticRoot(root, on_note=lambda text: log.info("%s", text))
    except NotADirectoryError as error:
        raise ConfigError(f"the folder of boot files is not there: {root} (set boot_root, or make it)") from error


class FastFiles:
    """Finds files on the data plane: those of the root, else fresh ones of the cache.

    That the root lacks a name is believed for a second: to look takes 40 µs, the cache 4.
    """

    def __init__(self, static: StaticRoot, origins: Origins) -> None:
        self._static = static
        self._origins = origins
        self._lacking: dict[str, float] = {}

    def __call__(self, request: ReadRequest) -> FileContent | None:
        """None for a configuration, and where an origin is to be asked."""
        name = request.filename
        if not _is_plain(name):
            return None
        until = self._lacking.get(name)
        if until is None or time.monotonic() >= until:
            try:
                return self._static.lookup(request)
            except (FileNotFoundError, NotADirectoryError):
                if not self._origins.is_on:
                    raise
                self._lack(name)
        path = plain_path(name)
        cached = self._origins.fast(path, request.client) if path else None
        return as_file(cached) if cached else None

    def _lack(self, name: str) -> None:
        if len(self._lacking) >= MAX_LACKING:
            self._lacking.clear()
        self._lacking[name] = time.monotonic() + LACKING_S


async def look_up(clerk: Clerk, origins: Origins, book: EventBook, request: ReadRequest) -> Content:
    """What the inventory or an origin has for a request; errors are those that the TFTP server turns into its codes.

    Whose it is, the book is told before the transfer begins.
    """
    asker = Asker(ip_address(request.client[0]), datetime.now(UTC), ip_address(request.server))
    try:
        found = await clerk.look_up(request.filename, asker)
    except ProtocolError as error:
        raise PermissionError(str(error)) from error
    except NearbootError as error:
        log.error("file=%s client=%s cannot be made: %s", escaped(request.filename), request.client[0], error)
        raise
    reason = found.reason
    log.debug("file=%s client=%s %s: %s", escaped(request.filename), request.client[0], reason.code, reason.text)
    book.expect(request.client[0], request.filename, found.server)
    if found.content is None:
        path = plain_path(request.filename)
        return as_content(await origins.find(path, request.client) if path else None, request.filename)
    return file_content(found.content) if isinstance(found.content, Path) else found.content


def as_content(opened: Cached | Streamed | None, filename: str) -> Content:
    """What an origin has, as the TFTP server sends it."""
    if opened is None:
        raise FileNotFoundError(filename)
    return as_file(opened) if isinstance(opened, Cached) else Stream(opened.read, opened.size, opened.close)


def as_file(cached: Cached) -> FileContent:
    """A file of the cache, as it was when found."""
    return FileContent(cached.file, cached.size, cached.mtime_ns, cached.inode, cached.device)


def as_read(event: TransferEvent, came: Mapping[str, str]) -> Read:
    """A finished read as an event. It stands at the time of its start, so that a trace reads in the order of asking."""
    outcome = "ok" if event.outcome is Outcome.COMPLETED else event.outcome.value.replace("_", "-")
    return Read(
        Event(
            at=event.started_at,
            kind=EventKind.TFTP_READ,
            client=event.client[0],
            subject=event.filename.lstrip("/"),
            outcome=outcome,
            detail={
                "bytes": event.bytes_sent,
                "size": event.size,
                "blksize": event.blksize,
                "windowsize": event.windowsize,
                "retransmits": event.retransmits,
                "duration_s": round(event.duration_s, 3),
                "error": event.error,
                **came,
            },
        ),
        asked=ip_address(event.server),
    )


def _note(
    event: TransferEvent, book: EventBook, backlog: Backlog[Read], reads: ReadLog, *, watch: Watch, origins: Origins
) -> None:
    came = origins.came(event.client, event.filename)
    watch.note(event, came)
    read = as_read(event, came)
    reads.note(read.event, book.server_of(read.event.client, read.event.subject))
    backlog.put(read)


def _is_plain(filename: str) -> bool:
    try:
        return is_plain_file(filename)
    except ProtocolError as error:
        raise PermissionError(str(error)) from error
