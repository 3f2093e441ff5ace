"""What probes found is kept in the database, for the routes."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from nearboot.app import health
from nearboot.app.database import reading, writing
from nearboot.app.health import Round
from nearboot.config import Config, HealthConfig
from nearboot.errors import ConfigError, DatabaseError, NotFoundError
from nearboot.inventory import route_store
from nearboot.model import Health, HealthSample, Reason, Slug

FLEET = """
locations: [{{slug: a, kind: site}}]
boot_servers: [{{name: lo, location: a, ipv4: 127.0.0.1, tftp_port: {port}}}]
"""
PATIENCE = 400  # looks at the list, each of which takes some time


def test_results_are_kept(fleet: Config, now: datetime) -> None:
    """One of each boot server, the newest; nothing serves at these addresses."""
    config = replace(fleet, health=HealthConfig(timeout_s=0.05, attempts=1))
    found = health.check(config, ("there-boot",), vantage="v", clock=lambda: now)
    assert [(h.boot_server, h.healthy, h.checked_at) for h in found] == [("there-boot", False, now)]
    both = health.check(config, (), vantage="w", clock=lambda: now)
    assert [h.boot_server for h in both] == ["here-boot", "there-boot"]
    with reading(config) as session:
        assert {h.boot_server: h.vantage for h in route_store.health(session)} == {"here-boot": "w", "there-boot": "w"}


def test_an_unknown_name_probes_none(fleet: Config, now: datetime) -> None:
    """Before anything is sent."""
    with pytest.raises(NotFoundError, match="here-boot"):
        health.check(fleet, ("there-boot", "here-bot"), vantage="v", clock=lambda: now)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        pytest.param("", sha256(b"nearboot boot server: ok\n").hexdigest(), id="what-serve-tftp-puts-there"),
        pytest.param("any", "", id="any"),
        pytest.param("AB" * 32, "ab" * 32, id="given"),
    ],
)
def test_the_content_that_is_expected_is_a_setting(setting: str, expected: str) -> None:
    """In upper case too."""
    assert health.reading_of(Config(health=HealthConfig(sha256=setting))).sha256 == expected


def test_what_is_no_checksum_is_told() -> None:
    """Before anything is read."""
    with pytest.raises(ConfigError, match=r"health\.sha256: found 'abc', expected 64 hexadecimal"):
        health.reading_of(Config(health=HealthConfig(sha256="abc")))


def _sample(up: bool, now: datetime) -> HealthSample:
    return HealthSample(Health(Slug("lo"), now, up, "why", None, "v"), 3, up)


def test_what_turns_is_told_once(now: datetime, caplog: pytest.LogCaptureFixture) -> None:
    """Boot servers as they fall and rise; a vantage when it begins and ceases to distrust itself."""
    caplog.set_level(logging.INFO, "nearboot.app.health")
    doubting = Round((), (), Reason("vantage-distrusted", "vantage v sees 3 of 4 down"))
    rounds = [Round((), (_sample(False, now),)), doubting, doubting, Round((), (_sample(True, now),)), Round(())]
    for done, before in zip(rounds, [None, *rounds], strict=False):
        health.tell(done, before)
    assert caplog.messages == [
        "boot server down: boot_server=lo vantage=v reads_in_a_row=3 why",
        "vantage distrusted: vantage v sees 3 of 4 down",
        "boot server up: boot_server=lo vantage=v reads_in_a_row=3 why",
        "vantage trusted again: what it sees counts",
    ]


def test_a_round_says_when_its_vantage_sees_most_down(fleet: Config) -> None:
    """What it saw is kept all the same."""
    config = replace(fleet, health=HealthConfig(timeout_s=0.05, distrust_least=2))
    how = health.reading_of(config)
    done = asyncio.run(health.look(config, how, vantage="cut", clock=lambda: datetime.now(UTC)))
    assert done.distrust and done.distrust.data["down"] == 2
    assert [sample.up for sample in done.turned] == [False, False]
    with reading(config) as session:
        assert len(route_store.health(session)) == 2
    judged = health.verdict(config, datetime.now(UTC))
    assert [(each.known, each.healthy) for each in judged.health.values()] == [(False, True), (False, True)]


def test_boot_servers_that_were_removed_meanwhile_are_left_out(fleet: Config, now: datetime) -> None:
    """Their results came late."""
    with writing(fleet) as session:
        checks = [Health(Slug(name), now, True) for name in ("gone", "here-boot")]
        assert [sample.check for _, sample in route_store.add_checks(session, checks)] == checks[1:]


def test_a_database_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    """Nothing is read, and nothing is said to be ready."""
    config = Config(state_dir=str(tmp_path))
    with pytest.raises(DatabaseError, match="nearboot db upgrade"):
        health.serve(config, vantage="v", every_s=1.0)


def test_a_daemon_that_is_killed_is_down_after_three_reads_and_back_after_two(
    nearboot: Callable[..., Any], daemon: Callable[..., Any], database_url: str, tmp_path: Path
) -> None:
    """Round by round, against a real ``serve tftp``; the routes' view is that of the verdict."""
    (tmp_path / "state" / "boot").mkdir(parents=True)
    tftp = daemon("tftp", "--host", "127.0.0.1", "--port", 0)
    port = tftp.port
    (tmp_path / "fleet.yaml").write_text(FLEET.format(port=port))
    nearboot("inventory", "load", tmp_path / "fleet.yaml")
    config = Config(state_dir=str(tmp_path), database_url=database_url, health=HealthConfig(timeout_s=1.0))
    how = health.reading_of(config)

    def look() -> str:
        asyncio.run(health.look(config, how, vantage="v", clock=lambda: datetime.now(UTC)))
        (row,) = json.loads(nearboot("boot-server", "list", "-o", "json").out)
        return str(row["health"])

    assert look() == "healthy"
    tftp.process.send_signal(signal.SIGKILL)
    tftp.process.wait()
    assert [look() for _ in range(3)] == ["healthy", "healthy", "unhealthy"]
    daemon("tftp", "--host", "127.0.0.1", "--port", port)
    assert [look() for _ in range(2)] == ["unhealthy", "healthy"]


