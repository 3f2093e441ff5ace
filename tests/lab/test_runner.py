"""A real lab: it is built, carries packets late, notices deaths, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nearboot.errors import NotFoundError, ToolError
from nearboot.lab.console import MilestoneKind
from nearboot.lab.plan import prefix
from nearboot.lab.runner import Lab
from nearboot.lab.topology import Topology

pytestmark = pytest.mark.root
ECHO = str(Path(__file__).parent / "udp_echo.py")
HELD = str(Path(__file__).parent / "held_lab.py")
READY = re.compile("echo ready")


def _namespaces(topology: Topology) -> list[str]:
    return [path.name for path in Path("/run/netns").glob(f"{prefix(topology.name)}*")]


def _processes(topology: Topology) -> list[str]:
    """Give the command lines of all processes that name the lab's namespaces: links, and what ip netns exec runs."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return [line for line in lines if prefix(topology.name) in line]


def _assert_nothing_left(topology: Topology, state_dir: Path) -> None:
    """Namespaces take their interfaces with them: without namespaces there is no TAP, bridge or veth."""
    assert _namespaces(topology) == []
    assert _processes(topology) == []
    assert list((state_dir / topology.name).iterdir()) == []


@pytest.mark.parametrize(
    ("near", "far"), [pytest.param("10.77.0.2", "10.78.0.2", id="ipv4"), pytest.param("fd77::2", "fd78::2", id="ipv6")]
)
def test_far_is_as_far_as_the_topology_says(own_lab: Topology, tmp_path: Path, near: str, far: str) -> None:
    """4 ms each way: no round trip between the sites takes less than 8 ms; both boot servers are reached."""

    async def scenario() -> tuple[str, str, str]:
        async with Lab(own_lab, tmp_path / "run", state_dir=tmp_path / "state") as lab:
            ams, fra = lab.boot_server("ams-boot"), lab.boot_server("fra-boot")
            await lab.start("near", ams, [sys.executable, ECHO, "serve", near], ready=READY)
            await lab.start("far", fra, [sys.executable, ECHO, "serve", far], ready=READY)
            return (
                await lab.run(lab.site("ams"), [sys.executable, ECHO, "ask", near, "3"]),
                await lab.run(lab.site("ams"), [sys.executable, ECHO, "ask", far, "20"]),
                await lab.run(ams, [sys.executable, ECHO, "ask", far, "20"]),
            )

    from_near, from_router, from_host = asyncio.run(scenario())
    assert len([float(line) for line in from_near.split()]) == 3
    assert min(float(line) for line in from_router.split()) >= 8.0
    assert min(float(line) for line in from_host.split()) >= 8.0
    assert re.search(r"link way=a-b passed=[1-9]", (tmp_path / "run" / "logs" / "link-ams-fra.log").read_text())
    _assert_nothing_left(own_lab, tmp_path / "state")


def test_a_cut_link_separates_the_sites(own_lab: Topology, tmp_path: Path) -> None:
    """A process ended on purpose is a fault to be survived, and can be started again under its name."""

    async def scenario() -> tuple[str, str]:
        async with Lab(own_lab, tmp_path / "run", state_dir=tmp_path / "state") as lab:
            serve = [sys.executable, ECHO, "serve", "10.78.0.2"]
            await lab.start("far", lab.boot_server("fra-boot"), serve, ready=READY)
            await lab.end("far")
            await lab.start("far", lab.boot_server("fra-boot"), serve, ready=READY)
            ask = [sys.executable, ECHO, "ask", "10.78.0.2", "1"]
            before = await lab.run(lab.site("ams"), ask)
            await lab.end("link-ams-fra")
            return before, await lab.run(lab.site("ams"), ask)

    before, after = asyncio.run(scenario())
    assert float(before) >= 8.0
    assert after == "lost\n"
    _assert_nothing_left(own_lab, tmp_path / "state")


def test_a_dead_daemon_ends_the_lab_with_its_last_lines(own_lab: Topology, tmp_path: Path) -> None:
    """The block is woken wherever it waits, and all is taken away before the error is seen."""

    async def scenario() -> None:
        async with Lab(own_lab, tmp_path / "run", state_dir=tmp_path / "state") as lab:
            script = "echo up; read -r _ </dev/null; sleep 0.1; echo 'lease file damaged' >&2; exit 9"
            await lab.start("kea", lab.site("ams"), ["sh", "-c", script], ready=re.compile("up"))
            await asyncio.Event().wait()

    with pytest.raises(ToolError, match=r"kea: ended with status 9 while the lab ran\n(up\n)?lease file damaged"):
        asyncio.run(scenario())
    _assert_nothing_left(own_lab, tmp_path / "state")


