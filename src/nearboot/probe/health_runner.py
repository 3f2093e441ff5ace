"""Is a boot server fit to boot from? A real read of a small file over TFTP says so; latency is another matter.

A server that answers pings but cannot read its disk is not healthy, so only a whole file counts. One success is enough:
a boot server is unhealthy when every one of the attempts failed.

    health = await probe(boot_server, file="nearboot-health", timeout_s=2, attempts=3, vantage="ams", clock=utc_now)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from datetime import datetime

from nearboot.errors import NearbootError
from nearboot.model import BootServer, Health
from nearboot.tftp.client import read


async def probe(
    server: BootServer, *, file: str, timeout_s: float, attempts: int, vantage: str, clock: Callable[[], datetime]
) -> Health:
    """Read ``file`` from the boot server, by its IPv4 address where it has one; never raises for a bad server."""
    address = server.ipv4 or server.ipv6
    problem = "it has no address"
    for _ in range(attempts if address else 0):
        started = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                content = await read(str(address), server.tftp_port, file, timeout_s=timeout_s / 2, retries=1)
        except TimeoutError:
            problem = f"no whole file within {timeout_s:g} s"
        except (NearbootError, OSError) as error:
            problem = str(error)
        else:
            if content:
                took_ms = (time.monotonic() - started) * 1000
                return Health(server.name, clock(), True, f"read {len(content)} bytes of {file}", took_ms, vantage)
            problem = f"{file} is empty"
    return Health(server.name, clock(), False, f"{file} from {address}: {problem}", None, vantage)


async def probe_all(
    servers: Iterable[BootServer],
    *,
    file: str,
    timeout_s: float,
    attempts: int,
    vantage: str,
    clock: Callable[[], datetime],
) -> list[Health]:
    """Probe all boot servers at once; the results come in the order of the servers."""
    probes = (
        probe(server, file=file, timeout_s=timeout_s, attempts=attempts, vantage=vantage, clock=clock)
        for server in servers
    )
    return list(await asyncio.gather(*probes))
