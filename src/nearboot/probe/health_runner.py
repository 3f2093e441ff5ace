"""Is a boot server fit to boot from? A real read of a small file by TFTP, and HTTP, says so; latency is another matter.

A server that answers pings but cannot read its disk is not healthy, nor is one that sends another content, so only the
whole file as it should be counts. One success is enough: a read is bad when every one of the attempts failed.

    reading = Reading("nearboot-health", sha256="5f3a...", timeout_s=2.0)
    health = await probe(boot_server, reading, vantage="ams", clock=utc_now, web=httpx.AsyncClient())
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from nearboot.errors import NearbootError
from nearboot.model import BootServer, Health
from nearboot.tftp.client import read

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 1 << 20
"""A health file that is larger is none: it would be read from every boot server every few seconds."""
AT_ONCE = 256
"""Boot servers that are read from at the same time; each takes a socket or two."""
SHOWN = 12  # digits of a checksum


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read, and how. ``sha256``: of the content, in lower-case hex; "": any content but an empty one."""

    file: str
    sha256: str = ""
    timeout_s: float = 2.0
    attempts: int = 1
    http: bool = True


class _BadReadError(NearbootError):
    """The server answered, but not with the file."""


async def probe(
    server: BootServer,
    reading: Reading,
    *,
    vantage: str,
    clock: Callable[[], datetime],
    web: httpx.AsyncClient | None = None,
) -> Health:
    """Read from the boot server, by its IPv4 address where it has one; never raises for a bad server.

    Over HTTP too where ``web`` is given and the server has an ``http_url``. The duration is that of the TFTP read.
    """
    address = server.ipv4 or server.ipv6
    if address is None:
        return Health(server.name, clock(), False, f"{reading.file} from None: it has no address", None, vantage)
    over_http = web if server.http_url and reading.http else None
    problem = ""
    for _ in range(reading.attempts):
        where = f"{reading.file} from {address}"
        started = time.monotonic()
        try:
            content = await _by_tftp(str(address), server.tftp_port, reading)
            took_ms = (time.monotonic() - started) * 1000
            if over_http:
                where = f"{server.http_url}/{reading.file}"
                await _by_http(over_http, where, reading)
        except TimeoutError:
            problem = f"{where}: no whole file within {reading.timeout_s:g} s"
        except (NearbootError, OSError) as error:
            problem = f"{where}: {error}"
        else:
            by = " by TFTP and HTTP" if over_http else ""
            detail = f"read {len(content)} bytes of {reading.file}{by}"
            return Health(server.name, clock(), True, detail, took_ms, vantage)
    return Health(server.name, clock(), False, problem, None, vantage)


async def probe_all(
    servers: Iterable[BootServer], reading: Reading, *, vantage: str, clock: Callable[[], datetime]
) -> list[Health]:
    """Probe all boot servers at once; the results come in the order of the servers."""
    import httpx  # noqa: PLC0415 (slow to import, and this module is loaded by commands that probe nothing)

    places = asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_keepalive_connections=0)

    async def one(server: BootServer) -> Health:
        async with places:
            return await probe(server, reading, vantage=vantage, clock=clock, web=web)

    async with httpx.AsyncClient(trust_env=False, timeout=reading.timeout_s, limits=limits) as web:
        return list(await asyncio.gather(*(one(server) for server in servers)))


async def _by_tftp(address: str, port: int, reading: Reading) -> bytes:
    async with asyncio.timeout(reading.timeout_s):
        half_s = reading.timeout_s / 2
        content = await read(address, port, reading.file, timeout_s=half_s, retries=1, max_bytes=MAX_BYTES)
    return _as_it_should_be(content, reading)


async def _by_http(web: httpx.AsyncClient, url: str, reading: Reading) -> bytes:
    import httpx  # noqa: PLC0415 (loaded by now)

    content = bytearray()
    try:
        async with asyncio.timeout(reading.timeout_s), web.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise _BadReadError(f"HTTP status {response.status_code}")
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise _BadReadError(f"more than {MAX_BYTES} bytes")
    except httpx.TimeoutException as error:
        raise TimeoutError from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _BadReadError(str(error) or type(error).__name__) from error
    return _as_it_should_be(bytes(content), reading)


def _as_it_should_be(content: bytes, reading: Reading) -> bytes:
    if not content:
        raise _BadReadError(f"{reading.file} is empty")
    found = sha256(content).hexdigest()
    if reading.sha256 and found != reading.sha256:
        raise _BadReadError(
            f"wrong content: {len(content)} bytes of SHA-256 {found[:SHOWN]}..., expected {reading.sha256[:SHOWN]}... "
            f"(setting health.sha256)"
        )
    return content
