"""The server of nearboot.fbtftp by itself: threads, callbacks, counters, stop; and where it differs from fbtftp."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nearboot.errors import PeerError
from nearboot.fbtftp import BaseHandler, BaseServer, ResponseData, ServerStats, SessionStats, StringResponseData
from nearboot.fbtftp.base_server import limits, options_of
from nearboot.tftp import Mode, ReadRequest, read

Answer = Callable[["Handler"], ResponseData]


class Handler(BaseHandler):
    """Answers by a function, set after the constructor as before it."""

    answer: Answer

    def get_response_data(self) -> ResponseData:
        return self.answer(self)


class Server(BaseServer):
    """Keeps what it was asked and told."""

    def __init__(self, answer: Answer | None, **settings: Any) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.sessions: queue.SimpleQueue[SessionStats] = queue.SimpleQueue()
        self.answer = answer
        super().__init__(settings.pop("address", "127.0.0.1"), 0, **({"retries": 3, "timeout": 5} | settings))

    def get_handler(self, server_addr: Any, peer: Any, path: str, options: Any) -> Handler | None:
        self.asked.append((server_addr, peer, path, options))
        if self.answer is None:
            return None
        handler = Handler(server_addr, peer, path, options, self.sessions.put)
        handler.answer = self.answer
        return handler

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]


@contextmanager
def running(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(20)
        assert not thread.is_alive()


def fetch(server: Server, name: str, host: str = "127.0.0.1", **settings: Any) -> bytes:
    return asyncio.run(read(host, server.port, name, timeout_s=5.0, **settings))


def hello(handler: Handler) -> ResponseData:
    return StringResponseData(f"hello {handler._path}")


def test_a_handler_is_given_what_fbtftp_gives() -> None:
    """Addresses, path, and options: the server's first, the client's in order."""
    with running(Server(hello)) as server:
        assert fetch(server, "x", blksize=600) == b"hello x"
        (server_addr, peer, path, options) = server.asked[0]
    assert (server_addr, peer[0], len(peer), path) == (("127.0.0.1", server.port), "127.0.0.1", 2, "x")
    assert list(options.items()) == [
        ("mode", "octet"),
        ("default_timeout", 5),
        ("retries", 3),
        ("blksize", "600"),
        ("tsize", "0"),
    ]


def test_ipv6_peers_have_four_parts_and_ipv4_peers_are_not_mapped() -> None:
    """On ``::`` both come in."""
    with running(Server(hello, address="::")) as server:
        fetch(server, "x", "::1")
        fetch(server, "x")
        peers = [peer for _, peer, _, _ in server.asked]
    assert [(peer[0], len(peer)) for peer in peers] == [("::1", 4), ("127.0.0.1", 2)]


def test_a_client_cannot_change_the_servers_options() -> None:
    """With fbtftp ``retries`` in a request makes an amplifier of the server."""
    asked = {"retries": "1000000", "default_timeout": "1", "mode": "x", "blksize": "8"}
    request = ReadRequest("f", Mode.OCTET, asked, ("192.0.2.1", 2070), "192.0.2.2")
    assert options_of(request, 3, 5) == {"mode": "octet", "default_timeout": 5, "retries": 3, "blksize": "8"}


@pytest.mark.parametrize(("retries", "opening"), [(0, 1), (1, 2), (5, 3)])
def test_retries_are_resends(retries: int, opening: int) -> None:
    """And three sends are all that an address gets that may be forged."""
    pace = limits(retries, 2).pace
    assert (pace.resends, pace.opening_sends, pace.timeout_s, pace.longest_wait_s) == (retries, opening, 2.0, 2.0)


def test_a_slow_backend_holds_up_its_own_client_alone() -> None:
    """fbtftp opens content in its accept loop."""
    gate = threading.Event()

    def answer(handler: Handler) -> ResponseData:
        if handler._path == "slow":
            gate.wait(10)
        return hello(handler)

    async def both(server: Server) -> None:
        slow = asyncio.create_task(read("127.0.0.1", server.port, "slow", timeout_s=5.0))
        while not server.asked:
            await asyncio.sleep(0)
        assert await read("127.0.0.1", server.port, "quick", timeout_s=5.0) == b"hello quick"
        gate.set()
        assert await slow == b"hello slow"

    with running(Server(answer)) as server:
        asyncio.run(both(server))


ERRORS = [
    pytest.param(FileNotFoundError("/srv/x"), 1, id="not-found"),
    pytest.param(PermissionError("/srv/x"), 2, id="denied"),
    pytest.param(RuntimeError("/srv/x"), 0, id="anything-else"),
]


@pytest.mark.parametrize(("error", "code"), ERRORS)
def test_errors_have_their_codes_and_the_text_stays_here(error: Exception, code: int) -> None:
    """The client's console shows a short text; the statistics have the exception's."""

    def answer(handler: Handler) -> ResponseData:
        raise error

    with running(Server(answer)) as server:
        with pytest.raises(PeerError, match=f"ERROR {code}") as told:
            fetch(server, "x")
        stats = server.sessions.get(timeout=10)
    assert "srv" not in str(told.value)
    assert stats.error == {"error_code": code, "error_message": "/srv/x"}
    assert stats.options_in == {"mode": "octet", "blksize": "1428", "tsize": "0"}
    assert stats.options_acked == {}
    assert server.sessions.empty()


def test_no_handler_refuses_the_read() -> None:
    """fbtftp lets the client wait."""
    with running(Server(None)) as server, pytest.raises(PeerError, match="ERROR 2"):
        fetch(server, "x")
    assert server._server_stats.get_counter("process_count") == 1


def test_windows_are_granted_and_told() -> None:
    """RFC 7440, which fbtftp does not know."""
    with running(Server(lambda handler: StringResponseData("x" * 100_000))) as server:
        assert fetch(server, "x", windowsize=16) == b"x" * 100_000
        stats = server.sessions.get(timeout=10)
    assert list(stats.options_acked.items()) == [("blksize", "1428"), ("tsize", "100000"), ("windowsize", "16")]
    blocks = 100_000 // 1428 + 1
    assert (stats.packets_sent, stats.packets_acked, stats.bytes_sent) == (blocks + 1, blocks + 1, 100_000)
    assert (stats.blksize, stats.retransmits, stats.error) == (1428, 0, {})
    assert 0 <= stats.duration() < 60


def test_server_statistics_come_by_the_timer_again_and_again() -> None:
    """A callback that fails is called again."""
    told: queue.SimpleQueue[int] = queue.SimpleQueue()

    def callback(stats: ServerStats) -> None:
        told.put(stats.get_and_reset_all_counters().get("process_count", 0))
        raise RuntimeError("the metrics' receiver is gone")

    with running(Server(hello, server_stats_callback=callback, stats_interval_seconds=0.05)) as server:
        fetch(server, "x")
        fetch(server, "y")
        total = 0
        while total < 2:
            total += told.get(timeout=10)
        told.get(timeout=10)
    assert total == 2


def test_run_once_ends_after_one_read() -> None:
    """For users' tests."""
    server = Server(hello)
    thread = threading.Thread(target=server.run, args=[True])
    thread.start()
    assert fetch(server, "x") == b"hello x"
    thread.join(20)
    assert not thread.is_alive()
    assert server.sessions.get(timeout=10).error == {}


def test_close_before_run_and_twice_is_harmless() -> None:
    """And gives the port back."""
    server = Server(hello)
    server.close()
    server.close()
    server.run()


def test_a_stop_closes_content_that_comes_too_late() -> None:
    """get_response_data was still at work; the session's callback is called all the same."""
    gate, closed = threading.Event(), threading.Event()

    class Late(StringResponseData):
        def close(self) -> None:
            closed.set()

    def answer(handler: Handler) -> ResponseData:
        gate.wait(10)
        return Late("late")

    async def ask(server: Server) -> None:
        with pytest.raises(PeerError):
            await read("127.0.0.1", server.port, "x", timeout_s=0.1, retries=0)

    server = Server(answer)
    server_thread = threading.Thread(target=server.run)
    server_thread.start()
    asyncio.run(ask(server))
    server._engine.stop(0.0)
    gate.set()
    assert closed.wait(10)
    assert server.sessions.get(timeout=10).error["error_code"] == 0
    server.close()
    server_thread.join(20)
    assert not server_thread.is_alive()
