"""Asks origins for files over HTTP: the first that can answer, and another one when it breaks off.

Not the cache: nothing is stored here. What comes is what one origin holds, in its order and whole, or an error: a rest
that comes from another origin belongs to the same version (If-Range), or its beginning is compared by hash.

    client = OriginClient(connect_timeout_s=3, read_timeout_s=10, rest_s=10)
    found = client.ask("deb/vmlinuz", directory)         # Body, Same or Absent
    for chunk in found.chunks(): ...
"""

from __future__ import annotations

import hashlib
import logging
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import httpx

from nearboot.boot.freshness import Head, Validator, head_of
from nearboot.boot.origin import Directory, Reply, Rests, file_url, named, range_start, reply_of
from nearboot.errors import PeerError
from nearboot.model import Origin

log = logging.getLogger(__name__)

HEADERS = {"Accept-Encoding": "identity", "User-Agent": "nearboot"}
"""No compression: sizes, ranges and checksums are of the file itself."""
MAX_REDIRECTS = 5
MAX_RESUMES = 100
"""An origin that breaks off again and again does not hold a fetch for ever."""


@dataclass(frozen=True, slots=True)
class Same:
    """What is cached is what this origin has."""

    origin: str


@dataclass(frozen=True, slots=True)
class Absent:
    """No origin that answered has the file; ``is_certain``: all of them answered."""

    is_certain: bool


class ContentChangedError(PeerError):
    """What came so far is of no use: no origin has the rest of it, or its checksum is wrong."""


@dataclass(slots=True)
class Progress:
    """How far a file has come, and the hash of that."""

    at: int = 0
    sha: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, data: bytes) -> None:
        self.at += len(data)
        self.sha.update(data)


