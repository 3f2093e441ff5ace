"""``nearboot serve tftp``: the TFTP server with the inventory behind it.

Plain files are answered on the data plane; configurations are rendered off it. Each finished read is an event.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from nearboot.app.backlog import Backlog
from nearboot.app.boot import Asker, BootDesk, boot_files, check_name, is_plain_file
from nearboot.app.daemon import run_daemon, say_ready
from nearboot.app.database import database
from nearboot.app.events import EventBook, Read
from nearboot.app.files import provide_health_file
from nearboot.app.known import known_clients
from nearboot.app.limits import limits_of
from nearboot.app.read_log import ReadLog, escaped
from nearboot.app.watch import Watch
from nearboot.config import Config
from nearboot.errors import ConfigError, NearbootError, ProtocolError
from nearboot.model import Event, EventKind
from nearboot.tftp import (
    Content,
    FileContent,
    Outcome,
    ReadRequest,
    StaticRoot,
    TftpServer,
    TransferEvent,
    file_content,
    raise_file_limit,
)
from nearboot.tftp.guard import Known

log = logging.getLogger(__name__)

GRACE_S = 10.0


def serve(config: Config, *, me: str | None, root: Path) -> None:
    """Serve until SIGTERM or SIGINT. ``me``: which boot server this is; ``root``: the folder of static files."""
    raise_file_limit()
    static = static_root(root)
    provide_health_file(root, config.health.file)
    with database(config) as engine, known_clients(config, engine) as known:
        check_name(engine, me)
        desk = BootDesk(engine, boot_files(config, root), me=me)
        book = EventBook(engine, me=me)
        stop = asyncio.Event()
        run_daemon(_serve(config, static, desk, book, stop, known=known), stop)


async def _serve(
    config: Config,
    static: StaticRoot,
    desk: BootDesk,
    book: EventBook,
    stop: asyncio.Event,
    *,
    known: Known | None,
) -> None:
    async def handler(request: ReadRequest) -> Content:
        return await asyncio.to_thread(look_up, desk, book, request)

    def fast(request: ReadRequest) -> FileContent | None:
        return static.lookup(request) if _is_plain(request.filename) else None

    backlog, reads = Backlog(book.store, is_minor=book.is_minor), ReadLog()
    watch = Watch(book.server_of, backlog)
    tftp = config.tftp
    try:
        server = TftpServer(
            handler,
            host=tftp.host,
            port=tftp.port,
            fast=fast,
            on_event=lambda event: _note(event, book, backlog, reads, watch),
            limits=limits_of(tftp),
            known=known,
        )
    except OSError as error:
        raise ConfigError(f"TFTP cannot listen on {tftp.host} port {tftp.port}: {error.strerror}") from error
    with ExitStack() as stack:  # it can be seen until the last transfer has ended
        try:
            metrics = stack.enter_context(watch.shown(config, server, desk.name))
            backlog.start()
            server.start()
            where = f"tftp on {tftp.host} port {server.port} root={static.root} boot-server={desk.name}"
            say_ready(f"{where}{metrics}")
            await stop.wait()
        finally:
            await asyncio.to_thread(server.stop, GRACE_S)
            await asyncio.to_thread(backlog.close, GRACE_S)
            reads.close()


def static_root(root: Path) -> StaticRoot:
    """The folder of static files; ConfigError where it is not there."""
    try:
        return StaticRoot(root, on_note=lambda text: log.info("%s", text))
    except NotADirectoryError as error:
        raise ConfigError(f"the folder of boot files is not there: {root} (set boot_root, or make it)") from error


def look_up(desk: BootDesk, book: EventBook, request: ReadRequest) -> Content:
    """What the inventory has for a request; the errors are those that the TFTP server turns into its codes.

    Whose it is, the book is told before the transfer begins.
    """
    asker = Asker(ip_address(request.client[0]), datetime.now(UTC), ip_address(request.server))
    try:
        found = desk.look_up(request.filename, asker)
    except ProtocolError as error:
        raise PermissionError(str(error)) from error
    except NearbootError as error:
        log.error("file=%s client=%s cannot be made: %s", escaped(request.filename), request.client[0], error)
        raise
    reason = found.reason
    log.debug("file=%s client=%s %s: %s", escaped(request.filename), request.client[0], reason.code, reason.text)
    book.expect(request.client[0], request.filename, found.server)
    if found.content is None:
        raise FileNotFoundError(request.filename)
    return file_content(found.content) if isinstance(found.content, Path) else found.content


def as_read(event: TransferEvent) -> Read:
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
            },
        ),
        asked=ip_address(event.server),
    )


def _note(event: TransferEvent, book: EventBook, backlog: Backlog[Read], reads: ReadLog, watch: Watch) -> None:
    watch.note(event)
    read = as_read(event)
    reads.note(read.event, book.server_of(read.event.client, read.event.subject))
    backlog.put(read)


def _is_plain(filename: str) -> bool:
    try:
        return is_plain_file(filename)
    except ProtocolError as error:
        raise PermissionError(str(error)) from error