def test_an_error_in_the_block_takes_everything_away(own_lab: Topology, tmp_path: Path) -> None:
    """The caller's own error comes out as it is; unknown names are the user's, with the known ones."""

    async def scenario() -> None:
        async with Lab(own_lab, tmp_path / "run", state_dir=tmp_path / "state") as lab:
            await lab.start("sleeper", lab.site("ams"), ["sleep", "600"])
            lab.site("par")

    with pytest.raises(NotFoundError, match="did you mean ams, fra"):
        asyncio.run(scenario())
    _assert_nothing_left(own_lab, tmp_path / "state")


def test_cancelling_from_outside_takes_everything_away(own_lab: Topology, tmp_path: Path) -> None:
    """A timeout around the lab is a timeout, after everything was ended."""

    async def scenario() -> None:
        async with asyncio.timeout(None) as limit, Lab(own_lab, tmp_path / "run", state_dir=tmp_path / "state"):
            limit.reschedule(asyncio.get_running_loop().time())
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(scenario())
    _assert_nothing_left(own_lab, tmp_path / "state")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_lab_cleans_up_and_says_so(own_lab: Topology, tmp_path: Path, number: signal.Signals) -> None:
    """The signal's name is in the message, the exit status tells of failure, nothing is left."""
    argv = [sys.executable, HELD, own_lab.name, str(tmp_path / "run"), str(tmp_path / "state")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        process.send_signal(number)
        _, complaint = process.communicate()
    assert process.returncode == 1
    assert complaint == f"lab {own_lab.name}: interrupted by {number.name}; all of it was taken away\n"
    _assert_nothing_left(own_lab, tmp_path / "state")


def test_a_killed_lab_is_cleared_by_the_next(own_lab: Topology, tmp_path: Path) -> None:
    """SIGKILL leaves namespaces behind; the next run of that name takes them away, says so, and works."""
    argv = [sys.executable, HELD, own_lab.name, str(tmp_path / "run"), str(tmp_path / "state")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        process.kill()
    assert len(_namespaces(own_lab)) == 4
    said: list[str] = []

    async def scenario() -> None:
        async with Lab(own_lab, tmp_path / "run", state_dir=tmp_path / "state", say=said.append):
            pass

    asyncio.run(scenario())
    assert sum("cleared namespace" in line for line in said) == 4
    _assert_nothing_left(own_lab, tmp_path / "state")


def test_a_machine_speaks_on_its_console_and_is_taken_away(own_lab: Topology, tmp_path: Path) -> None:
    """The first milestone of a BIOS machine is its firmware's; its whole console is kept."""

    async def scenario() -> tuple[str, MilestoneKind, Path]:
        async with Lab(own_lab, tmp_path / "run", state_dir=tmp_path / "state") as lab:
            await lab.start_machine("web-ams-01")
            async for event in lab.events():
                return event.machine, event.milestone.kind, lab.serial("web-ams-01")
        raise AssertionError("no event came")

    machine, kind, serial = asyncio.run(scenario())
    assert (machine, kind) == ("web-ams-01", MilestoneKind.FIRMWARE)
    assert b"SeaBIOS" in serial.read_bytes()
    _assert_nothing_left(own_lab, tmp_path / "state")


def test_a_machine_that_ends_by_itself_ends_the_events(own_lab: Topology, tmp_path: Path) -> None:
    """When no machine runs any more there are no more events; the last one is the power-off."""

    async def scenario() -> list[MilestoneKind]:
        async with Lab(own_lab, tmp_path / "run", state_dir=tmp_path / "state") as lab:
            await lab.start_machine("web-ams-01")
            kinds = []
            async for event in lab.events():
                kinds.append(event.milestone.kind)
                if event.milestone.kind is MilestoneKind.FIRMWARE:
                    await lab.end("web-ams-01")
            return kinds

    assert asyncio.run(scenario())[-1] is MilestoneKind.POWER_OFF
    _assert_nothing_left(own_lab, tmp_path / "state")
