"""``serve tftp`` is seen from outside: metrics that agree with what was read, a status of its own, a sum of workers."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from nearboot.app.measure import Measures
from nearboot.app.status import Process, Sources, StatusServer, Wanted, read_status, sockets
from nearboot.app.top import Top, look
from nearboot.app.watch import Workers, told
from nearboot.config import Config
from nearboot.errors import PeerError
from nearboot.tftp import LiveState
from nearboot.tftp.client import read

Daemon = Callable[..., Any]

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


@pytest.fixture
def tftp(fleet: Config, daemon: Daemon) -> Any:
    """The daemon, with metrics."""
    words = ["--host", "127.0.0.1", "--port", 0, "--root", fleet.root, "--boot-server", "there-boot"]
    return daemon("tftp", *words, "--metrics-listen", "127.0.0.1:0", "--log-format", "json")


def _scraped(tftp: Any) -> dict[tuple[str, str], float]:
    """Each sample by name and the value of its label."""
    text = httpx.get(tftp.ready.split(" metrics=")[1].split()[0]).text
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _read(port: int, path: str) -> bytes:
    return asyncio.run(read("127.0.0.1", port, path, timeout_s=5))


def test_a_scrape_is_what_was_read(fleet: Config, tftp: Any) -> None:
    """Requests by outcome, bytes and durations; the log has a line for each, and a stop ends all of it in order."""
    kernel = len(_read(tftp.port, "deb/vmlinuz"))
    _read(tftp.port, "deb/vmlinuz")
    config = len(_read(tftp.port, "grub/grub.cfg"))
    with pytest.raises(PeerError, match="ERROR 1"):
        _read(tftp.port, "no-such-file")
    with pytest.raises(PeerError, match="ERROR 2"):
        _read(tftp.port, "../../etc/passwd")
    samples = _scraped(tftp)
    requests = {key[1]: value for key, value in samples.items() if key[0] == "nearboot_tftp_requests_total" and value}
    assert requests == {"completed": 3, "not_found": 1, "refused": 1}
    assert samples["nearboot_tftp_sent_bytes_total", ""] == 2 * kernel + config
    assert (samples["nearboot_tftp_active_transfers", ""], samples["nearboot_tftp_faults_total", ""]) == (0, 0)
    assert samples["nearboot_tftp_cache_hits_total", ""] >= 1
    url = tftp.ready.split(" metrics=")[1].split()[0]
    assert httpx.get(url.replace("/metrics", "/healthz")).text == "ok\n"
    assert tftp.end() == 0
    lines = [json.loads(line) for line in tftp.log.read_text().splitlines()]
    reads = [line["fields"] for line in lines if "fields" in line]
    assert [(each["file"], each["outcome"], each["bytes"]) for each in reads] == [
        ("deb/vmlinuz", "ok", kernel),
        ("deb/vmlinuz", "ok", kernel),
        ("grub/grub.cfg", "ok", config),
        ("no-such-file", "not-found", 0),
        ("../../etc/passwd", "refused", 0),
    ]
    assert list(Path(fleet.state_dir, "state", "run").iterdir()) == []


def test_a_transfer_is_seen_while_it_runs(fleet: Config, tftp: Any) -> None:
    """With the name of its server, once the inventory has been asked for it; and its bytes grow."""
    folder = Path(fleet.state_dir, "state", "run")
    (path,) = sockets(folder)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.sendto(b"\0\1deb/vmlinuz\0octet\0", ("127.0.0.1", tftp.port))
        seen = []
        for block in (1, 2, 3):
            data, transfer = client.recvfrom(2000)
            assert data[:4] == b"\0\3" + block.to_bytes(2, "big")
            (moving,) = read_status(path, Wanted.TRANSFERS).transfers
            seen.append(moving.transfer.bytes_acked)
            client.sendto(b"\0\4" + block.to_bytes(2, "big"), transfer)
        assert seen == [0, 512, 1024]
        assert moving.transfer.client == ("127.0.0.1", client.getsockname()[1])
        assert (moving.transfer.filename, moving.transfer.server) == ("deb/vmlinuz", "127.0.0.1")
        assert (moving.transfer.state, moving.transfer.size) == (LiveState.SENDING, 256 * 300)
        client.recvfrom(2000)
        client.sendto(b"\0\5\0\0enough\0", transfer)


def test_the_workers_of_a_daemon_are_summed_up(tmp_path: Path) -> None:
    """One that is gone stays in the sum, and is missed; another daemon's are none of ours."""
    config = Config(state_dir=str(tmp_path))
    parts = {}
    for daemon, worker, completed in ((7, 0, 3), (7, 1, 4), (8, 0, 100)):
        measures = Measures({"completed": completed}, {"active": 1, "workers": 1})
        process = Process("tftp", daemon, worker, 1000 + worker, NOW, "", "")
        parts[daemon, worker] = StatusServer(tmp_path / "run", Sources(process, lambda m=measures: m, lambda: ()))
        parts[daemon, worker].start()
    workers = Workers(config, 2, daemon=7)
    try:
        total = workers.measures()
        assert (total.counts, total.gauges, workers.health()) == ({"completed": 7}, {"active": 2, "workers": 2}, "")
        parts[7, 0].close()
        total = workers.measures()
        assert (total.counts, total.gauges) == ({"completed": 7}, {"active": 1, "workers": 1})
        assert workers.health() == "1 of 2 workers do not respond"
    finally:
        for part in parts.values():
            part.close()


