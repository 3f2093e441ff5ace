"""``nearboot serve http`` as a process: the same answers as over TFTP, call-backs that end a run, health."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from nearboot.app import provision
from nearboot.app.database import reading
from nearboot.config import Config
from nearboot.inventory import boot_store
from nearboot.model import EventKind, Phase

Nearboot = Callable[..., Any]


@pytest.fixture
def http(fleet: Config, daemon: Callable[..., Any]) -> Any:
    return daemon("http", "--host", "127.0.0.1", "--port", 0, "--root", fleet.root)


def test_an_installation_is_followed_to_its_end(fleet: Config, http: Any, nearboot: Nearboot, now: datetime) -> None:
    """Files and configuration are read, the installer calls back; the trace is complete."""
    run = provision.start(fleet, ["lo-01"], reason="test", actor="ada", now=now)[0]
    with httpx.Client(base_url=f"http://127.0.0.1:{http.port}", trust_env=False, timeout=30) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/deb/initrd.gz").content == b"initrd"
        config = client.get("/grub/grub.cfg").text
        assert "# lo-01: GRUB" in config and f"/callback/{run.token}" in config
        assert client.get("/no-such-file").status_code == 404
        unknown = client.post("/callback/stranger", data={"phase": "provisioned"})
        assert (unknown.status_code, unknown.text) == (404, "no call-back token named 'stranger'\n")
        assert client.post(f"/callback/{run.token}", data={}).status_code == 400
        for phase in ("installer", "provisioned"):
            assert client.post(f"/callback/{run.token}", data={"phase": phase, "uptime": "5.2"}).is_success
    assert http.end() == 0
    assert f" root={fleet.root.resolve()} boot-server=by-address " in http.ready
    log = http.log.read_text()
    assert " http-read grub/grub.cfg client=127.0.0.1 server=lo-01 bytes=" in log
    assert " callback provisioned client=127.0.0.1 server=lo-01 bytes=3 outcome=ok seconds=" in log
    assert run.token not in log and "uvicorn" not in log

    with reading(fleet) as session:
        events = boot_store.events(session, run_id=run.id)
        (ended,) = boot_store.runs(session, server="lo-01")
    reads = [(e.subject, e.outcome, e.boot_server) for e in events if e.kind is EventKind.HTTP_READ]
    assert reads[:2] == [("deb/initrd.gz", "ok", "here-boot"), ("grub/grub.cfg", "ok", "here-boot")]
    assert reads[2][0] == "no-such-file" and reads[2][1] != "ok"
    calls = [e for e in events if e.kind is EventKind.CALLBACK]
    assert [(e.subject, e.phase) for e in calls] == [("installer", Phase.INSTALLER), ("provisioned", Phase.PROVISIONED)]
    assert calls[0].detail["uptime"] == "5.2"
    assert (ended.phase, ended.outcome) == (Phase.PROVISIONED, "provisioned")
    trace = json.loads(nearboot("trace", "lo-01", "-o", "json").out)[0]
    assert trace["complete"] and trace["missing"] is None
    assert "Traceback" not in http.log.read_text()


def test_call_backs_that_say_nothing_known_or_come_too_late_are_refused(
    fleet: Config, http: Any, now: datetime
) -> None:
    """An unknown phase leaves no trace; what comes after the end is on the timeline, and changes nothing."""
    (run,) = provision.start(fleet, ["lo-01"], reason="test", actor="ada", now=now)
    with httpx.Client(base_url=f"http://127.0.0.1:{http.port}", trust_env=False, timeout=30) as client:
        unknown = client.post(f"/callback/{run.token}", data={"phase": "foo"})
        assert unknown.status_code == 400 and "phase 'foo' is unknown; expected installer," in unknown.text
        assert client.post("/callback/" + "x" * 32, data={"phase": "installer"}).status_code == 404
        assert client.post(f"/callback/{run.token}", data={"phase": "failed", "message": "no disk"}).is_success
        late = client.post(f"/callback/{run.token}", data={"phase": "provisioned"})
        assert late.status_code == 409
        assert late.text.startswith(f"too late: run {run.id} of lo-01 ended at ") and ": failed\n" in late.text
    assert http.end() == 0
    with reading(fleet) as session:
        calls = boot_store.events(session, run_id=run.id, kind=EventKind.CALLBACK)
        (ended,) = boot_store.runs(session, server="lo-01")
    told = [("failed", "failed", "here-boot"), ("provisioned", "after-the-end", "here-boot")]
    assert [(e.subject, e.outcome, e.boot_server) for e in calls] == told
    assert ended.outcome == "failed"


def test_a_first_configuration_begins_a_run_of_the_server_that_it_is_for(fleet: Config, http: Any) -> None:
    """Also from an address that nobody knows, without a lease and without an announcement."""
    transport = httpx.HTTPTransport(local_address="127.0.0.77")
    with httpx.Client(base_url=f"http://127.0.0.1:{http.port}", transport=transport, timeout=30) as client:
        assert client.get("/boot.ipxe?mac=52-54-00-00-00-02").is_success
    assert http.end() == 0
    (run,) = provision.runs(fleet)
    assert (run.server, run.phase, run.reason) == ("lo-02", Phase.CONFIG, "booted by itself")


def test_why_a_configuration_cannot_be_made_is_logged(
    fleet: Config, daemon: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is told no detail, so the operator must be."""
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "grub.cfg.j2").write_text("{{ nope }}")
    (tmp_path / "nearboot.yaml").write_text("templates: templates\n")
    monkeypatch.setenv("NEARBOOT_CONFIG", str(tmp_path / "nearboot.yaml"))
    http = daemon("http", "--host", "127.0.0.1", "--port", 0, "--root", fleet.root)
    answer = httpx.get(f"http://127.0.0.1:{http.port}/grub/grub.cfg", trust_env=False, timeout=30)
    assert answer.status_code == 500 and "nope" not in answer.text
    assert http.end() == 0
    assert "file=/grub/grub.cfg client=127.0.0.1 cannot be made" in http.log.read_text()
    assert "nope" in http.log.read_text()
