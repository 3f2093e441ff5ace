"""One path's way into the cache: found there, confirmed, or fetched; by this process, or by another that is at it.

Runs in a thread, once for all clients that ask meanwhile. ``tell`` hears the answer as soon as there is one, which for
a large file is before its data.

    Fetch("deb/vmlinuz", folder, client, directory, fresh_s=60, check=..., stopping=event, tell=print).run()
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from nearboot.boot.cache_store import CacheFolder, Part, is_free, release, sha256_of, unix_now
from nearboot.boot.fill_runner import Download
from nearboot.boot.freshness import Came, Entry, Head
from nearboot.boot.origin import Directory, named
from nearboot.boot.origin_client import Body, ContentChangedError, OriginClient, Progress, Same
from nearboot.errors import PeerError

log = logging.getLogger(__name__)

SMALL = 256 << 10
"""Files up to this size are answered when they are whole: as files, and a wrong one is never begun."""
STEP = 16 << 20
"""Room taken at a time for a file whose size nobody told."""
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Kept:
    """It is in the cache, whole."""

    entry: Entry
    came: Came


@dataclass(frozen=True, slots=True)
class Growing:
    """It comes; it may be read meanwhile."""

    download: Download
    came: Came


@dataclass(frozen=True, slots=True)
class Unkept:
    """It is at an origin, and cannot be kept: each client reads it from there."""


@dataclass(frozen=True, slots=True)
class Gone:
    """No origin has it. ``is_certain``: all of them answered."""

    is_certain: bool


Answer = Kept | Growing | Unkept | Gone
Check = Callable[[str], Entry | None]
"""The entry of a path that may be served: whole, and of the checksum that the inventory wants."""


@dataclass(slots=True)
class Fetch:
    """What one fetch needs; ``run`` raises PeerError where nothing can be had."""

    path: str
    folder: CacheFolder
    client: OriginClient
    directory: Directory
    fresh_s: float
    check: Check
    stopping: threading.Event
    tell: Callable[[Answer], None]

    def run(self) -> None:
        """Find it, confirm it or fetch it."""
        there = Came.HIT
        while not self.stopping.is_set():
            part = self.folder.begin(self.path)
            if part is not None:
                _Own(self, part).run(there)
                return
            followed = self.folder.follow(self.path)
            if followed is not None and self._follow(*followed):
                return
            there = Came.SHARED
            self.stopping.wait(POLL_S)
        raise PeerError("the server stops")

    def _follow(self, fd: int, head: Head) -> bool:
        """Follow another process's part; whether all is told. One that died is gone on with."""
        download = Download(fd, head)
        is_told = is_large(head)
        if is_told:
            self.tell(Growing(download, Came.SHARED))
        try:
            return self._tail(download) or is_told
        finally:
            download.fail("the process that fetched it failed")
            release(fd)

    def _tail(self, download: Download) -> bool:
        """Follow until its end; whether its process died, and this one ended it."""
        fd, size = download.fd, download.head.size
        while not (is_over := is_free(fd)) and not self.stopping.is_set():
            download.advance(os.fstat(fd).st_size)
            self.stopping.wait(POLL_S)
        status = os.fstat(fd)
        download.advance(status.st_size)
        part = self.folder.adopt(self.path, fd) if is_over else None
        if part is not None:
            log.info("path=%s goes on after another process, at %d", named(self.path), status.st_size)
            _Own(self, part).go_on(download, status.st_size)
            return True
        if status.st_size == size or (size is None and status.st_nlink and is_over):
            download.finish()
        return False


