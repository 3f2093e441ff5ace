"""File names as boot ROMs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearboot.tftp.path import clean

NAMES = [
    pytest.param("pxelinux.0", ("pxelinux.0",), id="plain"),
    pytest.param("/grub/grub.cfg", ("grub", "grub.cfg"), id="leading-slash"),
    pytest.param("//boot//x64//shim.efi", ("boot", "x64", "shim.efi"), id="double-slashes"),
    pytest.param("boot\\x64\\wdsnbp.com", ("boot", "x64", "wdsnbp.com"), id="backslashes"),
    pytest.param("./a/./b", ("a", "b"), id="dots"),
    pytest.param("a..b/...", ("a..b", "..."), id="dots-within-names"),
    pytest.param("grub/by-mac/52:54:00:00:00:30.cfg", ("grub", "by-mac", "52:54:00:00:00:30.cfg"), id="colons"),
]


@pytest.mark.parametrize(("name", "parts"), NAMES)
def test_names_become_parts(name: str, parts: tuple[str, ...]) -> None:
    """Quirks are taken, without a note."""
    assert clean(name).parts == parts
    assert clean(name).note == ""


@pytest.mark.parametrize("name", ["..", "../etc/passwd", "a/../b", "a\\..\\..\\b", "/..", "..\xff"])
def test_no_name_leaves_the_root(name: str) -> None:
    """ERROR 2 to the client, not a file from elsewhere."""
    with pytest.raises(PermissionError):
        clean(name)


@pytest.mark.parametrize("name", ["", "/", "\xff", "///", ".", "a\0b", "x" * 300])
def test_some_names_name_no_file(name: str) -> None:
    """ERROR 1 to the client."""
    with pytest.raises(FileNotFoundError):
        clean(name)


def test_a_tail_of_garbage_is_stripped_and_noted() -> None:
    """Old PXE ROMs read the DHCP field past its end."""
    cleaned = clean("pxelinux.0\xff\xff")
    assert cleaned.parts == ("pxelinux.0",)
    assert "2 trailing" in cleaned.note


@given(st.text(alphabet="ab./\\\xff\0"))
def test_parts_are_plain_names_whatever_was_asked(name: str) -> None:
    """No separator, no dot entries, nothing empty."""
    try:
        parts = clean(name).parts
    except (FileNotFoundError, PermissionError):
        return
    assert parts
    assert all(part not in ("", ".", "..") and not set(part) & set("/\\\0") for part in parts)
