"""A lab in a process of its own, for the tests that interrupt it: ``held_lab.py NAME RUN_DIR STATE_DIR``."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from nearboot.errors import NearbootError
from nearboot.lab.runner import Lab
from nearboot.lab.topology import parse
from nearboot.model import Slug

TWO_SITES = Path(__file__).parent.parent.parent / "topology" / "two-sites.yaml"


async def _hold(name: str, run_dir: Path, state_dir: Path) -> None:
    topology = replace(parse(TWO_SITES.read_text(), str(TWO_SITES)), name=Slug(name))
    async with Lab(topology, run_dir, state_dir=state_dir) as lab:
        await lab.start("sleeper", lab.boot_server("ams-boot"), ["sleep", "600"])
        print("held", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(_hold(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
    except NearbootError as error:
        sys.exit(str(error))
