"""Starting and stopping the listener."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from nearboot.errors import ConfigError
from nearboot.http.runner import serve


def _app(handler: object = None) -> Starlette:
    async def hello(request: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    return Starlette(routes=[Route("/", handler or hello)])  # type: ignore[arg-type]  # any endpoint will do


async def _get(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def _serving(host: str, use: object, app: Starlette | None = None) -> None:
    """Serve, hand the address to ``use``, stop."""
    stop = asyncio.Event()
    address: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(app or _app(), host, 0, ready=lambda *found: address.set_result(found), stop=stop, grace_s=20)
    )
    await asyncio.wait({task, address}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    try:
        await use(*address.result(), stop)  # type: ignore[operator]  # an async function of host, port and stop
    finally:
        stop.set()
        await task


@pytest.mark.parametrize(("host", "reach"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1")])
def test_a_free_port_is_found_and_told(host: str, reach: str) -> None:
    """:: takes IPv4 too."""

    async def use(_: str, port: int, stop: asyncio.Event) -> None:
        assert port > 0
        assert (await _get(reach, port)).endswith(b"hello")

    asyncio.run(_serving(host, use))


def test_a_stop_lets_a_transfer_end() -> None:
    """And takes no new ones."""
    began, may_end = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> PlainTextResponse:
        began.set()
        await may_end.wait()
        return PlainTextResponse("late")

    async def use(host: str, port: int, stop: asyncio.Event) -> None:
        answer = asyncio.create_task(_get(host, port))
        await began.wait()
        stop.set()
        while True:  # until the listener is closed
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                break
            writer.close()
            await asyncio.sleep(0)
        may_end.set()
        assert (await answer).endswith(b"late")

    asyncio.run(_serving("127.0.0.1", use, _app(slow)))


def test_a_port_in_use_is_told_clearly() -> None:
    """Not by ending the process, as uvicorn does."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1 port {port}: another program listens there"):
            asyncio.run(serve(_app(), "127.0.0.1", port, ready=lambda *_: None, stop=asyncio.Event()))


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        pytest.param("localhost", 0, "expected an IPv4 or IPv6 address", id="name"),
        pytest.param("192.0.2.1", 0, "no interface of this machine", id="foreign-address"),
        pytest.param("127.0.0.1", 99999, "99999", id="port-range"),
    ],
)
def test_an_address_that_cannot_be_had_is_told(host: str, port: int, message: str) -> None:
    """With what was asked for."""
    with pytest.raises(ConfigError, match=message):
        asyncio.run(serve(_app(), host, port, ready=lambda *_: None, stop=asyncio.Event()))


def test_cancelling_closes_the_port() -> None:
    """The process may go on without this server."""

    async def run() -> None:
        address: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(
            serve(_app(), "127.0.0.1", 0, ready=lambda _, port: address.set_result(port), stop=asyncio.Event())
        )
        port = await address
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(run())


def test_signals_stay_with_the_caller() -> None:
    """nearboot runs several servers in one process; who stops them is decided above."""
    assert threading.current_thread() is threading.main_thread()
    got: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: got.append(number))

    async def use(host: str, port: int, stop: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        assert (await _get(host, port)).endswith(b"hello")

    try:
        asyncio.run(_serving("127.0.0.1", use))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert got == [signal.SIGTERM]
