"""Nothing outside of the root, and nothing but regular files: by every name, over the wire, and while files move."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nearboot.tftp import Mode, Outcome, ReadRequest, StaticRoot, TransferEvent
from nearboot.tftp.__main__ import report, warn
from nearboot.tftp.packet import Data, Error, ErrorCode, encode
from nearboot.tftp.store import FileSource

Fixture = Callable[..., Any]
SECRET = b"the secret"
LOOKUPS = 3000


@pytest.fixture
def tree(root: Path) -> Path:
    """The root among things that are not to be served: files beside it, links out of it, what is no regular file."""
    beside = root.parent
    (beside / "secret").write_bytes(SECRET)
    (beside / "root-private").mkdir()
    (beside / "root-private" / "secret").write_bytes(SECRET)
    (root / "sub").mkdir()
    (root / "sub" / "cfg").write_bytes(b"within")
    links = {
        "out": beside / "secret",
        "up": "../secret",
        "away": beside,
        "sibling": beside / "root-private",
        "sub/deep": "../../secret",
        "chain": "sub/deep",
        "passwd": "/etc/passwd",
        "zero": "/dev/zero",
        "mem": "/proc/self/mem",
        "environ": "/proc/self/environ",
        "fd": "/proc/self/fd",
        "loop": "loop",
        "dangling": "nowhere",
        "top": "/",
        "root": root,
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(root)  # a socket's path has at most 107 bytes
        try:
            bound.bind("socket")
        finally:
            os.chdir(here)
    return root


NAMES = [
    *(b"../secret", b"/../secret", b"//..//..//secret", b"./../secret", b"sub/../../secret", b"sub/..", b"..", b"../"),
    *(b"..\\secret", b"\\..\\secret", b"sub\\..\\..\\secret", b"sub/..\\../secret", b"..\\/secret", b"\\\\host\\share"),
    *(
        b"/etc/passwd",
        b"//etc/passwd",
        b"C:\\boot.ini",
        b"file:///etc/passwd",
        b"~root/.profile",
        b"/proc/self/environ",
    ),
    *(b"../root-private/secret", b"../root/../secret", b"root/../secret", b"root/../root-private/secret"),
    *(b"..\xff", b"../secret\xff\xff", b"out\xff", b"\xff", b"\xff../secret", b"..\xff/secret"),
    *(b"%2e%2e/secret", b"..%2fsecret", b"%2e%2e%2fsecret", b"\xc0\xae\xc0\xae/secret", b"\xc0\xaf..\xc0\xafsecret"),
    *(b"\xe2\x80\xa5/secret", b"\xef\xbc\x8e\xef\xbc\x8e/secret", b"..\x01/secret", b".. /secret", b"... /../secret"),
    *(
        b"out",
        b"up",
        b"away/secret",
        b"sibling/secret",
        b"sub/deep",
        b"chain",
        b"passwd",
        b"top/etc/passwd",
        b"root/up",
    ),
    *(b"zero", b"mem", b"environ", b"fd/0", b"loop", b"loop/secret", b"dangling"),
    *(b"fifo", b"socket", b"sub", b"sub/", b".", b"/", b"", b"cfg/", b"cfg/.", b"cfg/../cfg", b"cfg/x", b"fifo/x"),
    *(b"a" * 300, b"a/" * 300, b"../" * 150 + b"secret"),
]
SAME_FILE = {b"cfg/", b"cfg/."}
"""Names of a file of the root, oddly written."""


@pytest.mark.parametrize("name", [pytest.param(name, id=ascii(name)[2:40]) for name in NAMES])
def test_no_name_leads_out_of_the_root(serve: Fixture, connect: Fixture, tree: Path, name: bytes) -> None:
    """ERROR 1 or 2, with a text of ours that names no path; and the server goes on."""
    wire = connect(serve().port)
    for datagram in (b"\0\1" + name + b"\0octet\0", b"\0\1" + name + b"\0netascii\0tsize\0000\0"):
        wire.other = wire.server
        wire.send(datagram)
        answer = wire.receive()
        if name in SAME_FILE and not isinstance(answer, Error):
            wire.send(encode(Error(0, "enough")))
            continue
        assert isinstance(answer, Error)
        assert answer.code in (ErrorCode.FILE_NOT_FOUND, ErrorCode.ACCESS_VIOLATION)
        assert answer.message in ("file not found", "access denied")
    wire.other = wire.server
    wire.ask("root/sub/cfg")
    assert wire.receive() == Data(1, b"within"), "a link within the root is followed"


@pytest.mark.root
def test_no_device_is_served(serve: Fixture, connect: Fixture, root: Path) -> None:
    """Character and block devices of the root's own; reading some hangs, or reads all of a disk."""
    os.mknod(root / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    os.mknod(root / "disk", 0o666 | stat.S_IFBLK, os.makedev(7, 0))
    wire = connect(serve().port)
    for name in ("zero", "disk"):
        wire.other = wire.server
        wire.ask(name, ("tsize", "0"))
        answer = wire.receive()
        assert isinstance(answer, Error)
        assert answer.code == ErrorCode.FILE_NOT_FOUND


def test_a_link_that_is_swapped_in_between_leads_nowhere(root: Path) -> None:
    """Somebody who may write to the root exchanges a folder and a link out of it, as fast as he can."""
    beside = root.parent / "beside"
    beside.mkdir()
    (beside / "f").write_bytes(SECRET)
    (root / "dir").mkdir()
    (root / "dir" / "f").write_bytes(b"public")
    (root / "link").symlink_to(beside)
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            (root / "dir").rename(root / "kept")
            (root / "link").rename(root / "dir")
            (root / "dir").rename(root / "link")
            (root / "kept").rename(root / "dir")

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(LOOKUPS):
            static = StaticRoot(root)  # nothing is remembered
            with suppress(OSError):
                content = static.lookup(ReadRequest("dir/f", Mode.OCTET, {}, ("192.0.2.1", 2070), "192.0.2.2"))
                view = bytearray(content.size)
                FileSource(content).read_into([memoryview(view)], 0)
                seen.add(bytes(view))
    finally:
        done.set()
        swapper.join()
    assert seen <= {b"public"}


HOSTILE = [
    "a\nb",
    "a\r\nforged line",
    "\x1b[2J",
    "\x9b31m",
    "\u202egnp",
    "\x7f",
    "a' error='x",
    "\udc80",
    "\0",
    "\u2028x",
]


@pytest.mark.parametrize("name", [pytest.param(name, id=ascii(name)) for name in HOSTILE])
def test_a_name_forges_no_line_and_moves_no_cursor(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """One printable line for each request and each note, whatever the client named."""
    now = datetime.now(UTC)
    client, server = ("192.0.2.1", 2070), "192.0.2.2"
    event = TransferEvent(
        outcome=Outcome.NOT_FOUND,
        filename=name,
        client=client,
        server=server,
        started_at=now,
        finished_at=now,
        duration_s=0.0,
        size=None,
        bytes_sent=0,
        blksize=512,
        windowsize=1,
        retransmits=0,
        error=f"no {name}",
    )
    report(event)
    warn(f"file={name!r} 1 trailing")
    warn(f"raw {name}")
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert said.err.count("\n") == 2
    assert (said.out + said.err).replace("\n", "").isprintable()
