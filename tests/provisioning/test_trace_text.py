"""How a trace reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nearboot.model import Event, EventKind, Phase, Run, Slug
from nearboot.provisioning.trace import trace

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NEAR = {4: Slug("ams1")}
TFTP = EventKind.TFTP_READ
MakeEvent = Callable[..., Event]
Play = Callable[[list[Event]], Run]
GOLDEN = Path(__file__).parent / "golden"


def _golden(name: str) -> list[str]:
    return (GOLDEN / name).read_text().splitlines()


def test_a_complete_boot_reads_as_a_table(boot: list[Event], play: Play) -> None:
    """One line a step, then where it booted from and how it ended."""
    assert trace(play(boot), boot, expected=NEAR, now=START).lines() == _golden("complete.txt")


def test_a_stuck_boot_ends_with_what_to_look_at(event: MakeEvent, play: Play) -> None:
    """Probes that every PXELINUX makes are folded; the read from elsewhere is pointed out."""
    names = ["01-52-54-00-00-00-1a", *("0A4D0068"[:length] for length in range(8, 0, -1)), "default"]
    events = [
        event(0, EventKind.DHCP_LEASE, "10.77.0.104"),
        event(0.4, TFTP, "pxelinux.0", boot_server="fra1", bytes=42412, duration_s=0.11, retransmits=0),
        *(
            event(1 + n / 10, TFTP, f"pxelinux.cfg/{name}", "not-found", boot_server="fra1")
            for n, name in enumerate(names)
        ),
    ]
    now = START + timedelta(seconds=62)
    assert trace(play(events), events, expected=NEAR, now=now).lines() == _golden("stuck.txt")


def test_two_missing_files_are_not_folded(event: MakeEvent, play: Play) -> None:
    """Folding hides names; it must be worth it."""
    events = [event(n, TFTP, f"file{n}", "not-found") for n in range(2)]
    assert sum("not-found" in line for line in trace(play(events), events, expected=NEAR, now=START).lines()) == 2


def test_a_mismatch_is_pointed_out_once(boot: list[Event], play: Play) -> None:
    """However many reads went there."""
    lines = trace(play(boot), boot, expected={4: Slug("fra1")}, now=START).lines()
    assert "MISMATCH: the route says fra1, but ams1 was asked for pxelinux.0 and 5 more" in lines


def test_a_size_probe_is_told_as_such(event: MakeEvent, play: Play) -> None:
    """A client that gives up in the middle of a file is another matter."""
    events = [
        event(1, TFTP, "grubnetx64.efi", "aborted-by-client", bytes=0),
        event(2, TFTP, "grubnetx64.efi", "aborted-by-client", bytes=1468),
    ]
    lines = trace(play(events), events, expected=NEAR, now=START).lines()
    assert lines[2].endswith("  size probe (normal)")
    assert lines[3].endswith("  aborted-by-client")


def test_a_file_that_may_be_old_is_told_as_such(event: MakeEvent, play: Play) -> None:
    """No origin said whether it changed; how other files came is in the document."""
    events = [
        event(1, TFTP, "deb/vmlinuz", cache="stale", origin="mirror"),
        event(2, TFTP, "deb/initrd.gz", cache="hit", origin="mirror"),
    ]
    made = trace(play(events), events, expected=NEAR, now=START)
    assert made.lines()[2].endswith("  ok (stale: no origin answered)") and made.lines()[3].endswith("  ok")
    assert [(step.cache, step.origin) for step in made.steps] == [("stale", "mirror"), ("hit", "mirror")]


def test_a_rung_of_a_ladder_is_told_as_normal(event: MakeEvent, play: Play) -> None:
    """Boot loaders try names until one is there; without the last of them nothing boots."""
    subjects = ["pxelinux.cfg/UUID", "a", "grub/x86_64-efi/fs.lst", "b", "pxelinux.cfg/default", "c", "file"]
    events = [event(n, TFTP, name, "ok" if n % 2 else "not-found") for n, name in enumerate(subjects)]
    lines = trace(play(events), events, expected=NEAR, now=START).lines()[2:9:2]
    assert [line.endswith(" (normal)") for line in lines] == [True, True, False, False]


def test_a_start_is_a_request(event: MakeEvent, play: Play) -> None:
    """Nobody has powered the machine on; one that booted by itself was not asked to."""
    for reason, phase in (("new kernel", "requested"), ("booted by itself", "")):
        events = [event(0, EventKind.PROVISION_START, reason)]
        line = trace(play(events), events, expected=NEAR, now=START).lines()[2]
        assert line.split() == ["+0.0", *phase.split(), "provision-start", *reason.split(), "ok"]


def test_a_script_that_leads_to_an_nbp_is_one(event: MakeEvent, play: Play) -> None:
    """A network card with iPXE reads boot.ipxe first; where it boots by the script itself, that is its
    configuration."""
    config, nbp = event(0, TFTP, "boot.ipxe"), event(1, TFTP, "pxelinux.0")
    kernel = event(2, TFTP, "images/debian/vmlinuz")
    assert [step.phase for step in trace(play([config]), [config, nbp], expected={}, now=START).steps] == [
        Phase.NBP,
        Phase.NBP,
    ]
    assert trace(play([config]), [config, kernel], expected={}, now=START).steps[0].phase is Phase.CONFIG


def test_a_failed_run_gives_its_problem(event: MakeEvent, play: Play) -> None:
    """In the installer's own words."""
    events = [event(5, EventKind.CALLBACK, "failed", message="no disk found")]
    assert trace(play(events), events, expected=NEAR, now=START).lines()[-1] == "failed after 5.0 s: no disk found"


def test_plain_data_goes_through_json(boot: list[Event], play: Play) -> None:
    """Nothing in it needs a special encoder."""
    made = trace(play(boot[:3]), boot[:3], expected={4: Slug("fra1")}, now=START)
    data = json.loads(json.dumps(made.to_dict()))
    assert data["server"] == "web01"
    assert data["phase"] == "nbp"
    assert data["missing"]["code"] == "no-config"
    assert data["mismatches"][0] == {"subject": "pxelinux.0", "boot_server": "ams1", "expected": "fra1"}
    assert data["steps"][1]["offset_s"] == 0.4
    assert data["steps"][1]["phase"] == "nbp"
