"""``nearboot lab``: what it shows while machines boot."""

from __future__ import annotations

import pytest

from nearboot.app.lab import MachineState
from nearboot.cli.lab import LiveProgress, PlainProgress
from nearboot.cli.root import run
from nearboot.model import Phase


def test_topologies_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """By the names that ``lab run`` takes."""
    assert run(["lab", "list"]) == 0
    assert "two-sites" in capsys.readouterr().out.splitlines()


def test_plain_progress_says_each_step_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A log of a CI run is no flood."""
    state = MachineState("web-1", "bios", elapsed_s=1.0)
    with PlainProgress() as progress:
        progress.say("building")
        progress.show([state])
        progress.show([state])
        state.phase, state.boot_servers, state.elapsed_s = Phase.NBP, ("ams-boot",), 3.0
        progress.show([state])
    assert capsys.readouterr().err.splitlines() == [
        "lab: building",
        "lab:    1.0 s  web-1 (bios): power-on",
        "lab:    3.0 s  web-1 (bios): nbp from ams-boot",
    ]


def test_live_progress_shows_every_machine(capsys: pytest.CaptureFixture[str]) -> None:
    """A table with phase, boot server and the console's last word."""
    with LiveProgress() as progress:
        progress.say("building")
        progress.show([MachineState("web-1", "uefi", Phase.KERNEL, ("ams-boot",), "Loading [x]")])
    shown = capsys.readouterr().err
    assert "building" in shown
    assert all(word in shown for word in ("web-1", "uefi", "kernel", "ams-boot"))
