"""What a daemon tells on its socket is what whoever asks reads."""

from __future__ import annotations

import json
import socket
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nearboot.app.measure import BUCKETS, Measures
from nearboot.app.status import (
    CHUNK,
    Moving,
    Process,
    Sources,
    Status,
    StatusServer,
    Wanted,
    lines,
    parse_status,
    read_status,
    run_folder,
    sockets,
)
from nearboot.config import Config
from nearboot.errors import ConfigError, PeerError, ProtocolError
from nearboot.tftp import LiveState, LiveTransfer

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
PROCESS = Process("tftp", 77, 0, 77, NOW, "[::]:69", "ams-boot")
MEASURES = Measures({"completed": 3}, {"active": 2}, (1,) * BUCKETS, 4.5)
LIVE = LiveTransfer(("2001:db8::7", 40000), "2001:db8::1", "a\udcff\n", LiveState.SENDING, 9000, 1428, 1428, 16, 2, NOW)
MOVING = (Moving(LIVE, "web01"), Moving(replace(LIVE, state=LiveState.WAITING, size=None), None))


def _sources(count: int = 1) -> Sources:
    return Sources(PROCESS, lambda: MEASURES, lambda: MOVING * count)


def _told(sources: Sources, with_transfers: bool) -> str:
    return b"".join(lines(sources, with_transfers=with_transfers)).decode()


def test_what_is_told_is_what_is_read() -> None:
    """Also a file's name that is no text."""
    assert parse_status(_told(_sources(), True)) == Status(PROCESS, MEASURES, MOVING)
    assert parse_status(_told(_sources(), False)) == Status(PROCESS, MEASURES)


def test_transfers_come_in_parts() -> None:
    """No part is so long that packets wait for it."""
    parts = [json.loads(line) for line in lines(_sources(CHUNK), with_transfers=True)][1:]
    assert [len(part) for part in parts] == [CHUNK, CHUNK]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="cut"),
        pytest.param("[]", id="other"),
        pytest.param('{"version": 2}', id="version"),
    ],
)
def test_what_is_no_status_is_refused(text: str) -> None:
    """A process that died in the middle, or another program's socket."""
    with pytest.raises(ProtocolError):
        parse_status(text)


def test_it_is_read_from_a_socket_of_a_deep_folder(tmp_path: Path) -> None:
    """The kernel's 107 bytes for a name do not matter; the owner and the group alone may ask."""
    folder = tmp_path / ("deep" * 20) / ("deeper" * 20)
    with StatusServer(folder, _sources()) as server:
        assert sockets(folder) == sockets(folder, daemon=77) == [server.path]
        assert sockets(folder, daemon=7) == sockets(folder, kind="http") == []
        assert stat.S_IMODE(server.path.stat().st_mode) == 0o660
        assert read_status(server.path, Wanted.TRANSFERS) == Status(PROCESS, MEASURES, MOVING)
        assert read_status(server.path, Wanted.TOTALS) == Status(PROCESS, MEASURES)
    assert list(folder.iterdir()) == []
    with pytest.raises(PeerError, match="No such file"):
        read_status(server.path, Wanted.TOTALS)


def test_a_socket_of_a_dead_process_is_removed(tmp_path: Path) -> None:
    """By whoever starts next; those of the living stay."""
    dead = tmp_path / "tftp.1.0.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(dead))
    with pytest.raises(PeerError, match="refused"):
        read_status(dead, Wanted.TOTALS)
    other = replace(PROCESS, worker=1)
    with StatusServer(tmp_path, _sources()) as one, StatusServer(tmp_path, replace(_sources(), process=other)) as two:
        assert sockets(tmp_path) == [one.path, two.path]


def _broken() -> Measures:
    raise ValueError("a bug")


def test_a_source_that_fails_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The fault is in the log, and the next question is answered."""
    answers = iter((_broken, lambda: MEASURES))

    def measures() -> Measures:
        return next(answers)()

    sources = Sources(PROCESS, measures, lambda: ())
    with StatusServer(tmp_path, sources) as server:
        with pytest.raises(PeerError):
            read_status(server.path, Wanted.TOTALS)
        assert read_status(server.path, Wanted.TOTALS).measures == MEASURES
    assert "the status cannot be told" in caplog.text


def test_one_who_leaves_early_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another may ask after it."""
    monkeypatch.chdir(tmp_path)
    with StatusServer(tmp_path, _sources(1000)) as server:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(server.path.name)
            sock.sendall(b"transfers\n")
        assert len(read_status(server.path, Wanted.TRANSFERS).transfers) == 2000


def test_a_folder_that_cannot_be_is_a_clear_error(tmp_path: Path) -> None:
    """The setting is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"run_dir: .*file"):
        StatusServer(tmp_path / "file", _sources())


def test_the_folder_is_in_the_state_folder_unless_it_is_said() -> None:
    """As the database and the boot files."""
    assert run_folder(Config(state_dir="/s")) == Path("/s/run")
    assert run_folder(Config(state_dir="/s", run_dir="/r")) == Path("/r")
