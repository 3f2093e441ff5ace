"""The examples of the README serve what they say, and the README shows them as they are."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nearboot.errors import PeerError
from nearboot.tftp import read

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples" / "tftp"


@contextmanager
def running(name: str) -> Iterator[int]:
    """The example on a free port."""
    command = [sys.executable, str(EXAMPLES / name), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().split()[1])
        finally:
            process.terminate()


@pytest.mark.parametrize("name", ["native.py", "workers.py", "with_fbtftp_api.py"])
def test_the_example_serves(name: str) -> None:
    """What it knows, and ERROR 1 for the rest."""
    with running(name) as port:
        assert asyncio.run(read("127.0.0.1", port, "hello", timeout_s=5.0)) == b"hello 127.0.0.1\n"
        with pytest.raises(PeerError, match="ERROR 1"):
            asyncio.run(read("127.0.0.1", port, "nothing", timeout_s=5.0))


def test_the_native_example_streams() -> None:
    """Itself."""
    with running("native.py") as port:
        content = asyncio.run(read("127.0.0.1", port, "self", blksize=100, windowsize=4, timeout_s=5.0))
    assert content == (EXAMPLES / "native.py").read_bytes()


def test_the_readme_shows_them_as_they_are() -> None:
    """Each python block under the heading is a part of an example."""
    section = (ROOT / "README.md").read_text().split("## Build your own TFTP server")[1].split("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 2
    for block, name in zip(blocks, ("native.py", "with_fbtftp_api.py"), strict=True):
        assert block in (EXAMPLES / name).read_text()
