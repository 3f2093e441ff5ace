"""The wheel works without the checkout: migrations, templates and topologies come with it."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_a_wheel_in_an_empty_environment_works_without_the_checkout(tmp_path: Path) -> None:
    """Built, installed with its dependencies into a new environment, and used from another folder."""
    wheels, state = tmp_path / "wheels", tmp_path / "state"
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(ROOT))
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *map(str, wheels.glob("*.whl")))
    nearboot = str(tmp_path / "env" / "bin" / "nearboot")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NEARBOOT_STATE_DIR": str(state)}
    assert "revision" in _run(nearboot, "db", "upgrade", cwd=tmp_path, env=env)
    assert _run(nearboot, "lab", "list", cwd=tmp_path, env=env).split() == ["two-sites"]
    code = (
        "from nearboot.app.settings import folder; from nearboot.config import Config;"
        "from nearboot.boot.store import read_templates; print(*sorted(read_templates(folder(Config(), 'templates'))))"
    )
    names = _run(str(python), "-c", code, cwd=tmp_path, env=env).split()
    assert names == sorted(path.name for path in (ROOT / "templates").glob("*.j2"))


def _run(*argv: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout
