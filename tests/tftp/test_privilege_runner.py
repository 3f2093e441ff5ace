"""Root is given up for good: as /proc sees it, and as a system call finds it."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nearboot.errors import ConfigError
from nearboot.tftp.privilege_runner import become, unreadable

PROGRAM = """
import os, sys
from nearboot.tftp.privilege_runner import become
become(sys.argv[1])
print(open("/proc/self/status").read())
print("HOME", os.environ["HOME"])
for call in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0])):
    try:
        call()
    except PermissionError:
        print("refused")
"""


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder that other users reach, as they do not reach pytest's."""
    with tempfile.TemporaryDirectory(prefix="nearboot-") as name:
        yield Path(name)


def run(user: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, user], capture_output=True, text=True, check=True, timeout=60
    ).stdout


@pytest.mark.root
def test_root_is_given_up_for_good() -> None:
    """All four ids, the groups, every capability; and no program started from here gains any."""
    nobody = pwd.getpwnam("nobody")
    said = run("nobody")
    assert f"Uid:\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}\n" in said
    assert f"Gid:\t{nobody.pw_gid}\t{nobody.pw_gid}\t{nobody.pw_gid}\t{nobody.pw_gid}\n" in said
    assert f"Groups:\t{nobody.pw_gid} \n" in said
    assert "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n" in said
    assert "NoNewPrivs:\t1\n" in said
    assert said.count("refused") == 3
    assert f"HOME {nobody.pw_dir}" in said


@pytest.mark.root
def test_a_group_may_be_named() -> None:
    """NAME:GROUP, as chown has it."""
    assert "Gid:\t1\t1\t1\t1\n" in run("nobody:daemon")


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        pytest.param("no-such-user", "no user named 'no-such-user'", id="user"),
        pytest.param("nobody:no-such-group", "no group named 'no-such-group'", id="group"),
        pytest.param("", "no user named ''", id="empty"),
    ],
)
def test_an_unknown_name_is_told(user: str, expected: str) -> None:
    """Before anything is given up."""
    before = os.getresuid()
    with pytest.raises(ConfigError, match=expected):
        become(user)
    assert os.getresuid() == before


@pytest.mark.root
def test_root_is_no_lesser_user() -> None:
    """A set-up that names it would believe that it gave something up."""
    with pytest.raises(ConfigError, match="gives up nothing"):
        become("root")


@pytest.mark.root
def test_only_root_can_become_another() -> None:
    """Whoever is that user already stays it."""
    program = (
        "import os; from nearboot.tftp.privilege_runner import become; from nearboot.errors import ConfigError\n"
        "become('nobody'); become('nobody')\n"
        "try: become('daemon')\nexcept ConfigError as error: print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "cannot become user 'daemon': only root can, and this runs as 'nobody'\n"


@pytest.mark.root
def test_what_the_user_cannot_use_is_told_with_its_owner(tmp_path: Path) -> None:
    """So that the operator knows what to change."""
    (tmp_path / "open").write_text("x")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "closed").mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    program = (
        "import sys; from nearboot.tftp.privilege_runner import become, unreadable; become('nobody')\n"
        "print(repr(unreadable(sys.argv[1] + '/open')), unreadable(sys.argv[1] + '/open', writable=True),"
        " unreadable(sys.argv[1] + '/closed'), unreadable(sys.argv[1] + '/none'), sep='\\n')"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.splitlines() == [
        "''",
        f"{tmp_path}/open cannot be written by user 'nobody': it is root's, mode 0644",
        f"{tmp_path}/closed cannot be read by user 'nobody': it is root's, mode 0700",
        f"{tmp_path}/none: No such file or directory, for user 'nobody'",
    ]


def test_what_can_be_used_is_no_trouble(tmp_path: Path) -> None:
    """Empty text."""
    assert unreadable(str(tmp_path), writable=True) == ""
