"""Reading a file over TFTP into a file: whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from nearboot.app.fetch import Asking, Target, fetch, parse_url
from nearboot.errors import ConfigError, PeerError
from nearboot.tftp import StaticRoot, TftpServer

CONTENT = os.urandom(300_001)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    """A file on a server."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "image").write_bytes(CONTENT)
    with TftpServer(None, host="127.0.0.1", port=0, fast=StaticRoot(tmp_path / "root").lookup) as server:
        yield Target("127.0.0.1", server.port, "image")


def missing(target: Target) -> Target:
    return Target(target.host, target.port, "nope")


URLS = [
    pytest.param("tftp://boot.example.net/a/b", Target("boot.example.net", 69, "a/b"), id="name"),
    pytest.param("tftp://192.0.2.5:6969//etc/x", Target("192.0.2.5", 6969, "/etc/x"), id="port-and-absolute"),
    pytest.param("tftp://[2001:db8::5]:70/x", Target("2001:db8::5", 70, "x"), id="v6"),
    pytest.param("tftp://[fe80::1%25eth0]/x", Target("fe80::1%eth0", 69, "x"), id="v6-with-scope"),
    pytest.param("tftp://h/a%20b;mode=octet", Target("h", 69, "a b"), id="escapes-and-mode"),
    pytest.param("tftp://h/boot.ipxe?mac=1", Target("h", 69, "boot.ipxe?mac=1"), id="question-mark"),
]


@pytest.mark.parametrize(("url", "expected"), URLS)
def test_urls(url: str, expected: Target) -> None:
    """RFC 3617; a path begins after the first slash."""
    assert parse_url(url) == expected


WRONG = [
    "http://h/x",
    "h/x",
    "tftp:///x",
    "tftp://h",
    "tftp://h/",
    "tftp://h:99999/x",
    "tftp://[2001:db8::5/x",
    "tftp://h/x;mode=netascii",
    "tftp://h/%00",
]


@pytest.mark.parametrize("url", WRONG)
def test_wrong_urls(url: str) -> None:
    """Said, not guessed."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_url(url)


def test_a_file_is_fetched_with_its_checksum(target: Target, tmp_path: Path) -> None:
    """Size, checksum, and what was agreed; the mode is that of any new file."""
    told: list[tuple[int, int | None]] = []
    fetched = fetch(target, tmp_path / "out", Asking(windowsize=8), lambda *progress: told.append(progress))
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert (fetched.size, fetched.blksize, fetched.windowsize) == (len(CONTENT), 1428, 8)
    assert fetched.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert told[-1] == (len(CONTENT), len(CONTENT))
    (tmp_path / "other").touch()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_stream_is_written_to(target: Target) -> None:
    """As stdout is."""
    stream = io.BytesIO()
    fetch(target, stream, Asking())
    assert stream.getvalue() == CONTENT


def test_a_read_that_fails_leaves_all_as_it_was(target: Target, tmp_path: Path) -> None:
    """Neither an empty file nor a leftover; an old file stays."""
    (tmp_path / "old").write_bytes(b"old")
    for name in ("old", "new"):
        with pytest.raises(PeerError, match="ERROR 1"):
            fetch(missing(target), tmp_path / name, Asking())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old", "root"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_an_old_file_is_replaced_with_its_mode_and_through_its_link(target: Target, tmp_path: Path) -> None:
    """A link goes on pointing where it did."""
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "old").chmod(0o600)
    (tmp_path / "link").symlink_to("old")
    fetch(target, tmp_path / "link", Asking())
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "old").read_bytes() == CONTENT
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o600


def test_a_device_is_written_to_and_stays_one(target: Target) -> None:
    """/dev/null must not become a file."""
    fetch(target, Path(os.devnull), Asking())
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.parametrize("path", ["/dev/full", "/nonexistent/folder/out"])
def test_an_output_that_cannot_be_written_is_named(target: Target, path: str) -> None:
    """A full disk, a folder that is not there."""
    with pytest.raises(ConfigError, match=f"{path} cannot be written"):
        fetch(target, Path(path), Asking())


def test_silence_ends(tmp_path: Path) -> None:
    """After the retries asked for."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        with pytest.raises(PeerError, match="no reply to 2 packets"):
            fetch(Target("127.0.0.1", mute.getsockname()[1], "x"), tmp_path / "x", Asking(timeout_s=0.01, retries=1))
    assert list(tmp_path.iterdir()) == []
