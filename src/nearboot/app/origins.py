"""Static files that this boot server does not hold: from the inventory's origins, through the disk cache.

Origins, their distances and the images' checksums are read from the database again and again, so that nothing needs a
restart; while it is away the last known ones are used. Without origins there is no cache, and nothing is done.

    with Origins(config, engine, me="ams-boot") as origins:
        opened = origins.fast("deb/vmlinuz", client) or await origins.find("deb/vmlinuz", client)
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from nearboot.app.boot import plain_path
from nearboot.app.ladder import read_ladder
from nearboot.app.read_log import escaped
from nearboot.boot.cache_runner import Cached, FileCache, Opened
from nearboot.boot.cache_store import CacheFolder
from nearboot.boot.freshness import Came
from nearboot.boot.origin import Directory, names_file, nearest_first
from nearboot.boot.origin_client import OriginClient
from nearboot.config import Config
from nearboot.errors import NearbootError, PeerError, ProtocolError
from nearboot.inventory import store
from nearboot.inventory.schema_store import reading
from nearboot.latency.estimate import Ladder
from nearboot.model import Image, Origin, Slug

log = logging.getLogger(__name__)

DISTANCES_S = 60.0
"""How often latency maps are read: they may have 100,000 pairs."""
FAMILY = 4  # of the samples that are preferred, where there are any for one family alone
REMEMBERED = 4096


class Origins:
    """The cache of one process. ``me``: which boot server this is, which says where it is."""

    def __init__(self, config: Config, engine: Engine, *, me: str | None) -> None:
        self._config = config
        self._engine = engine
        self._surveyor = Surveyor(me)
        self._cache: FileCache | None = None
        self._is_on = False
        self._problem = ""
        self._came: OrderedDict[tuple[Hashable, str], tuple[Came, str]] = OrderedDict()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_reading, name="nearboot-origins", daemon=True)

    def __enter__(self) -> Self:
        self.reload()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._cache is not None:
            self._cache.close()

    @property
    def is_on(self) -> bool:
        """Whether there is any origin."""
        return self._is_on

    def fast(self, path: str, client: Hashable) -> Cached | None:
        """The file, where it is cached and fresh; never blocks. None says nothing."""
        cached = self._cache.fresh(path) if self._is_on and self._cache else None
        if cached is not None:
            self._remember(client, path, cached)
        return cached

    async def find(self, path: str, client: Hashable) -> Opened:
        """The file of a regular path (``boot.request``); None where no origin has it.

        ``PeerError`` where none answers; the caller closes what is streamed.
        """
        if not self._is_on or self._cache is None or not names_file(path):
            return None
        try:
            opened = await asyncio.wrap_future(self._cache.find(path))
        except PeerError as error:
            log.error("file=%s client=%s cannot be had: %s", escaped(path), client, error)
            raise
        self._remember(client, path, opened)
        return opened

    def came(self, client: Hashable, asked: str) -> dict[str, str]:
        """How the file came that a client just read, for its event; empty where it was no file of an origin.

        ``client``: whatever told this one from others when it asked.
        """
        path = _plain(asked) if self._came else None
        with self._lock:
            told = self._came.get((client, path)) if path else None
        return {"cache": told[0].value, "origin": told[1]} if told else {}

    def reload(self) -> None:
        """Read origins, distances and checksums now; a database that does not answer changes nothing."""
        try:
            with reading(self._engine) as session:
                directory = self._surveyor.directory(session, datetime.now(UTC))
            self._use(directory)
            problem = ""
        except NearbootError as error:
            problem = str(error)
        if problem != self._problem:
            log.log(logging.ERROR if problem else logging.INFO, "origins %s", problem or "are read again")
        self._problem = problem

    def _use(self, directory: Directory) -> None:
        if directory.origins and self._cache is None:
            self._cache = open_cache(self._config)
        if self._cache is not None:
            self._cache.tell_used()
            if [o.name for o in self._cache.directory.origins] != [o.name for o in directory.origins]:
                log.info("origins=%s", ",".join(origin.name for origin in directory.origins) or "none")
            self._cache.directory = directory
        self._is_on = bool(directory.origins)

    def _keep_reading(self) -> None:
        while not self._stop.wait(self._config.cache.reload_s):
            self.reload()

    def _remember(self, client: Hashable, path: str, opened: Opened) -> None:
        key = (client, path)
        with self._lock:
            if opened is None:
                self._came.pop(key, None)
                return
            self._came[key] = (opened.came, opened.origin)
            self._came.move_to_end(key)
            if len(self._came) > REMEMBERED:
                self._came.popitem(last=False)


class Surveyor:
    """Reads where files come from. ``me``: the boot server from which distances count."""

    def __init__(self, me: str | None) -> None:
        self._me = me
        self._distances: Mapping[str, float | None] = {}
        self._measured: tuple[Origin, ...] = ()
        self._until = datetime.min.replace(tzinfo=UTC)

    def directory(self, session: Session, now: datetime) -> Directory:
        """The origins, nearest first, and the checksums of the images' files."""
        origins = store.origins(session)
        if not origins:
            return Directory()
        if len(origins) > 1 and (origins != self._measured or now >= self._until):
            self._distances = self._measure(session, origins, now)
            self._measured, self._until = origins, now + timedelta(seconds=DISTANCES_S)
        return Directory(nearest_first(origins, self._distances), checksums(store.images(session)))

    def _measure(self, session: Session, origins: Sequence[Origin], now: datetime) -> dict[str, float | None]:
        here = self._place(session)
        if here is None:
            return {}
        locations = store.locations(session)
        ladder = read_ladder(session, locations, now).ladder
        return {origin.name: _distance(ladder, here, origin) for origin in origins}

    def _place(self, session: Session) -> Slug | None:
        """Where this boot server is; without a name, where all of them are, if that is one place."""
        if self._me is not None:
            return store.boot_server(session, self._me).location
        places = {boot_server.location for boot_server in store.boot_servers(session)}
        return places.pop() if len(places) == 1 else None


def open_cache(config: Config) -> FileCache:
    """The cache that the configuration describes, cleaned of what dead processes left; ConfigError where it cannot be
    used."""
    settings = config.cache
    folder = CacheFolder(config.cache_dir, settings.max_mib << 20)
    removed = folder.clean()
    if removed:
        log.info("cache=%s removed %d leftovers: %s", folder.root, len(removed), " ".join(removed[:10]))
    client = OriginClient(
        connect_timeout_s=settings.connect_timeout_s, read_timeout_s=settings.read_timeout_s, rest_s=settings.rest_s
    )
    return FileCache(folder, client, fresh_s=settings.fresh_s, retry_s=settings.rest_s)


def checksums(images: Sequence[Image]) -> dict[str, str]:
    """The SHA-256 that files must have, by path, as far as the inventory tells them."""
    told: dict[str, str] = {}
    for image in images:
        pairs = [(image.kernel, image.kernel_sha256), *zip(image.initrd, image.initrd_sha256, strict=False)]
        told |= {path.lstrip("/"): sha256.lower() for path, sha256 in pairs if sha256}
    return told


def _plain(asked: str) -> str | None:
    try:
        return plain_path(asked)
    except ProtocolError:
        return None


def _distance(ladder: Ladder, here: Slug, origin: Origin) -> float | None:
    """The round trip in milliseconds, with what its uncertainty adds; None: unknown."""
    if origin.location is None:
        return None
    estimate = ladder.estimate(here, origin.location, family=FAMILY)
    return None if estimate.rtt_ms is None else estimate.rtt_ms * (1 + estimate.penalty)
