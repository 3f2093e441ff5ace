"""Progress and rates from look to look; who runs here is asked on the sockets of the run folder."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nearboot.app.measure import Measures
from nearboot.app.status import Moving, Process, Sources, Status, StatusServer
from nearboot.app.top import SMOOTH_S, Top, look, machines, unnamed
from nearboot.config import Config
from nearboot.errors import PeerError
from nearboot.tftp import LiveState, LiveTransfer

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PROCESS = Process("tftp", 7, 0, 7, NOW, "[::]:69", "ams-boot")
LIVE = LiveTransfer(("192.0.2.7", 4000), "192.0.2.1", "kernel", LiveState.SENDING, 10_000, 0, 512, 1, 0, NOW)


def _status(acked: int, *, completed: int = 0, sent: int = 0, process: Process = PROCESS) -> Status:
    transfers = (Moving(replace(LIVE, bytes_acked=acked), None),)
    return Status(process, Measures({"completed": completed, "bytes_sent": sent}), transfers)


def _at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_first_look_gives_the_mean_since_the_start() -> None:
    """There is nothing to compare with."""
    picture = Top().see([_status(2000)], now=50.0, at=_at(4))
    (row,) = picture.rows
    assert (row.rate, row.share, row.left_s, row.age_s) == (500, 0.2, 16, 4)
    assert (picture.rate, picture.per_second, picture.totals["completed"]) == (500, {}, 0)


def test_rates_follow_what_moves() -> None:
    """A transfer that stands still comes down to nothing, step by step."""
    top = Top()
    rates = [top.see([_status(2000)], now=float(now), at=_at(now)).rows[0].rate for now in range(1, 60)]
    assert rates[0] == 2000 and rates[-1] < 1
    assert rates == sorted(rates, reverse=True)
    assert rates[int(SMOOTH_S)] == pytest.approx(2000 / 2.71828, rel=0.01)


def test_the_total_has_those_that_ended_too() -> None:
    """Between two looks a transfer ended and another is half through; requests are a second's."""
    top = Top()
    top.see([_status(4000, completed=1, sent=50_000)], now=1.0, at=_at(1))
    ended = Status(PROCESS, Measures({"completed": 3, "bytes_sent": 70_000}))
    picture = top.see([ended], now=101.0, at=_at(101))
    assert picture.rate == pytest.approx((70_000 - 54_000) / 100, rel=0.01)
    assert picture.per_second["completed"] == 2 / 100
    assert (picture.rows, picture.totals["completed"]) == ((), 3)


def test_a_worker_that_began_anew_takes_nothing_back() -> None:
    """Its counters are smaller than its predecessor's: only what both looks know is compared."""
    top, other = Top(), replace(PROCESS, worker=1, pid=8)
    top.see([_status(0, sent=9_000_000), _status(0, completed=5, process=other)], now=1.0, at=_at(1))
    anew = replace(PROCESS, pid=9)
    picture = top.see([_status(0, process=anew), _status(0, completed=6, process=other)], now=2.0, at=_at(2))
    assert picture.rate >= 0
    assert picture.per_second["completed"] == 1
    assert [process.pid for process in picture.processes] == [9, 8]


def test_the_same_port_that_asks_anew_begins_anew() -> None:
    """Fewer bytes than before are another transfer's."""
    top = Top()
    top.see([_status(9000)], now=1.0, at=_at(1))
    assert top.see([_status(100)], now=2.0, at=_at(2)).rows[0].rate == 50


@pytest.mark.parametrize(("size", "share"), [pytest.param(None, None, id="unknown"), pytest.param(0, 0.0, id="empty")])
def test_a_share_of_nothing_is_no_fault(size: int | None, share: float | None) -> None:
    """Streams announce none, and files may be empty."""
    status = Status(PROCESS, Measures(), (Moving(replace(LIVE, size=size), None),))
    (row,) = Top().see([status], now=1.0, at=_at(1)).rows
    assert (row.share, row.left_s) == (share, None)


def test_names_come_from_the_daemon_else_from_the_inventory(fleet: Config) -> None:
    """Only those that the daemon does not know are looked up; strangers have none."""
    known = Moving(replace(LIVE, client=("127.0.0.1", 1)), "by-daemon")
    others = [Moving(replace(LIVE, client=(address, 2)), None) for address in ("127.0.0.1", "127.0.0.9", "192.0.2.7")]
    status = Status(PROCESS, Measures(), (known, *others))
    assert unnamed([status]) == {"127.0.0.1", "127.0.0.9", "192.0.2.7"}
    names = machines(fleet, unnamed([status]), NOW)
    assert names == {"127.0.0.1": "lo-01", "127.0.0.9": "lo-02"}
    rows = Top().see([status], now=1.0, at=NOW, names=names).rows
    assert [row.machine for row in rows] == ["by-daemon", "lo-01", "lo-02", None]
    assert machines(Config(database_url="postgresql://nobody@127.0.0.1:1/none"), {"192.0.2.7"}, NOW) == {}


def test_all_processes_here_are_asked(tmp_path: Path) -> None:
    """A socket that nobody answers on is passed over; with none at all the folder is named."""
    config = Config(state_dir=str(tmp_path))
    with pytest.raises(PeerError, match=r"no TFTP server of nearboot can be seen .* looked in .*/run"):
        look(config)
    measures, folder = Measures({"completed": 1}), tmp_path / "run"
    with StatusServer(folder, Sources(PROCESS, lambda: measures, lambda: ())):
        (folder / "tftp.8.0.sock").write_text("")
        assert look(config) == [Status(PROCESS, measures)]
    with pytest.raises(PeerError, match=r"tftp.8.0.sock: "):
        look(config)
