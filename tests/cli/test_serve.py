"""``nearboot serve``: what keeps a daemon from starting is one clear line; how a daemon works is in tests/app."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Nearboot = Callable[..., Any]

KINDS = {"tftp": socket.SOCK_DGRAM, "http": socket.SOCK_STREAM}


@pytest.fixture
def backend() -> str:
    """One database will do here: the stores are tested on both."""
    return "sqlite"


@pytest.fixture(params=KINDS)
def taken(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """A daemon's name, and a port of its kind that something else listens on."""
    with socket.socket(socket.AF_INET, KINDS[request.param]) as other:
        other.bind(("127.0.0.1", 0))
        if request.param == "http":
            other.listen()
        yield request.param, other.getsockname()[1]


def test_a_port_in_use_is_told(quickstart: Nearboot, taken: tuple[str, int], tmp_path: Path) -> None:
    """Address and port are named."""
    kind, port = taken
    words = ["--host", "127.0.0.1", "--port", port, "--root", tmp_path, "--metrics-listen", ""]
    ran = quickstart("serve", kind, *words, code=1)
    line = ran.err.splitlines()[-1]
    assert line.startswith(f"nearboot: {kind.upper()} cannot listen on 127.0.0.1 port {port}: ")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_root_is_told(quickstart: Nearboot, kind: str, tmp_path: Path) -> None:
    """The setting that names it is told as well."""
    missing = tmp_path / "missing"
    ran = quickstart("serve", kind, "--host", "127.0.0.1", "--port", 0, "--root", missing, code=1)
    assert ran.err == f"nearboot: the folder of boot files is not there: {missing} (set boot_root, or make it)\n"


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_boot_server_is_told(quickstart: Nearboot, kind: str, tmp_path: Path) -> None:
    """Before anything is served under a name that no route has."""
    how = ["--host", "127.0.0.1", "--port", 0, "--root", tmp_path]
    ran = quickstart("serve", kind, *how, "--boot-server", "ams-bot", code=1)
    assert ran.err.startswith("nearboot: no boot server named 'ams-bot'; did you mean ams-boot")


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_template_is_told(quickstart: Nearboot, kind: str, tmp_path: Path) -> None:
    """With its line, and before a machine asks for it."""
    (tmp_path / "grub.cfg.j2").write_text("set timeout=5\n{% if %}\n")
    (tmp_path / "nearboot.yaml").write_text(f"templates: {tmp_path}\n")
    words = ["--config", tmp_path / "nearboot.yaml", "serve", kind]
    ran = quickstart(*words, "--host", "127.0.0.1", "--port", 0, "--root", tmp_path, code=1)
    assert ran.out == ""
    assert ran.err.startswith(f"{tmp_path / 'grub.cfg.j2'}:2: found ")


@pytest.mark.parametrize("kind", [*KINDS, "leases"])
def test_a_database_that_does_not_answer_is_told(
    nearboot: Nearboot, monkeypatch: pytest.MonkeyPatch, kind: str, tmp_path: Path
) -> None:
    """A daemon that could look up nobody does not start."""
    monkeypatch.setenv("NEARBOOT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    words = [tmp_path / "leases.csv"] if kind == "leases" else ["--root", tmp_path, "--port", 0]
    ran = nearboot("serve", kind, *words, code=1)
    assert ran.err.startswith("nearboot: cannot open the database postgresql")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--workers", 0], "'--workers'", id="workers"),
        pytest.param(["--user", "no-such-user"], "nearboot: no user named 'no-such-user' on this machine", id="user"),
        pytest.param(["--user", "nobody:no-such-group"], "nearboot: no group named 'no-such-group'", id="group"),
    ],
)
def test_workers_and_users_that_cannot_be_are_told(
    quickstart: Nearboot, tmp_path: Path, words: list[object], said: str
) -> None:
    """Before root is given up."""
    ran = quickstart("serve", "tftp", "--host", "127.0.0.1", "--port", 0, "--root", tmp_path, *words, code=1)
    assert said in ran.err
