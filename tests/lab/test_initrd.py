"""The initrd: byte-exact records, the same bytes each time, and another program reads it."""

from __future__ import annotations

import gzip
import stat
import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from nearboot.lab.initrd import Entry, archive, build

NAMES = st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,2}\Z").filter(lambda name: not name.startswith("dev"))


def _entries(data: bytes) -> dict[str, tuple[int, bytes]]:
    """Read a newc archive back, as the kernel does."""
    found, at = {}, 0
    while True:
        assert at % 4 == 0
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        size, name_size = fields[6], fields[11]
        name = data[at + 110 : at + 110 + name_size - 1].decode()
        start = -(-(at + 110 + name_size) // 4) * 4
        if name == "TRAILER!!!":
            return found
        found[name] = (fields[1], data[start : start + size])
        at = -(-(start + size) // 4) * 4


def test_a_record_is_laid_out_as_newc_says() -> None:
    """Magic, thirteen fields of eight digits, the name with its NUL, both parts padded to four bytes."""
    record = archive({"init": Entry(b"abcde", 0o755)}).split(b"070701")[4]
    fields = "00000004000081ED0000000000000000000000010000000000000005"
    devices = "000000000000000000000000000000000000000500000000"
    assert record == (fields + devices).encode() + b"init\0" + b"\0" + b"abcde\0\0\0"


def test_the_console_and_all_folders_are_there_before_their_files() -> None:
    """The kernel makes no folder by itself, and init needs /dev/console to speak."""
    entries = _entries(archive({"a/b/c": Entry(b"x")}))
    assert list(entries) == ["a", "a/b", "dev", "dev/console", "dev/null", "a/b/c"]
    assert stat.S_ISDIR(entries["a/b"][0])
    assert stat.S_ISCHR(entries["dev/console"][0])


def test_modules_keep_their_order_of_loading() -> None:
    """The list of modules is in the order given, not in that of names."""
    entries = _entries(gzip.decompress(build({"init": Entry(b"")}, {"z.ko": b"1", "a.ko": b"2"})))
    assert entries["modules"][1] == b"z.ko\na.ko\n"
    assert entries["lib/modules/a.ko"][1] == b"2"


def test_the_order_of_files_changes_no_byte() -> None:
    """Same content, same bytes: times are zero, names are sorted."""
    one, two = Entry(b"1"), Entry(b"2", 0o755)
    assert build({"a": one, "b": two}) == build({"b": two, "a": one})


@given(st.dictionaries(NAMES, st.binary(max_size=50), max_size=6).filter(lambda d: not _nested(d)))
def test_what_goes_in_comes_out(files: dict[str, bytes]) -> None:
    """Any names and bytes can be read back."""
    entries = _entries(archive({name: Entry(data) for name, data in files.items()}))
    assert {name: data for name, (mode, data) in entries.items() if stat.S_ISREG(mode)} == files


def test_busybox_unpacks_it(tmp_path: Path) -> None:
    """Another implementation as witness."""
    content = archive({"etc/hello": Entry(b"hello\n"), "init": Entry(b"#!/bin/sh\n", 0o755)})
    listing = subprocess.run(["busybox", "cpio", "-t"], input=content, capture_output=True, cwd=tmp_path, check=True)
    assert listing.stdout.split() == [b"dev", b"etc", b"dev/console", b"dev/null", b"etc/hello", b"init"]


def _nested(files: dict[str, bytes]) -> bool:
    return any(other.startswith(f"{name}/") for name in files for other in files)