class _Own:
    """The fetch of a path whose lock is had."""

    def __init__(self, fetch: Fetch, part: Part) -> None:
        self._fetch = fetch
        self._folder = fetch.folder
        self._part = part
        self._download: Download | None = None
        self._reserved = 0

    def run(self, there: Came) -> None:
        """``there``: how it came if it is in the cache now."""
        try:
            if self._part.was_there:
                self._part = self._folder.renew(self._part)
            self._answer(there)
        finally:
            self._end()

    def go_on(self, download: Download, at: int) -> None:
        """Fetch the rest of what a dead process began."""
        fetch, self._download = self._fetch, download
        try:
            progress = Progress(at, sha256_of(self._part.fd, at))
            self._store(Body(fetch.client, fetch.path, fetch.directory, download.head, progress=progress))
        finally:
            self._end()

    def _end(self) -> None:
        """Whatever happened: nobody waits for ever, and the lock is free."""
        if self._download is not None:
            self._download.fail("the fetch failed")
        self._folder.end(self._part)

    def _answer(self, there: Came) -> None:
        fetch = self._fetch
        entry = fetch.check(fetch.path)
        if entry is not None and entry.fresh_for(unix_now(), fresh_s=fetch.fresh_s):
            fetch.tell(Kept(entry, there))
            return
        try:
            known = entry.validator if entry else None
            answer = fetch.client.ask(fetch.path, fetch.directory, known=known, only_awake=entry is not None)
            if isinstance(answer, Body):
                self._fill(answer)
            elif isinstance(answer, Same):
                assert entry is not None, "only what is known can be the same"
                entry = replace(entry, head=replace(entry.head, origin=answer.origin), validated_at=unix_now())
                with suppress(OSError):  # on a full disk it is asked for more often, and served
                    self._folder.write(entry)
                fetch.tell(Kept(entry, Came.REVALIDATED))
            else:
                if entry is not None:
                    self._folder.remove(entry)
                fetch.tell(Gone(answer.is_certain))
        except PeerError as error:
            if entry is None:
                raise
            log.warning("path=%s is served stale: %s", named(fetch.path), error)
            fetch.tell(Kept(entry, Came.STALE))

    def _begin(self, body: Body) -> Download | None:
        """Make room and a download; None where it cannot be kept, which is told."""
        size = body.head.size
        self._reserved = STEP if size is None else size
        if not (body.head.may_keep and self._folder.make_room(self._reserved)):
            body.close()
            why = "there is no room for it" if body.head.may_keep else "its origin forbids it"
            self._give_up(f"{size} bytes are not kept: {why}")
            return None
        self._folder.write_head(self._part, body.head)
        download = Download(os.open(self._part.name, os.O_RDONLY | os.O_CLOEXEC), body.head)
        if self._download is not None:
            self._download.replace(download)
        elif is_large(body.head):
            self._fetch.tell(Growing(download, Came.MISS))
        return download

    def _fill(self, body: Body) -> None:
        try:
            self._download = self._begin(body)
        finally:
            if self._download is None:
                body.close()
        self._store(body)

    def _store(self, body: Body | None) -> None:
        """Write what comes; begin anew where what came is of no use."""
        wrong: frozenset[str] = frozenset()
        while body is not None and self._download is not None:
            try:
                self._write(body, self._download)
                return
            except ContentChangedError as error:
                log.warning("path=%s begins anew: %s", named(self._fetch.path), error)
                wrong |= {body.origin}
                body.close()
                body = self._again(wrong, self._download, str(error))
            except PeerError as error:
                self._download.fail(str(error))
                body.close()
                raise
            except OSError as error:
                body.close()
                self._give_up(f"it is not kept: {error.strerror}")
                return

    def _again(self, wrong: frozenset[str], old: Download, problem: str) -> Body:
        """The file from the origins that were not wrong, into a new part."""
        fetch = self._fetch
        origins = tuple(origin for origin in fetch.directory.origins if origin.name not in wrong)
        try:
            body = fetch.client.ask(fetch.path, replace(fetch.directory, origins=origins)) if origins else None
            if not isinstance(body, Body):
                raise PeerError(f"no origin has the right {named(fetch.path)}: {problem}")
            self._part = self._folder.renew(self._part)
            self._download = self._begin(body)
        except (PeerError, OSError) as error:
            old.fail(str(error))
            raise
        return body

    def _write(self, body: Body, download: Download) -> None:
        at = body.progress.at
        began_at, start = at, time.monotonic()
        for chunk in body.chunks():
            if self._fetch.stopping.is_set():
                raise PeerError("the server stops")
            self._reserve(at + len(chunk))
            self._part.write(chunk, at)
            at += len(chunk)
            download.advance(at)
        head = replace(body.head, origin=body.origin)
        entry = Entry(self._fetch.path, head, at, body.progress.sha.hexdigest(), unix_now())
        self._folder.commit(self._part, entry)
        log.info(
            "path=%s origin=%s bytes=%d seconds=%.3f cached", named(entry.path), body.origin, at - began_at,
            time.monotonic() - start,
        )  # fmt: skip
        download.finish()
        self._fetch.tell(Kept(entry, Came.MISS))

    def _reserve(self, size: int) -> None:
        while size > self._reserved:
            self._reserved += STEP
            if not self._folder.make_room(STEP):
                raise OSError(0, "there is no room for it")

    def _give_up(self, why: str) -> None:
        log.warning("path=%s %s", named(self._fetch.path), why)
        if self._download is not None:
            self._download.give_up()
        self._fetch.tell(Unkept())


def is_large(head: Head) -> bool:
    """Whether a file is answered before it is whole."""
    return head.size is None or head.size > SMALL