class OriginClient:
    """Connections to origins, kept open; may be used by any thread."""

    def __init__(self, *, connect_timeout_s: float, read_timeout_s: float, rest_s: float) -> None:
        self.rests = Rests(rest_s)
        self._client = httpx.Client(
            headers=HEADERS,
            timeout=httpx.Timeout(read_timeout_s, connect=connect_timeout_s, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
            verify=ssl.create_default_context(),  # the system's authorities, an operator's own among them
            trust_env=False,
        )

    def close(self) -> None:
        self._client.close()

    def ask(
        self, path: str, directory: Directory, *, known: Validator | None = None, only_awake: bool = False
    ) -> Body | Same | Absent:
        """The file from the first origin that has it; ``Same`` if it still is ``known``.

        ``PeerError`` where none gives it and one may have it; for what is not known, one that says that it is absent
        is enough to believe that. ``only_awake``: those that rest are not asked.
        """
        now = time.monotonic()
        origins = self.rests.awake(directory.origins, now) if only_awake else self.rests.order(directory.origins, now)
        faults = [f"{origin.name} rests" for origin in directory.origins if origin not in origins]
        absent = 0
        for origin in origins:
            try:
                response = self.get(origin, path, known.conditions() if known else {})
            except PeerError as error:
                faults.append(str(error))
                continue
            match _reply(response):
                case Reply.WHOLE:
                    head = head_of(origin.name, _shown(response.url), response.headers)
                    return Body(self, path, directory, head, response=response)
                case Reply.SAME:
                    response.close()
                    return Same(origin.name)
            response.close()
            absent += 1
        if absent == 0 or (faults and known):
            raise PeerError(f"no origin gives {named(path)}: {'; '.join(faults) or 'there is none'}")
        return Absent(is_certain=not faults)

    def get(self, origin: Origin, path: str, headers: dict[str, str]) -> httpx.Response:
        """An answer that can be used, its body unread; ``PeerError`` for any other, after which the origin rests."""
        try:
            request = self._client.build_request("GET", file_url(origin.url, path), headers=headers)
            response = self._client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.fault(origin.name, path, said(error)) from error
        problem = _problem(response, headers)
        if not problem:
            self.rests.answered(origin.name)
            return response
        response.close()
        if reply_of(response.status_code) is Reply.REFUSED:
            log.warning("origin=%s path=%s %s", origin.name, named(path), problem)
            raise PeerError(f"{origin.name}: {problem}")
        raise self.fault(origin.name, path, problem)

    def fault(self, name: str, path: str, problem: str) -> PeerError:
        """An origin failed: it rests, and the log says so."""
        self.rests.failed(name, time.monotonic())
        log.warning("origin=%s path=%s failed: %s", name, named(path), problem)
        return PeerError(f"{name}: {problem}")


class Body:
    """A file as it comes. With ``progress`` and without a ``response``: the rest of one of which that came before."""

    def __init__(
        self,
        client: OriginClient,
        path: str,
        directory: Directory,
        head: Head,
        *,
        progress: Progress | None = None,
        response: httpx.Response | None = None,
    ) -> None:
        self.head = head
        self.origin = head.origin
        """Who gives it now."""
        self.progress = progress or Progress()
        self._client = client
        self._path = path
        self._directory = directory
        self._response = response
        self._raw: Iterator[bytes] = response.iter_raw() if response else iter(())

    def chunks(self) -> Iterator[bytes]:
        """All bytes from ``progress`` on; the last of them only when all is known to be right.

        ``ContentChangedError`` where what was given is of no use, ``PeerError`` where no origin goes on.
        """
        held = b""
        for _ in range(MAX_RESUMES):
            try:
                if self._response is None:
                    self._resume()
                for chunk in self._raw:
                    self.progress.add(chunk)
                    if held:
                        yield held
                    held = chunk
                break
            except httpx.HTTPError as error:
                self.close()
                self._client.fault(self.origin, self._path, f"broke off at {self.progress.at}: {said(error)}")
        else:
            raise PeerError(f"{named(self._path)} broke off {MAX_RESUMES} times")
        self.close()
        self._verify()
        if held:
            yield held

    def close(self) -> None:
        """Give the connection back."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def _verify(self) -> None:
        expected, found = self._directory.sha256.get(self._path), self.progress.sha.hexdigest()
        problem = ""
        if self.head.size is not None and self.progress.at != self.head.size:
            problem = f"{self.progress.at} bytes of {self.head.size}"
        elif expected and found != expected:
            problem = f"its checksum {found} is not the inventory's {expected}"
        if problem:
            raise ContentChangedError(str(self._client.fault(self.origin, self._path, problem)))

    def _resume(self) -> None:
        """Go on where it stopped, with any origin that has the same."""
        at, faults, others = self.progress.at, [], []
        for origin in self._client.rests.order(self._directory.origins, time.monotonic()):
            try:
                response = self._client.get(origin, self._path, self.head.validator.rest(at) if at else {})
            except PeerError as error:
                faults.append(str(error))
                continue
            try:
                if self._fits(response):
                    self._response, self.origin = response, origin.name
                    log.info("origin=%s path=%s goes on at %d", origin.name, named(self._path), at)
                    return
                others.append(origin.name)
            except httpx.HTTPError as error:
                faults.append(str(self._client.fault(origin.name, self._path, said(error))))
            response.close()
        if others:
            raise ContentChangedError(f"{named(self._path)} is another at {', '.join(others)}, and stopped at {at}")
        raise PeerError(f"no origin goes on with {named(self._path)} at {at}: {'; '.join(faults)}")

    def _fits(self, response: httpx.Response) -> bool:
        """Whether an answer has the rest of what came; if so, the rest is what is read next."""
        at, size = self.progress.at, self.head.size
        reply = _reply(response)
        raw = response.iter_raw()
        if reply is Reply.PART:
            self._raw = raw
            return range_start(response.headers.get("content-range", "")) in ((at, size), (at, None))
        head = head_of(self.head.origin, self.head.url, response.headers)
        if reply is not Reply.WHOLE or head.size != size:
            return False
        before, rest = Progress(), b""
        while before.at < at and (chunk := next(raw, b"")):
            need = at - before.at
            before.add(chunk[:need])
            rest = chunk[need:]
        self._raw = chain([rest] if rest else [], raw)
        fits = before.at == at and before.sha.digest() == self.progress.sha.digest()
        if fits:  # from the first byte to the last it is this version now
            self.head = head
        return fits


def said(error: Exception) -> str:
    """What went wrong, in a few words; some of httpx's errors have none."""
    return str(error) or type(error).__name__


def _reply(response: httpx.Response) -> Reply:
    """What an answer means; a folder's listing, which a redirect led to, is no file."""
    return Reply.ABSENT if response.url.path.endswith("/") else reply_of(response.status_code)


def _shown(url: httpx.URL) -> str:
    """An address without the password that it may hold: sidecars are read by people."""
    return str(url.copy_with(username=None, password=None))


def _problem(response: httpx.Response, asked: dict[str, str]) -> str:
    """Why an answer is of no use; empty: it is."""
    usable = {
        Reply.WHOLE: True,
        Reply.ABSENT: True,
        Reply.PART: "Range" in asked,
        Reply.SAME: "If-None-Match" in asked or "If-Modified-Since" in asked,
    }
    if not usable.get(_reply(response)):
        return f"status {response.status_code}"
    encoding = response.headers.get("content-encoding", "identity")
    return "" if encoding == "identity" else f"encoding {encoding}"
