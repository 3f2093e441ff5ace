"""fbtftp's NetasciiReader: parts, and the size."""

from __future__ import annotations

import pytest

from nearboot.fbtftp import NetasciiReader, StringResponseData


@pytest.mark.parametrize("count", [1, 2, 3, 512])
@pytest.mark.parametrize("asks_size", [False, True])
def test_line_ends_whatever_the_parts(count: int, *, asks_size: bool) -> None:
    """Asking the size first changes nothing."""
    reader = NetasciiReader(StringResponseData("a\nb\r\nc\r"))
    if asks_size:
        assert (reader.size(), reader.size()) == (11, 11)
    assert b"".join(iter(lambda: reader.read(count), b"")) == b"a\r\nb\r\0\r\nc\r\0"
    reader.close()
