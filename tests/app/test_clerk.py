"""Requests that wait together are answered together, each with its own answer, its own error, its own loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import datetime
from functools import wraps
from ipaddress import ip_address

import pytest

from nearboot.app.boot import Asked, Asker, BootDesk, Found, boot_files
from nearboot.app.clerk import BATCH, Clerk
from nearboot.app.database import database
from nearboot.config import Config
from nearboot.errors import DatabaseError, ProtocolError
from nearboot.inventory.host_store import HostReader
from nearboot.model import Reason

MAC_1, MAC_2 = "52-54-00-00-00-01", "52-54-00-00-00-02"


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


@pytest.fixture
def desk(fleet: Config) -> Iterator[BootDesk]:
    with database(fleet) as engine:
        yield BootDesk(engine, boot_files(fleet, fleet.root), me="there-boot")


def in_a_loop(test: Callable[..., Coroutine[object, object, None]]) -> Callable[..., None]:
    @wraps(test)
    def run(**given: object) -> None:
        asyncio.run(test(**given))

    return run


class SlowDesk:
    """Answers when it is let to, and notes what it was asked at once."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[int] = []
        self.let = threading.Event()
        self.begun = threading.Event()
        self._error = error

    def reader(self) -> HostReader:
        return NoReader()  # type: ignore[return-value]  # nothing is read

    def answers(self, asked: Sequence[Asked], reader: HostReader) -> list[Found | Exception]:
        self.begun.set()
        self.let.wait(10)
        self.asked.append(len(asked))
        if self._error:
            raise self._error
        return [Found(path.encode(), Reason("x", ""), None) for path, _ in asked]


class NoReader:
    def close(self) -> None:
        pass


def asker(now: datetime) -> Asker:
    return Asker(ip_address("192.0.2.1"), now)


@in_a_loop
async def test_each_gets_its_own(desk: BootDesk, now: datetime) -> None:
    """As the desk alone would answer; a broken path fails alone."""
    paths = [f"pxelinux.cfg/01-{MAC_1}", f"grub/grub.cfg-01-{MAC_2}", "../x", "deb/vmlinuz", "pxelinux.cfg/7F"]
    with Clerk(desk) as clerk:
        asked = [clerk.look_up(path, asker(now)) for path in paths]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(answers[2], ProtocolError)
    good = [(path, answer) for path, answer in zip(paths, answers, strict=True) if isinstance(answer, Found)]
    assert [answer for _, answer in good] == [desk.look_up(path, asker(now)) for path, _ in good]
    assert [answer.server for _, answer in good] == ["lo-01", "lo-02", None, None]


@in_a_loop
async def test_what_waits_is_one_batch(now: datetime) -> None:
    """While the first is looked up the others gather; a batch has a bound."""
    desk = SlowDesk()
    with Clerk(desk) as clerk:  # type: ignore[arg-type]  # a desk for what it needs
        first = asyncio.create_task(clerk.look_up("a", asker(now)))
        await asyncio.to_thread(desk.begun.wait, 10)
        more = [asyncio.create_task(clerk.look_up(f"{number}", asker(now))) for number in range(BATCH + 3)]
        await asyncio.sleep(0)
        desk.let.set()
        answers = await asyncio.gather(first, *more)
    assert desk.asked == [1, BATCH, 3]
    assert [answer.content for answer in answers] == [b"a", *(f"{number}".encode() for number in range(BATCH + 3))]


@in_a_loop
@pytest.mark.parametrize("error", [DatabaseError("the database refused: x"), KeyError("a bug")], ids=["refused", "bug"])
async def test_a_batch_that_fails_is_told_to_each_and_the_next_is_answered(now: datetime, error: Exception) -> None:
    desk = SlowDesk(error)
    desk.let.set()
    with Clerk(desk) as clerk:  # type: ignore[arg-type]  # a desk for what it needs
        failed = await asyncio.gather(*(clerk.look_up(path, asker(now)) for path in "ab"), return_exceptions=True)
        assert failed == [error, error]
        desk._error = None
        assert (await clerk.look_up("c", asker(now))).content == b"c"


@in_a_loop
async def test_who_waits_no_more_holds_up_nobody(now: datetime) -> None:
    """A client has gone: its task is cancelled."""
    desk = SlowDesk()
    with Clerk(desk) as clerk:  # type: ignore[arg-type]  # a desk for what it needs
        gone = asyncio.create_task(clerk.look_up("a", asker(now)))
        await asyncio.to_thread(desk.begun.wait, 10)
        stays = asyncio.create_task(clerk.look_up("b", asker(now)))
        await asyncio.sleep(0)
        gone.cancel()
        desk.let.set()
        assert (await stays).content == b"b"
        assert gone.cancelled()


def test_a_loop_that_ended_holds_up_nobody(now: datetime) -> None:
    """The handlers' thread may end while a look-up is under way; other loops are answered."""
    desk = SlowDesk()
    with Clerk(desk) as clerk:  # type: ignore[arg-type]  # a desk for what it needs
        loop = asyncio.new_event_loop()
        task = loop.create_task(clerk.look_up("a", asker(now)))
        loop.call_soon(loop.stop)
        loop.run_forever()
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()
        desk.let.set()
        assert asyncio.run(clerk.look_up("b", asker(now))).content == b"b"


def test_closing_answers_what_waits(desk: BootDesk) -> None:
    """A clerk that was never started is closed as well."""
    Clerk(desk).close()
