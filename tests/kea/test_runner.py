"""Running the real Kea: its verdict on files, and a daemon that ends with its block."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from nearboot.errors import ToolError
from nearboot.kea import runner
from nearboot.kea.config import build4, build6, render
from nearboot.kea.settings import KeaInputs, KeaSettings

from .conftest import loopback_settings

GOLDEN = Path(__file__).parent / "golden"


def write4(folder: Path, fleet: KeaInputs, settings: KeaSettings) -> Path:
    path = folder / "kea-dhcp4.conf"
    path.write_text(render(build4(fleet, settings)))
    return path


@pytest.mark.kea
@pytest.mark.parametrize("family", [4, 6])
async def test_kea_accepts_the_golden_files(family: int) -> None:
    """What we generate is what Kea takes."""
    verdict = await runner.validate(family, GOLDEN / f"kea-dhcp{family}.json")
    assert verdict.accepted, verdict.output
    assert re.fullmatch(r"\d+\.\d+\.\d+", verdict.version)


@pytest.mark.kea
@pytest.mark.parametrize("family", [4, 6])
async def test_interfaces_of_another_machine_are_tried_as_the_loopback(
    tmp_path: Path, fleet: KeaInputs, family: int
) -> None:
    """Kea refuses an unknown interface; the result says what was put in its place."""
    settings = KeaSettings(
        interfaces4=("nb-none0", "nb-none1/10.10.0.1"),
        interfaces6=("nb-none0", "nb-none1/fd10::1"),
        attached={subnet.prefix: "nb-none0" for subnet in fleet.inventory.subnets},
    )
    path = tmp_path / "kea.conf"
    path.write_text(render(build4(fleet, settings) if family == 4 else build6(fleet, settings)))
    before = path.read_bytes()
    verdict = await runner.validate(family, path)
    assert verdict.accepted, verdict.output
    assert verdict.substituted == ("nb-none0", "nb-none1")
    assert path.read_bytes() == before


@pytest.mark.kea
async def test_the_verdict_holds_keas_own_words(tmp_path: Path, fleet: KeaInputs) -> None:
    """A pool outside its subnet: refused, with the file's own name in the message."""
    path = write4(tmp_path, fleet, KeaSettings())
    path.write_text(path.read_text().replace("10.10.0.199", "10.99.0.199"))
    verdict = await runner.validate(4, path)
    assert not verdict.accepted
    assert verdict.problems and all("10.99.0.199" in line for line in verdict.problems)


@pytest.mark.kea
async def test_a_syntax_error_is_keas_to_report(tmp_path: Path) -> None:
    """A file that is not JSON goes to Kea as it is, for the line and column."""
    path = tmp_path / "kea-dhcp4.conf"
    path.write_text('{\n  "Dhcp4": {\n')
    verdict = await runner.validate(4, path)
    assert not verdict.accepted and str(path) in verdict.output


@pytest.mark.kea
@pytest.mark.root
def test_nobody_can_try_a_configuration(fleet: KeaInputs) -> None:
    """No privilege is needed: neither for the file's paths nor for its interfaces."""
    with tempfile.TemporaryDirectory(prefix="nearboot-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o777)
        path = write4(folder, fleet, KeaSettings(interfaces4=("nb-none0",)))
        child = multiprocessing.get_context("fork").Process(target=_try_as_nobody, args=(path, folder / "said"))
        child.start()
        child.join()
        assert child.exitcode == 0
        assert (folder / "said").read_text().startswith("0\n"), (folder / "said").read_text()


def _try_as_nobody(path: Path, said: Path) -> None:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    verdict = asyncio.run(runner.validate(4, path))
    said.write_text(f"{verdict.status}\n{verdict.output}")


def test_a_missing_kea_is_said_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a traceback: what to type."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolError, match="apt-get install kea-dhcp6-server"):
        runner.daemon(6, system_path="/nonexistent")


@pytest.mark.kea
def test_the_command_line_runs_in_the_foreground(tmp_path: Path) -> None:
    """The caller owns the process; ports are named only for tests."""
    program, *rest = runner.daemon_argv(4, tmp_path / "k.json")
    assert program.endswith("/kea-dhcp4") and rest == ["-c", str(tmp_path / "k.json")]
    assert runner.daemon_argv(6, tmp_path / "k.json", port=5470, reply_port=5460)[3:] == ("-p5470", "-P5460")


def test_the_environment_keeps_every_file_in_the_run_folder(tmp_path: Path) -> None:
    """Kea 2.2 needs two of the variables, 2.6 and later all."""
    environment = runner.daemon_env(tmp_path, inherited={"LANG": "C"})
    assert environment == {
        "LANG": "C",
        "KEA_PIDFILE_DIR": str(tmp_path),
        "KEA_LOCKFILE_DIR": "none",
        "KEA_LOG_FILE_DIR": str(tmp_path),
        "KEA_CONTROL_SOCKET_DIR": str(tmp_path),
        "KEA_DHCP_DATA_DIR": str(tmp_path),
    }


@pytest.mark.kea
async def test_a_daemon_that_cannot_start_says_why(tmp_path: Path, fleet: KeaInputs) -> None:
    """A configuration that Kea refuses: its own words, at once, not a time-out."""
    tmp_path.chmod(0o750)
    path = write4(tmp_path, fleet, loopback_settings(tmp_path))
    path.write_text(path.read_text().replace("10.10.0.199", "10.99.0.199"))
    with pytest.raises(ToolError) as raised:
        async with runner.serving(4, path, tmp_path):
            raise AssertionError("it started")
    assert "ended at once" in str(raised.value)


@pytest.mark.kea
async def test_the_daemon_ends_with_its_block(tmp_path_factory: pytest.TempPathFactory, fleet: KeaInputs) -> None:
    """Also when the block fails."""
    folder = tmp_path_factory.mktemp("k")
    folder.chmod(0o750)
    path = write4(folder, fleet, replace(loopback_settings(folder), interfaces4=()))
    with pytest.raises(ZeroDivisionError):
        async with runner.serving(4, path, folder) as process:
            assert process.returncode is None
            raise ZeroDivisionError
    assert process.returncode is not None
