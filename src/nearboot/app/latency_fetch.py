"""A latency map over HTTP: bounded in size and time, and asked for only if it has changed since.

answer = fetch("https://maps.example.net/wan.csv", {"etag": '"5f3a"'}, timeout_s=10, max_bytes=1 << 28)
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from nearboot.errors import PeerError

MAX_REDIRECTS = 5
DEADLINES = 6
"""How many time-outs a whole answer may take: one that drips would hold the reader for ever."""
MAX_QUERY = 80  # characters of a query in a message


@dataclass(frozen=True, slots=True)
class Answer:
    """A document and what tells its version."""

    content: bytes
    etag: str
    modified: str  # Last-Modified, as it came

    @property
    def modified_at(self) -> datetime | None:
        """When the document was changed last; None where that is not said."""
        try:
            at = parsedate_to_datetime(self.modified)
        except ValueError:
            return None
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def fetch(
    url: str, known: Mapping[str, str], *, timeout_s: float, max_bytes: int, absent_ok: bool = False
) -> Answer | None:
    """The document; None if it is still the one that ``known`` (etag, modified) tells of, or absent and that is fine.

    ``PeerError``: no answer, another status than 200, or more than ``max_bytes``. Passwords in the URL are sent, and in
    no message.
    """
    headers = {"User-Agent": "nearboot"}
    headers |= {"If-None-Match": known["etag"]} if known.get("etag") else {}
    headers |= {"If-Modified-Since": known["modified"]} if known.get("modified") else {}
    place = redacted(url)
    try:
        with _client(timeout_s) as client, client.stream("GET", url, headers=headers) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return None
            if absent_ok and response.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
                return None
            if response.status_code != httpx.codes.OK:
                raise PeerError(f"{place}: status {response.status_code} {response.reason_phrase}".rstrip())
            content = _content(response, place, max_bytes, time.monotonic() + DEADLINES * timeout_s)
            return Answer(content, response.headers.get("ETag", ""), response.headers.get("Last-Modified", ""))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PeerError(f"{place}: {_said(error)}") from error


def redacted(url: str) -> str:
    """A URL as logs may show it: without password, and without the end of a long query."""
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}:***@" if parts.password else ""
    query = parts.query if len(parts.query) <= MAX_QUERY else f"{parts.query[:MAX_QUERY]}..."
    return parts._replace(netloc=user + netloc, query=query).geturl()


def _client(timeout_s: float) -> httpx.Client:
    return httpx.Client(
        timeout=timeout_s,
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
        verify=ssl.create_default_context(),  # the system's authorities, an operator's own among them
        trust_env=False,
    )


def _content(response: httpx.Response, place: str, max_bytes: int, deadline: float) -> bytes:
    """All of it, unpacked where it came packed: the bound is on what it becomes."""
    parts = bytearray()
    for chunk in response.iter_bytes():
        parts += chunk
        if len(parts) > max_bytes:
            raise PeerError(f"{place}: more than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise PeerError(f"{place}: not all of it came in time ({len(parts)} bytes did)")
    return bytes(parts)


def _said(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
