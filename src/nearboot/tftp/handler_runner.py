"""Handlers on an asyncio loop of their own, so that a slow look-up never holds up a packet.

The thread sleeps when no handler is at work: it takes no turn of the interpreter from the data plane. A ``Stream`` that
a handler returns is opened here: its reads run in threads of their own (``stream_runner``).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from nearboot.tftp.content import Content, Stream
from nearboot.tftp.packet import Mode
from nearboot.tftp.request import Handler, ReadRequest
from nearboot.tftp.stream_runner import StreamThreads

OnFound = Callable[[Content | BaseException], None]
"""Called in the handlers' thread with the content, or with what the handler raised."""


class HandlerThread:
    """Runs ``handler`` for each request submitted."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams = StreamThreads()
        self._thread = threading.Thread(target=self._run, name="nearboot-tftp-handlers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, request: ReadRequest, on_found: OnFound) -> None:
        """From any thread: start the handler for ``request``."""
        self._loop.call_soon_threadsafe(self._begin, request, on_found)

    def close(self) -> None:
        """Cancel what is under way and end the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
        self._streams.close()

    def _begin(self, request: ReadRequest, on_found: OnFound) -> None:
        task = self._loop.create_task(self._find(request, on_found))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _find(self, request: ReadRequest, on_found: OnFound) -> None:
        try:
            content = await self._handler(request)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            on_found(error)
        else:
            if isinstance(content, Stream):
                content = self._streams.opened(content, netascii=request.mode is Mode.NETASCII)
            on_found(content)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
