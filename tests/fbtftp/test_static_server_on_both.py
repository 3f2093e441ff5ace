"""The static server of fbtftp's documentation, on both packages: the example's own comparison finds no difference."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "tftp" / "static_server_on_both.py"


def test_clients_callbacks_and_counters_get_the_same_from_both() -> None:
    """With ``pytest -s`` the tables can be read."""
    run = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, timeout=120, check=False)
    print(run.stdout)
    assert (run.returncode, run.stderr) == (0, "")
    assert "DIFFERENT" not in run.stdout
    assert run.stdout.count("stats.packets_sent") == 7
    assert "process_count" in run.stdout
