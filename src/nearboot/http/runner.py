"""Listens on a port and serves an application with uvicorn until it is told to stop.

Not the application. Signals, logging and the process belong to the caller: this takes none of them over.

    await serve(app, "::", 80, ready=lambda host, port: ..., stop=stop)
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import uvicorn
from starlette.types import ASGIApp

from nearboot.errors import ConfigError

BACKLOG = 1024
"""Connections that may wait: a rack that powers on together comes within one second."""

GRACE_S = 10.0
"""How long transfers under way may still run after a stop."""

_BIND_ERRORS = {
    errno.EADDRINUSE: "another program listens there",
    errno.EACCES: "ports below 1024 need root, or the capability CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "no interface of this machine has that address",
    errno.EAFNOSUPPORT: "this machine has no such address family",
}


async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    ready: Callable[[str, int], None],
    stop: asyncio.Event,
    grace_s: float = GRACE_S,
) -> None:
    """Serve until ``stop`` is set; ``ready`` gets the real address and port (``port`` 0: any free one).

    ``::`` takes IPv4 too. ``ConfigError`` where the port cannot be had.
    """
    with _listening(host, port) as listener:
        server = _Server(_config(app, grace_s), lambda: ready(*listener.getsockname()[:2]))
        stopper = asyncio.create_task(_stop_after(server, stop))
        try:
            await server.serve([listener])
        except asyncio.CancelledError:
            server.force_exit = True
            await server.shutdown([listener])
            raise
        finally:
            stopper.cancel()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, and with a word when it is ready; it offers neither but by inheritance."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._ready()


def _config(app: ASGIApp, grace_s: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,  # logging is the caller's
        access_log=False,  # each exchange is an event
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,  # a host is known by its address: nobody may name another in X-Forwarded-For
        backlog=BACKLOG,
        timeout_graceful_shutdown=max(1, round(grace_s)),
    )


async def _stop_after(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket: made here and not by uvicorn, which ends the process where a port is in use."""
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError as error:
        raise ConfigError(f"HTTP cannot listen on {host!r}: expected an IPv4 or IPv6 address") from error
    try:
        listener = _bound(family, host, port)
    except (OSError, OverflowError) as error:
        why = _BIND_ERRORS.get(getattr(error, "errno", None) or 0, str(error))
        raise ConfigError(f"HTTP cannot listen on {host} port {port}: {why}") from error
    with listener:
        yield listener


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only where the protocol is named: without it a kept connection waits 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener
