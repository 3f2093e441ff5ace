"""``nearboot probe run``: targets of the inventory or a file, maps that are published and loaded, rounds that go on."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from probe_program import Program, program

from nearboot.app import latency
from nearboot.app.ping import Pinger, Pinging, ping_once, unless
from nearboot.config import Config
from nearboot.errors import ConfigError, InputError, NotFoundError
from nearboot.inventory import schema_store, store
from nearboot.model import AdminState, MapState

QUICK = {"probes": 5, "source_port": 0, "source_ports": 4, "timeout_s": 2.0}


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


@pytest.fixture
def responder(tmp_path: Path) -> Iterator[Program]:
    """On all addresses of the loopback."""
    with program(tmp_path / "responder.log", "serve", "--host", "0.0.0.0", "--port", 0) as running:
        yield running


def settings(config: Config, port: int) -> Config:
    return replace(config, probe=replace(config.probe, port=port, **QUICK))  # type: ignore[arg-type]  # each of its type


def clock() -> datetime:
    return datetime.now(UTC)


def test_a_round_is_measured_published_and_loaded(fleet: Config, responder: Program, tmp_path: Path) -> None:
    """From where one boot server stands to where the other does; the map's source names the place."""
    how = Pinging(me="here-boot", publish=tmp_path, load=True)
    config = settings(replace(fleet, latency=replace(fleet.latency, hold_moves=1.0)), responder.port)
    done = ping_once(config, how, clock)
    (item,) = done.summaries
    assert (item.target.location, item.target.host, item.sent, item.received) == ("there", "127.0.0.5", 5, 5)
    assert done.loaded and done.loaded.epoch and not done.loaded.quarantined
    assert not done.loaded.held
    assert (tmp_path / "probe-here.csv").read_text() == done.text
    assert [path.name for path in tmp_path.glob("*probe-here*")] == ["probe-here.csv"], "nothing half written"
    sources = {each.map.source: each.map for each in latency.current_maps(fleet, clock())}
    (sample,) = sources["probe-here"].samples
    assert (sample.src, sample.dst, sample.loss, sample.count) == ("here", "there", 0, 5)
    assert sample.rtt_ms == pytest.approx(item.rtt_ms, abs=1e-4)


def test_a_map_that_moves_too_much_is_held(fleet: Config, responder: Program) -> None:
    """As one from a file: over this loopback the other place is suddenly nearer than one's own."""
    done = ping_once(settings(fleet, responder.port), Pinging("here", load=True), clock)
    assert done.loaded and done.loaded.state is MapState.HELD
    assert [reason.code for reason in done.loaded.held] == ["blast-radius"]


def test_a_map_is_signed_where_maps_are(
    fleet: Config, responder: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a controller that takes signed maps alone takes a pinger's."""
    monkeypatch.setenv("MAP_KEY", "0123456789abcdef0123456789abcdef")
    proving = replace(fleet.latency, signing_key="env:MAP_KEY", require_signature=True, hold_moves=1.0)
    config = settings(replace(fleet, latency=proving), responder.port)
    done = ping_once(config, Pinging("here", publish=tmp_path, load=True), clock)
    assert done.loaded and done.loaded.state is MapState.ACCEPTED
    how = latency.Reading()
    again = latency.load(config, str(tmp_path / "probe-here.csv"), how, dry_run=True, actor="ada", now=clock())
    assert again.summary.source == "probe-here"


def test_the_published_file_is_loaded_by_hand(fleet: Config, responder: Program, tmp_path: Path) -> None:
    """As ``nearboot latency load FILE`` does, without a word on its format."""
    ping_once(settings(fleet, responder.port), Pinging("here", publish=tmp_path / "map.csv"), clock)
    how = latency.Reading(source="probes")
    loaded = latency.load(fleet, str(tmp_path / "map.csv"), how, dry_run=False, actor="ada", now=clock())
    assert loaded.summary.samples == 1


def test_targets_are_all_other_places_or_those_that_are_named(fleet: Config) -> None:
    """A place stands for the boot servers at it; a disabled one is not asked unless it is named."""

    def names(*said: str, at: str = "here") -> list[str]:
        return [target.name for target in Pinger(fleet, Pinging(at, names=said), clock).targets()]

    assert names() == ["there-boot"]
    assert names(at="there") == ["here-boot"]
    assert names("there", "here-boot") == ["here-boot", "there-boot"]
    with pytest.raises(NotFoundError, match="did you mean there"):
        names("ther")
    engine = schema_store.open_engine(fleet.database)
    with schema_store.writing(engine) as session:
        store.set_boot_server_state(session, "there-boot", AdminState.DISABLED)
    engine.dispose()
    assert names("there-boot") == ["there-boot"]
    with pytest.raises(InputError, match="no boot server with an address away from here"):
        names()


def test_a_file_of_targets_needs_no_database(responder: Program, tmp_path: Path) -> None:
    """On a machine that has only the file."""
    (tmp_path / "targets").write_text(f"fra 127.0.0.1 {responder.port}\nlhr 127.0.0.2 {responder.port}\n")
    config = settings(Config(database_url="sqlite:////nowhere/none.db"), 1)
    done = ping_once(config, Pinging("ams", file=tmp_path / "targets"), clock)
    assert [(pair.location, pair.summary.received) for pair in done.pairs] == [("fra", 5), ("lhr", 5)]


def test_a_pinger_that_hears_nobody_publishes_nothing(tmp_path: Path) -> None:
    """Its own network is to blame; the last map stays what it was."""
    (tmp_path / "targets").write_text("fra 127.0.0.1 9\nlhr 127.0.0.2 9\n")
    config = Config(probe=replace(Config().probe, **QUICK | {"timeout_s": 0.1, "probes": 2}))  # type: ignore[arg-type]  # each of its type
    (tmp_path / "map.csv").write_text("old")
    done = ping_once(config, Pinging("ams", file=tmp_path / "targets", publish=tmp_path / "map.csv"), clock)
    assert "this pinger's own network is suspect" in done.trouble
    assert ((tmp_path / "map.csv").read_text(), done.text) == ("old", "")


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        pytest.param(Pinging(), ConfigError, "where does this pinger stand", id="nowhere"),
        pytest.param(Pinging("here", "here-boot"), ConfigError, "where does this pinger stand", id="at two places"),
        pytest.param(Pinging("her"), NotFoundError, "did you mean here", id="at no place"),
        pytest.param(Pinging("here", source="../x"), ConfigError, "names a file", id="a source that is a path"),
    ],
)
def test_what_cannot_be_is_told(fleet: Config, how: Pinging, error: type[Exception], message: str) -> None:
    """Before a probe is sent."""
    with pytest.raises(error, match=message):
        Pinger(fleet, how, clock)


def test_rounds_go_on_until_the_end(responder: Program, tmp_path: Path) -> None:
    """Each publishes a map; what is in between is a line in the log; SIGTERM is exit code 0."""
    (tmp_path / "targets").write_text(f"fra 127.0.0.1 {responder.port}\n")
    words = ["run", "--location", "ams", "--targets", tmp_path / "targets", "--publish", "-", "--interval", 0.3]
    words += ["--timeout", 1, "--probes", 4, "--source-port", 0]
    with program(tmp_path / "log", *words) as running:
        lines = [running.line() for _ in range(4)]
        assert running.end() == 0
    assert [line.split(",")[:2] for line in lines] == [["src", "dst"], ["ams", "fra"]] * 2
    assert "round source=probe-ams targets=1 sent=4 received=4 pairs=1" in (tmp_path / "log").read_text()


def test_a_round_that_fails_is_told_and_the_next_one_comes(responder: Program, tmp_path: Path) -> None:
    """The folder of the maps is gone, then there again; the file of targets is gone: those of before stay."""
    (tmp_path / "targets").write_text(f"fra 127.0.0.1 {responder.port}\n")
    words = ["run", "--location", "ams", "--targets", tmp_path / "targets", "--publish", tmp_path / "maps" / "ams.csv"]
    words += ["--interval", 0.2, "--timeout", 1, "--probes", 2, "--source-port", 0]
    with program(tmp_path / "log", *words) as running:
        wait_for(running, lambda: "ams.csv cannot be written: No such file" in (tmp_path / "log").read_text())
        (tmp_path / "targets").unlink()
        wait_for(running, lambda: "targets: found No such file or directory" in (tmp_path / "log").read_text())
        (tmp_path / "maps").mkdir()
        wait_for(running, (tmp_path / "maps" / "ams.csv").exists)
        assert running.end() == 0


def wait_for(running: Program, is_so: Callable[[], bool]) -> None:
    """Until the process in the background, which goes on, has come that far."""
    for _ in range(600):
        if is_so():
            return
        with suppress(subprocess.TimeoutExpired):
            running.process.wait(0.1)
    pytest.fail(running.log.read_text())


def test_what_waits_gives_way_to_the_stop() -> None:
    """And what it waited for is cancelled."""

    async def main() -> None:
        stop = asyncio.Event()
        assert await unless(stop, asyncio.sleep(0, "done")) == "done"
        asyncio.get_running_loop().call_soon(stop.set)
        assert await unless(stop, asyncio.sleep(3600, "late")) is None

    asyncio.run(main())
