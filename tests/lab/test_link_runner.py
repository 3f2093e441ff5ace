"""The link process: its command line, its ends, and what it does to frames."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nearboot.lab.link_runner import command, main
from nearboot.lab.plan import wires
from nearboot.lab.runner import Lab
from nearboot.lab.topology import Topology

ECHO = str(Path(__file__).parent / "udp_echo.py")


def test_the_command_carries_the_whole_link(two_sites: Topology) -> None:
    """Both ends and all properties stand in the argv; no rate is 0."""
    link = replace(two_sites.links[0], jitter_ms=0.5, rate_mbit=None, loss=0.01)
    (wire,) = wires(replace(two_sites, links=(link,)))
    ends = "--a nb-two-sites:site:ams/nb-w0 --b nb-two-sites:site:fra/nb-w0"
    line = "--delay-ms 4 --jitter-ms 0.5 --rate-mbit 0 --loss 0.01 --seed 1"
    assert " ".join(command(wire, python="python3")) == f"python3 -m nearboot.lab.link_runner {ends} {line}"


def test_a_namespace_that_does_not_exist_is_an_error(two_sites: Topology) -> None:
    """The process says which ends it cannot open, and ends with status 1."""
    (wire,) = wires(replace(two_sites, name="no-such-lab"))  # type: ignore[arg-type]  # a name that no lab has
    done = subprocess.run(command(wire, python=sys.executable), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot open the TAPs nb-no-such-lab:site:ams/nb-w0" in done.stderr


def test_help_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """The module explains itself when run by hand."""
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "--delay-ms" in capsys.readouterr().out


@pytest.mark.root
def test_a_line_that_loses_everything_passes_nothing(own_lab: Topology, tmp_path: Path) -> None:
    """Loss 1: no answer, and the counts say that frames were lost by chance."""
    lossy = replace(own_lab, links=(replace(own_lab.links[0], loss=1.0),))

    async def scenario() -> str:
        async with Lab(lossy, tmp_path / "run", state_dir=tmp_path / "state") as lab:
            serve = [sys.executable, ECHO, "serve", "10.78.0.2"]
            await lab.start("far", lab.boot_server("fra-boot"), serve, ready=re.compile("echo ready"))
            return await lab.run(lab.site("ams"), [sys.executable, ECHO, "ask", "10.78.0.2", "1"])

    assert asyncio.run(scenario()) == "lost\n"
    assert re.search(r"way=a-b passed=0 lost=[1-9]", (tmp_path / "run" / "logs" / "link-ams-fra.log").read_text())
