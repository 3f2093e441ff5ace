"""Following a lease file: as Kea writes it, and through what can happen to a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from nearboot.errors import ProtocolError
from nearboot.kea.lease_runner import Position, follow
from nearboot.kea.leases import Lease
from nearboot.kea.settings import KeaInputs
from nearboot.model import mac_from_text
from nearboot.probe.client import boot4
from nearboot.probe.firmware import FIRMWARES

from .conftest import Starter

HEADER = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"
POLL_S = 0.005


def row(number: int) -> str:
    return f"10.0.0.{number},52:54:00:00:00:{number:02x},,3600,1795358683,1,0,0,,0,\n"


class Follower:
    """What was handed over so far, and a way to wait for more."""

    def __init__(self) -> None:
        self.leases: list[Lease] = []
        self.positions: list[Position] = []
        self.problems: list[ProtocolError] = []
        self.arrived = asyncio.Condition()

    @property
    def numbers(self) -> list[int]:
        return [int(lease.address) & 0xFF for lease in self.leases]

    async def on_lease(self, lease: Lease, position: Position) -> None:
        async with self.arrived:
            self.leases.append(lease)
            self.positions.append(position)
            self.arrived.notify_all()

    async def until(self, numbers: list[int]) -> None:
        async with asyncio.timeout(20), self.arrived:
            await self.arrived.wait_for(lambda: len(self.numbers) >= len(numbers))
        assert self.numbers == numbers


@asynccontextmanager
async def following(
    path: Path, start: Position | None = None, *, skip_existing: bool = False
) -> AsyncIterator[Follower]:
    follower, stop = Follower(), asyncio.Event()
    task = asyncio.create_task(
        follow(
            path,
            on_lease=follower.on_lease,
            stop=stop,
            start=start,
            skip_existing=skip_existing,
            poll_s=POLL_S,
            on_problem=follower.problems.append,
        )
    )
    try:
        yield follower
    finally:
        stop.set()
        await task


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def clean_up(path: Path) -> None:
    """What Kea's lease file clean-up does to the file that it writes."""
    path.rename(path.with_name(path.name + ".1"))
    path.write_text(HEADER)


async def test_a_file_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    """nearboot may start before Kea."""
    path = tmp_path / "l.csv"
    async with following(path) as follower:
        await asyncio.sleep(0)
        path.write_text(HEADER + row(1))
        await follower.until([1])
        append(path, row(2))
        await follower.until([1, 2])


async def test_half_a_line_is_left_until_it_is_whole(tmp_path: Path) -> None:
    """Kea may be in the middle of writing."""
    path = tmp_path / "l.csv"
    path.write_text(HEADER + row(1) + row(2)[:20])
    async with following(path) as follower:
        await follower.until([1])
        append(path, row(2)[20:] + row(3))
        await follower.until([1, 2, 3])
    assert follower.problems == []


async def test_nothing_is_lost_or_repeated_by_the_clean_up(tmp_path: Path) -> None:
    """Rows written just before the renaming, and those in the new file."""
    path = tmp_path / "l.csv"
    path.write_text(HEADER + row(1))
    async with following(path) as follower:
        await follower.until([1])
        append(path, row(2))
        clean_up(path)
        append(path, row(3))
        await follower.until([1, 2, 3])
        append(path, row(4))
        await follower.until([1, 2, 3, 4])


async def test_a_restart_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """From the position that came with the last row handled."""
    path = tmp_path / "l.csv"
    path.write_text(HEADER + row(1) + row(2))
    async with following(path) as first:
        await first.until([1, 2])
    append(path, row(3))
    async with following(path, first.positions[0]) as second:
        await second.until([2, 3])


async def test_a_restart_after_a_clean_up_reads_the_rest_of_the_old_file(tmp_path: Path) -> None:
    """The old file is still there under its other name."""
    path = tmp_path / "l.csv"
    path.write_text(HEADER + row(1) + row(2))
    async with following(path) as first:
        await first.until([1, 2])
    clean_up(path)
    append(path, row(3))
    async with following(path, first.positions[0]) as second:
        await second.until([2, 3])


async def test_a_new_file_with_an_old_inode_is_not_mistaken_for_it(tmp_path: Path) -> None:
    """File systems give inodes out again; the last line read tells the files apart."""
    path = tmp_path / "l.csv"
    path.write_text(HEADER + row(1) + row(2))
    async with following(path) as first:
        await first.until([1, 2])
    path.write_text(HEADER + row(7) + row(8) + row(9))  # same inode, other content
    async with following(path, first.positions[1]) as second:
        await second.until([7, 8, 9])


async def test_what_was_there_before_can_be_skipped(tmp_path: Path) -> None:
    """A first start on a machine whose Kea has run for long."""
    path = tmp_path / "l.csv"
    path.write_text(HEADER + row(1))
    async with following(path, skip_existing=True) as follower:
        await asyncio.sleep(POLL_S)
        append(path, row(2))
        await follower.until([2])


async def test_a_file_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    """An operator empties the file and starts Kea again."""
    path = tmp_path / "l.csv"
    path.write_text(HEADER + row(1) + row(2))
    async with following(path) as follower:
        await follower.until([1, 2])
        path.write_text(HEADER + row(3))
        await follower.until([1, 2, 3])


async def test_a_row_that_cannot_be_read_is_reported_and_passed_over(tmp_path: Path) -> None:
    """One odd row does not end the timeline of a fleet."""
    path = tmp_path / "l.csv"
    path.write_text(HEADER + "odd\n" + row(2))
    async with following(path) as follower:
        await follower.until([2])
    assert len(follower.problems) == 1


async def test_rows_that_are_there_when_it_is_stopped_are_still_handed_over(tmp_path: Path) -> None:
    """The lab stops the follower when its last VM is done."""
    path, follower, stop = tmp_path / "l.csv", Follower(), asyncio.Event()
    path.write_text(HEADER + row(1))
    stop.set()
    await follow(path, on_lease=follower.on_lease, stop=stop)
    assert follower.numbers == [1]


async def test_a_handler_that_fails_ends_the_following(tmp_path: Path) -> None:
    """What cannot be stored must not be forgotten: the caller starts again from the last position."""
    path = tmp_path / "l.csv"
    path.write_text(HEADER + row(1))

    async def broken(lease: Lease, position: Position) -> None:
        raise ZeroDivisionError

    handler: Callable[[Lease, Position], Awaitable[None]] = broken
    with pytest.raises(ZeroDivisionError):
        await follow(path, on_lease=handler, stop=asyncio.Event())


@pytest.mark.kea
async def test_a_real_boot_appears_as_a_lease(kea: Starter, fleet: KeaInputs) -> None:
    """From DHCPREQUEST to a value: address, MAC, subnet, host name."""
    async with kea(4, fleet) as daemon, following(daemon.leases) as follower:
        await boot4(
            FIRMWARES["uefi-x64"],
            mac_from_text("52:54:00:00:00:01"),
            giaddr=IPv4Address("10.10.0.1"),
            server=daemon.server,
            local=daemon.local,
            timeout_s=20.0,
        )
        await follower.until([21])
    lease = follower.leases[0]
    assert (lease.mac, lease.subnet_id, lease.is_assignment) == ("52:54:00:00:00:01", 11, True)
