"""Handlers in their thread."""

from __future__ import annotations

import asyncio
import queue
import threading

from nearboot.tftp import Mode, ReadRequest
from nearboot.tftp.handler_runner import HandlerThread

REQUEST = ReadRequest("f", Mode.OCTET, {}, ("192.0.2.1", 2070), "192.0.2.2")


def test_results_and_errors_come_back() -> None:
    """Each handler's own; concurrently."""

    async def handler(request: ReadRequest) -> bytes:
        if request.filename == "bad":
            raise FileNotFoundError("bad")
        return request.filename.encode()

    thread, found = HandlerThread(handler), queue.SimpleQueue[object]()
    thread.start()
    thread.submit(REQUEST, found.put)
    assert found.get(timeout=10) == b"f"
    thread.submit(ReadRequest("bad", Mode.OCTET, {}, ("", 0), ""), found.put)
    assert isinstance(found.get(timeout=10), FileNotFoundError)
    thread.close()


def test_close_cancels_what_is_under_way() -> None:
    """A handler that waits for ever does not keep the server from stopping; it may clean up."""
    begun, cleaned = threading.Event(), threading.Event()

    async def handler(request: ReadRequest) -> bytes:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()
        return b""

    thread = HandlerThread(handler)
    thread.start()
    thread.submit(REQUEST, lambda found: None)
    assert begun.wait(10)
    thread.close()
    assert cleaned.is_set()


def test_close_without_a_start_is_harmless() -> None:
    """When the socket could not be bound."""

    async def handler(request: ReadRequest) -> bytes:
        return b""

    HandlerThread(handler).close()