def test_the_standing_prober_tells_of_a_fall_and_a_rise(
    nearboot: Callable[..., Any], daemon: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``serve health`` looks by itself; wrong content is a fall too, and its reason is in the list."""
    (tmp_path / "state" / "boot").mkdir(parents=True)
    tftp = daemon("tftp", "--host", "127.0.0.1", "--port", 0)
    (tmp_path / "fleet.yaml").write_text(FLEET.format(port=tftp.port))
    (tmp_path / "nearboot.yaml").write_text("health: {timeout_s: 1}\n")
    monkeypatch.setenv("NEARBOOT_CONFIG", str(tmp_path / "nearboot.yaml"))
    nearboot("inventory", "load", tmp_path / "fleet.yaml")
    file = tmp_path / "state" / "boot" / "nearboot-health"
    right = file.read_bytes()
    prober = daemon("health", "--every", 0.1, "--vantage", "ams")
    assert "health checks from ams every 0.1 s" in prober.ready
    _until(nearboot, lambda row: row["health"] == "healthy")
    file.write_text("something else\n")
    _until(nearboot, lambda row: row["health"] == "unhealthy" and "wrong content: 15 bytes" in row["why"])
    file.write_bytes(right)
    _until(nearboot, lambda row: row["health"] == "healthy")
    assert prober.end() == 0
    told = [line.split(" ", 3)[3] for line in prober.log.read_text().splitlines()]
    assert told[0].startswith("boot server down: boot_server=lo vantage=ams reads_in_a_row=3 nearboot-health from 127.")
    assert told[1:] == [
        "boot server up: boot_server=lo vantage=ams reads_in_a_row=2 read 25 bytes of nearboot-health",
    ]


def _until(nearboot: Callable[..., Any], holds: Callable[[dict[str, Any]], bool]) -> None:
    for _ in range(PATIENCE):
        (row,) = json.loads(nearboot("boot-server", "list", "-o", "json").out)
        if holds(row):
            return
    pytest.fail(f"not in time: {row}")
