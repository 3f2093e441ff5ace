"""``nearboot boot-server``: draining moves places and lasts; a real probe decides on health."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nearboot.app.files import HEALTH_CONTENT
from nearboot.tftp import StaticRoot, TftpServer

Nearboot = Callable[..., Any]

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "quickstart" / "inventory"
NEAR, FAR = "lo-near", "lo-far"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TftpServer]:
    """A real TFTP server with the small file that probes read."""
    root = tmp_path / "boot"
    root.mkdir()
    (root / "nearboot-health").write_bytes(HEALTH_CONTENT)
    with TftpServer(None, host="127.0.0.1", port=0, fast=StaticRoot(root).lookup) as server:
        yield server


@pytest.fixture
def fleet(nearboot: Nearboot, server: TftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nearboot:
    """Two boot servers: the near one has nothing that listens on its port, the far one is the real server."""
    (tmp_path / "fleet.yaml").write_text(f"""
locations: [{{slug: a, kind: site}}, {{slug: b, kind: site}}]
subnets: [{{prefix: 10.1.0.0/24, location: a}}]
boot_servers:
  - {{name: {NEAR}, location: a, ipv4: 127.0.0.3, tftp_port: 1}}
  - {{name: {FAR}, location: b, ipv4: 127.0.0.1, tftp_port: {server.port}}}
