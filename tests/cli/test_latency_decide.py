"""``nearboot latency accept, reject, rollback, history, quarantine, sign``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Nearboot = Callable[..., Any]

FLEET = """
locations: [{slug: a, kind: site}, {slug: b, kind: site}, {slug: p, kind: site}]
subnets: [{prefix: 10.1.0.0/24, location: p}]
boot_servers:
- {name: a-boot, location: a, ipv4: 10.9.0.1, http_url: "http://10.9.0.1:8080"}
- {name: b-boot, location: b, ipv4: 10.9.0.2, http_url: "http://10.9.0.2:8080"}
"""


@pytest.fixture
def wan(nearboot: Nearboot, tmp_path: Path) -> Path:
    """A map in use, and beside it the one that would move everyone."""
    (tmp_path / "fleet.yaml").write_text(FLEET)
    nearboot("inventory", "load", tmp_path / "fleet.yaml")
    file = tmp_path / "wan.csv"
    file.write_text("src,dst,rtt_ms\np,a,5\np,b,50\n")
    nearboot("latency", "load", file)
    file.write_text("src,dst,rtt_ms\np,a,50\np,b,5\np,atlantis,7\n")
    return file


def test_a_map_that_moves_too_many_is_held_and_told(nearboot: Nearboot, wan: Path) -> None:
    """Exit code 1; stdout has the moves, stderr the alarm with its numbers and what can be done."""
    ran = nearboot("latency", "load", wan, code=1)
    assert "move: p IPv4: a-boot (5.0 ms) -> b-boot (5.0 ms)" in ran.lines
    assert ran.lines[-1] == "stored as epoch 2 of wan, not in use"
    assert ran.err.splitlines() == [
        "HELD: blast-radius: 1 of 1 locations would get another boot server, 100.0%; more than 10% is held",
        "use it: nearboot latency accept 2 --source wan --reason TEXT",
        "drop it: nearboot latency reject 2 --source wan",
    ]
    assert "a-boot" in nearboot("route", "show", "-o", "json").out.split('"chosen": ')[1][:20]


def test_a_held_map_is_accepted_and_taken_back(nearboot: Nearboot, wan: Path) -> None:
    """What moves is told each time."""
    nearboot("latency", "load", wan, code=1)
    assert nearboot("latency", "accept", 2, "--reason", "the new fibre").lines == [
        "accepted: epoch 2 of wan is in use",
        "move: p IPv4: a-boot (5.0 ms) -> b-boot (5.0 ms)",
        "Kea is told by the next: nearboot kea generate",
    ]
    assert nearboot("latency", "rollback", "--reason", "it was not").lines[0] == (
        "rolled back: epoch 1 of wan is in use"
    )
    shown = json.loads(nearboot("latency", "history", "-o", "json").out)
    assert [(each["epoch"], each["state"], each["decision"]) for each in shown] == [
        (2, "rolled-back", "it was not"),
        (1, "accepted", "it was not"),
    ]
    assert shown[0]["reasons"][0]["data"] == {"moved": 1, "locations": 1, "share": 1.0, "limit": 0.1}
    assert "accepted, in use" in nearboot("latency", "history", "wan").lines[2]


def test_what_waits_is_told_with_what_is_in_use(nearboot: Nearboot, wan: Path) -> None:
    """On stderr, that stdout stays the list."""
    assert nearboot("latency", "list").err == ""
    nearboot("latency", "load", wan, code=1)
    assert nearboot("latency", "list").err == (
        "HELD: epoch 2 of wan waits for latency accept or reject: 1 of 1 locations would get another boot server, "
        "100.0%; more than 10% is held\n"
    )


def test_a_held_map_is_rejected(nearboot: Nearboot, wan: Path) -> None:
    nearboot("latency", "load", wan, code=1)
    assert nearboot("latency", "reject", 2).lines == ["refused: epoch 2 of wan"]
    assert "no held latency map named '2'" in nearboot("latency", "accept", 2, "--reason", "x", code=1).err
    assert " refused " in nearboot("latency", "history").lines[1]


def test_a_reason_is_needed_to_accept(nearboot: Nearboot, wan: Path) -> None:
    nearboot("latency", "load", wan, code=1)
    assert "Missing option '--reason'" in nearboot("latency", "accept", 2, code=1).err


def test_the_quarantine_is_listed(nearboot: Nearboot, wan: Path) -> None:
    """Unknown names with the rows that they stand in, by source and epoch."""
    assert nearboot("latency", "quarantine").err == "nothing is in quarantine\n"
    nearboot("latency", "load", wan, code=1)
    (row,) = json.loads(nearboot("latency", "quarantine", "-o", "json").out)
    assert {"source": "wan", "epoch": 2, "state": "held", "line": 4, "text": "atlantis"}.items() <= row.items()
    assert "no location" in row["reason"]


def test_a_map_is_signed_and_an_unsigned_one_refused(
    nearboot: Nearboot, wan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the settings; the key stands in the environment."""
    (tmp_path / "c.yaml").write_text("latency: {signing_key: 'env:MAP_KEY', require_signature: true, hold_moves: 1}\n")
    monkeypatch.setenv("NEARBOOT_CONFIG", str(tmp_path / "c.yaml"))
    monkeypatch.setenv("MAP_KEY", "0123456789abcdef")
    ran = nearboot("latency", "load", wan, code=1)
    expected = "a signed map (nearboot latency sign; latency.require_signature)"
    assert ran.err.splitlines() == [
        f"{wan}: signature: found no signature: {wan}.sig is not there; expected {expected}",
        "nearboot: 1 fault; nothing was changed",
    ]
    assert nearboot("latency", "sign", wan, "--source", "wan").lines == [f"signed: {wan}.sig"]
    assert nearboot("latency", "load", wan).lines[-1] == "stored as epoch 2 of wan"
    assert "one line" in nearboot("latency", "sign", wan, "--source", "a\nb", code=1).err
