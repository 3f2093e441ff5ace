"""``nearboot tftp get`` as people call it."""

from __future__ import annotations

import hashlib
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nearboot.cli.root import run
from nearboot.tftp import StaticRoot, TftpServer

CONTENT = os.urandom(400_000)


@pytest.fixture(params=["127.0.0.1", "::1"], ids=["v4", "v6"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a server with one file, ``grub/image``; the working folder is empty."""
    folder, here = tmp_path / "root" / "grub", tmp_path / "here"
    folder.mkdir(parents=True)
    here.mkdir()
    (folder / "image").write_bytes(CONTENT)
    monkeypatch.chdir(here)
    with TftpServer(None, host=request.param, port=0, fast=StaticRoot(tmp_path / "root").lookup) as server:
        host = f"[{request.param}]" if ":" in request.param else request.param
        yield f"tftp://{host}:{server.port}"


def test_a_file_comes_under_its_own_name(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Size, time, rate, what was agreed, and the checksum."""
    assert run(["tftp", "get", f"{url}/grub/image", "--blksize", "1000", "--windowsize", "4"]) == 0
    assert Path("image").read_bytes() == CONTENT
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith("grub/image -> image: 400000 bytes in ")
    assert "MB/s), blksize 1000, windowsize 4\n" in said.out
    assert said.out.endswith(f"sha256 {hashlib.sha256(CONTENT).hexdigest()}\n")


def test_a_folder_takes_the_file_under_its_name(url: str, tmp_path: Path) -> None:
    """As cp does."""
    assert run(["tftp", "get", f"{url}/grub/image", "-o", str(tmp_path)]) == 0
    assert (tmp_path / "image").read_bytes() == CONTENT


def test_stdout_is_the_file_and_nothing_else(url: str) -> None:
    """What is said goes to stderr, so that a pipe works."""
    command = [sys.executable, "-m", "nearboot", "tftp", "get", f"{url}/grub/image", "-o", "-"]
    ended = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert ended.stdout == CONTENT
    assert ended.stderr.startswith(b"grub/image -> -: 400000 bytes in ")


def test_a_terminal_sees_a_bar(url: str) -> None:
    """On stderr alone, and gone at the end."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "nearboot", "tftp", "get", f"{url}/grub/image"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=True, env=environment)
    os.close(theirs)
    shown = os.read(ours, 65536)
    os.close(ours)
    assert b"grub/image" in shown
    assert b"sha256" in ended.stdout


def test_a_sigterm_leaves_nothing_half(tmp_path: Path) -> None:
    """As Ctrl-C: the file that was there stays, the part of the new one is gone."""
    (tmp_path / "image").write_bytes(b"old")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(60)
        url = f"tftp://127.0.0.1:{server.getsockname()[1]}/image"
        command = [sys.executable, "-m", "nearboot", "tftp", "get", url, "-o", str(tmp_path / "image")]
        with subprocess.Popen(command) as process:
            server.recvfrom(600)
            assert len(list(tmp_path.iterdir())) == 2
            process.terminate()
            assert process.wait(60) == 128 + signal.SIGTERM
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_missing_file_is_one_line_and_1(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The server's word; nothing is left behind."""
    assert run(["tftp", "get", f"{url}/nope"]) == 1
    said = capsys.readouterr()
    assert said.err == "nearboot: 'nope': server ERROR 1: file not found\n"
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["http://h/x"], "expected tftp://HOST", id="scheme"),
        pytest.param(["tftp://h/folder/.."], "say where to write it", id="no-name"),
        pytest.param(["tftp://h/x", "--blksize", "4"], "--blksize", id="blksize"),
        pytest.param(["tftp://no such host/x", "-o", "x"], "no such host", id="host"),
    ],
)
def test_mistakes_are_said_plainly(
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 1, no traceback."""
    monkeypatch.chdir(tmp_path)
    assert run(["tftp", "get", *words]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