""")
    (tmp_path / "pairs.csv").write_text("src,dst,rtt_ms\na,b,9\nb,a,9\n")
    (tmp_path / "nearboot.yaml").write_text("health: {timeout_s: 0.3, attempts: 2}\n")
    monkeypatch.setenv("NEARBOOT_CONFIG", str(tmp_path / "nearboot.yaml"))
    nearboot("inventory", "load", tmp_path / "fleet.yaml")
    nearboot("latency", "load", tmp_path / "pairs.csv")
    return nearboot


def _chosen(nearboot: Nearboot) -> str:
    return str(_route(nearboot)["chosen"])


def _route(nearboot: Nearboot) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(nearboot("route", "show", "a", "-o", "json").out)[0]
    return found


def test_draining_moves_places_and_survives_a_load(quickstart: Nearboot) -> None:
    """The moves are printed with their reason; the files do not undo what an operator set."""
    ran = quickstart("boot-server", "drain", "ams-boot", "--reason", "kernel upgrade")
    assert ran.lines[0] == "ams-boot: active -> draining"
    places = [f"{place} IPv{family}" for family in (4, 6) for place in ("ams", "ams-r1")]
    assert ran.lines[1:-2] == [f"  {place}: ams-boot -> fra-boot" for place in places]
    assert ran.lines[-2] == "why: fra-boot is the only one that can be used, at 8.2 ms per block"
    assert ran.lines[-1] == "Kea is told by the next: nearboot kea generate"
    assert not ran.err
    assert quickstart("inventory", "load", EXAMPLE).lines[-1] == "no changes"
    states = {row["name"]: row["state"] for row in json.loads(quickstart("boot-server", "list", "-o", "json").out)}
    assert states == {"ams-boot": "draining", "fra-boot": "active"}
    assert quickstart("boot-server", "drain", "ams-boot").lines == ["ams-boot is draining already"]
    back = quickstart("boot-server", "activate", "ams-boot")
    assert back.lines[0] == "ams-boot: draining -> active"
    assert "  ams IPv4: fra-boot -> ams-boot" in back.lines[1]


def test_the_audit_log_has_actor_and_reason(quickstart: Nearboot) -> None:
    """A second drain that changes nothing is not in it."""
    for _ in range(2):
        quickstart("boot-server", "drain", "ams-boot", "--reason", "kernel upgrade")
    rows = json.loads(quickstart("audit", "list", "--subject", "ams-boot", "-o", "json").out)
    assert [(row["actor"], row["action"], row["detail"]) for row in rows] == [
        ("ada", "boot-server.draining", "active to draining: kernel upgrade")
    ]


def test_a_place_can_be_left_without_any(quickstart: Nearboot) -> None:
    """Disabled ones are not chosen even when nothing else is left; draining ones are not, either."""
    quickstart("boot-server", "disable", "fra-boot")
    ran = quickstart("boot-server", "disable", "ams-boot")
    assert any("ams IPv4: ams-boot -> none" in line for line in ran.lines)


def test_an_unknown_one_is_told_with_close_names(quickstart: Nearboot) -> None:
    """For each verb that takes a name."""
    for verb in ("drain", "disable", "activate", "check"):
        assert (
            "no boot server named 'ams-bot'; did you mean ams-boot"
            in quickstart("boot-server", verb, "ams-bot", code=1).err
        )
        assert "did you mean ams-boot, fra-boot?" in quickstart("boot-server", verb, "nosuch", code=1).err


def test_a_failed_probe_moves_the_route(fleet: Nearboot) -> None:
    """Nobody reads from the near one: after the attempts it is unhealthy, and the far one is chosen."""
    assert _chosen(fleet) == NEAR
    ran = fleet("boot-server", "check", "--vantage", "here", "-o", "json", code=1)
    rows = {row["name"]: row for row in json.loads(ran.out)}
    assert rows[FAR]["healthy"] and rows[FAR]["detail"] == "read 25 bytes of nearboot-health"
    assert not rows[NEAR]["healthy"] and rows[NEAR]["vantage"] == "here"
    assert "nearboot-health from 127.0.0.3: " in rows[NEAR]["detail"]
    assert _chosen(fleet) == FAR
    listed = {row["name"]: row["health"] for row in json.loads(fleet("boot-server", "list", "-o", "json").out)}
    assert listed == {NEAR: "unhealthy", FAR: "healthy"}
    assert fleet("boot-server", "check", FAR).code == 0


def test_with_none_healthy_the_nearest_is_kept_and_that_is_said(fleet: Nearboot, server: TftpServer) -> None:
    """A boot server that may come back is better than none."""
    server.stop()
    fleet("boot-server", "check", code=1)
    route = json.loads(fleet("route", "show", "a", "-o", "json").out)[0]
    assert route["chosen"] == NEAR
    assert "healthy" in " ".join(reason["text"] for reason in route["reasons"])


def test_draining_the_only_healthy_one_warns_first(fleet: Nearboot) -> None:
    """It is done, as it was told; who it sends to a dead boot server is said, and by which reason, once."""
    fleet("boot-server", "check", code=1)
    ran = fleet("boot-server", "drain", FAR)
    assert ran.err == (
        "warning: no healthy boot server is left for 1 place: it gets the nearest that failed its last read\n"
    )
    assert ran.lines == [
        f"{FAR}: active -> draining",
        f"  a IPv4: {FAR} -> {NEAR} ({NEAR} is the only one that can be used, at 0.3 ms per block)",
        "Kea is told by the next: nearboot kea generate",
    ]
    back = fleet("boot-server", "disable", NEAR)
    assert back.err == "warning: no active boot server is left for 1 place: it gets the nearest that is draining\n"
    none = fleet("boot-server", "disable", FAR)
    assert none.err == "warning: no boot server is left for 1 place: it cannot boot\n"


def test_many_places_share_one_warning(quickstart: Nearboot) -> None:
    """The last active one stays in use although it is draining: nobody moves, and that is said too."""
    quickstart("boot-server", "disable", "fra-boot")
    ran = quickstart("boot-server", "drain", "ams-boot")
    assert ran.err == "warning: no active boot server is left for 3 places: they get the nearest that is draining\n"
    assert ran.lines == ["ams-boot: active -> draining", "no place moves"]


def test_a_vantage_that_sees_most_down_is_told_of(fleet: Nearboot, server: TftpServer, tmp_path: Path) -> None:
    """By the check itself, in the list and with the routes; what the other vantage saw decides."""
    (tmp_path / "nearboot.yaml").write_text("health: {timeout_s: 0.3, attempts: 1, distrust_least: 2}\n")
    fleet("boot-server", "check", FAR, "--vantage", "fine")
    server.stop()
    said = "vantage cut sees 2 of 2 active boot servers down: it does not count, it may be cut off\n"
    ran = fleet("boot-server", "check", "--vantage", "cut", "-o", "json", code=1)
    assert ran.err == f"warning: {said}"
    assert [row["counts_as"] for row in json.loads(ran.out)] == ["healthy", "unknown"]
    listed = fleet("boot-server", "list", "-o", "json")
    assert listed.err == f"note: {said}"
    rows = {row["name"]: row for row in json.loads(listed.out)}
    assert (rows[FAR]["health"], rows[NEAR]["health"]) == ("healthy", "unknown")
    assert said.strip() in rows[NEAR]["why"]
    assert fleet("route", "show", "a").err == f"note: {said}"
    (candidate,) = [each for each in _route(fleet)["candidates"] if each["boot_server"] == NEAR]
    assert "health-distrusted" in [reason["code"] for reason in candidate["reasons"]]


def test_nothing_to_check_is_no_error(nearboot: Nearboot) -> None:
    """The next command is named."""
    assert nearboot("boot-server", "check").err == "no boot servers yet: nearboot inventory load PATH\n"
    assert nearboot("boot-server", "list").err == "no boot servers yet: nearboot inventory load PATH\n"


def test_pinned_servers_and_full_boot_servers_are_told(fleet: Nearboot, tmp_path: Path) -> None:
    """A server that moves though its place does not; and who is left takes more than it can carry."""
    (tmp_path / "more.yaml").write_text(f"""
tiers: [{{slug: db, boot_from: [{FAR}]}}]
servers:
  - {{name: db1, location: a, tier: db}}
  - {{name: web1, location: a}}
boot_servers: [{{name: {NEAR}, location: a, ipv4: 127.0.0.3, tftp_port: 1, capacity: 1}}]
""")
    fleet("inventory", "load", tmp_path / "more.yaml")
    assert _chosen(fleet) == FAR, "two servers are too many for the near one"
    ran = fleet("boot-server", "drain", FAR)
    assert f"server db1 IPv4: {FAR} -> {NEAR} (pinned to {FAR} by tier db, which cannot be used now)" in ran.out
    assert "warning: 1 place: over capacity" in ran.err
    assert "Kea is told by the next" in ran.out