def test_without_a_run_folder_machines_boot_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, with the setting."""
    (tmp_path / "file").write_text("")
    process = Process("tftp", 1, 0, 1, NOW, "", "")
    with told(Config(run_dir=str(tmp_path / "file")), Sources(process, Measures, lambda: ())):
        pass
    assert "boot-server top will not see this daemon: no socket can be made in run_dir" in caplog.text


def test_two_workers_are_one_daemon(fleet: Config, daemon: Daemon) -> None:
    """What each has served adds up; one that is killed takes nothing away, and the next in its place is counted too."""
    words = ["--host", "127.0.0.1", "--port", 0, "--root", fleet.root, "--workers", 2]
    tftp = daemon("tftp", *words, "--metrics-listen", "127.0.0.1:0")
    folder = Path(fleet.state_dir, "state", "run")
    for _ in range(20):
        _read(tftp.port, "deb/vmlinuz")
    before = _scraped(tftp)
    assert before["nearboot_tftp_requests_total", "completed"] == 20
    assert before["nearboot_tftp_sent_bytes_total", ""] == 20 * 256 * 300
    assert before["nearboot_tftp_workers", ""] == 2
    statuses = [read_status(path, Wanted.TOTALS) for path in sockets(folder, daemon=tftp.process.pid)]
    shares = [status.measures.counts["completed"] for status in statuses]
    assert sum(shares) == 20
    picture = Top().see(look(replace(fleet, run_dir=str(folder))), now=0.0, at=NOW)
    assert (len(picture.processes), picture.totals["completed"]) == (2, 20)
    busiest = statuses[shares.index(max(shares))].process
    os.kill(busiest.pid, signal.SIGKILL)
    while _worker(folder, tftp.process.pid, busiest.worker) in (None, busiest.pid):
        select.select([], [], [], 0.05)
    for _ in range(5):
        _read(tftp.port, "deb/vmlinuz")
    after = _scraped(tftp)
    assert after["nearboot_tftp_requests_total", "completed"] == 25
    assert (after["nearboot_tftp_workers", ""], after["nearboot_tftp_active_transfers", ""]) == (2, 0)
    assert tftp.end() == 0
    assert list(folder.iterdir()) == []


def _worker(folder: Path, daemon: int, index: int) -> int | None:
    """The process id of a worker that answers."""
    try:
        return read_status(folder / f"tftp.{daemon}.{index}.sock", Wanted.TOTALS).process.pid
    except PeerError:
        return None
