"""The lab from end to end: real firmware, real Kea, two sites; from the near boot server, and from the far one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nearboot.app.lab import find_topology, topologies
from nearboot.config import Config
from nearboot.errors import NotFoundError

ROOT = Path(__file__).parent.parent.parent
QUICKSTART = ROOT / "examples" / "quickstart"
PREFIX = "nb-"


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of downloaded kernels and boot programs: that of the quick start, where it has been run."""
    kept = ROOT / "var" / "quickstart" / "lab"
    return kept if (kept / "root.json").exists() else tmp_path_factory.mktemp("material")


@pytest.fixture
def environment(tmp_path: Path, material: Path) -> dict[str, str]:
    """A database with the quick start's fleet, in a folder of its own."""
    state = tmp_path / "state"
    (state / "lab").mkdir(parents=True)
    for name in ("packages", "root", "root.json"):
        if (material / name).exists():
            (state / "lab" / name).symlink_to(material / name)
    env = {**os.environ, "NEARBOOT_STATE_DIR": str(state)}
    for name in ("NEARBOOT_CONFIG", "NEARBOOT_DATABASE_URL"):
        env.pop(name, None)
    nearboot(env, "db", "upgrade")
    nearboot(env, "inventory", "load", str(QUICKSTART / "inventory"))
    nearboot(env, "latency", "load", str(QUICKSTART / "latency.csv"))
    return env


def nearboot(env: dict[str, str], *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command of nearboot and look at its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "nearboot", *words], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, f"{words}: {done.stdout}\n{done.stderr}"
    return done


def quick_topology(folder: Path) -> Path:
    """The shipped topology under another name and with a short line, so that the far boot takes no longer."""
    text = (ROOT / "topology" / "two-sites.yaml").read_text()
    file = folder / "quick.yaml"
    file.write_text(text.replace("name: two-sites", "name: quick").replace("delay_ms: 4", "delay_ms: 0.5"))
    return file


def namespaces() -> str:
    """All network namespaces with a lab's name that are there."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in listed.splitlines() if line.startswith(f"{PREFIX}quick"))


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize(
    ("drained", "expected"),
    [pytest.param((), "ams-boot", id="near"), pytest.param(("ams-boot",), "fra-boot", id="far")],
)
def test_both_machines_boot_from_the_boot_server_of_their_route(
    environment: dict[str, str], tmp_path: Path, drained: tuple[str, ...], expected: str
) -> None:
    """BIOS with PXELINUX and UEFI with GRUB, to the call-back of their own kernels; nothing is left behind."""
    for name in drained:
        nearboot(environment, "boot-server", "drain", name)
    done = nearboot(environment, "lab", "run", str(quick_topology(tmp_path)), "--timeout", "400", "-o", "json")
    traces = {trace["server"]: trace for trace in json.loads(done.stdout)}
    assert set(traces) == {"web-ams-01", "web-ams-02"}
    for trace in traces.values():
        assert trace["outcome"] == "provisioned"
        assert trace["boot_servers"] == [expected]
        assert trace["mismatches"] == []
        assert {step["phase"] for step in trace["steps"]} >= {"dhcp", "nbp", "config", "kernel", "installer"}
        assert all(step["boot_server"] == expected for step in trace["steps"] if step["kind"] == "dhcp-lease")
    subjects = [step["subject"] for step in traces["web-ams-01"]["steps"]]
    assert "pxelinux.cfg/01-52-54-00-77-00-01" in subjects
    assert "grub/grub.cfg" in [step["subject"] for step in traces["web-ams-02"]["steps"]]
    assert namespaces() == ""


@pytest.mark.root
def test_a_machine_that_does_not_come_up_fails_the_run_with_the_reason(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Exit code 1; the reason names the machine and the last line of its console."""
    done = nearboot(environment, "lab", "run", str(quick_topology(tmp_path)), "--timeout", "2", status=1)
    assert "problem: web-ams-01: not provisioned within 2 s" in done.stderr
    assert "Traceback" not in done.stderr
    assert namespaces() == ""


@pytest.mark.root
def test_an_interrupted_run_takes_everything_away(environment: dict[str, str], tmp_path: Path) -> None:
    """SIGINT in the middle: one clear line, and no namespace stays."""
    argv = [sys.executable, "-m", "nearboot", "lab", "run", str(quick_topology(tmp_path))]
    with subprocess.Popen(argv, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "power on web-ams-02" in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode not in (0, None)
    assert "interrupted" in rest and "Traceback" not in rest
    assert namespaces() == ""


def test_topologies_are_found_by_name_and_by_path(tmp_path: Path) -> None:
    """Those that ship need only their name."""
    assert "two-sites" in topologies(Config())
    assert "web-ams-01" in find_topology(Config(), "two-sites")[1]
    assert find_topology(Config(), str(quick_topology(tmp_path)))[0].endswith("quick.yaml")
    with pytest.raises(NotFoundError, match="two-sites"):
        find_topology(Config(), "no-such")
