"""Files below a root: confinement, revalidation, sources."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nearboot.tftp import Mode, ReadRequest, StaticRoot, file_content
from nearboot.tftp.store import FileChangedError, FileSource, netascii, open_below, open_source


def ask(name: str) -> ReadRequest:
    return ReadRequest(name, Mode.OCTET, {}, ("192.0.2.1", 2070), "192.0.2.2")


def whole(path: Path) -> bytes:
    content = file_content(path)
    buffer = bytearray(content.size)
    open_source(content).read_into([memoryview(buffer)], 0)
    return bytes(buffer)


@pytest.mark.parametrize("name", ["boot/grub.cfg", "/boot//grub.cfg", "\\boot\\grub.cfg", "boot/grub.cfg\xff"])
def test_a_file_is_found_however_its_name_is_written(root: Path, name: str) -> None:
    """The same file, and the same content, each time."""
    (root / "boot").mkdir()
    (root / "boot" / "grub.cfg").write_text("menu")
    static = StaticRoot(root)
    found = static.lookup(ask(name))
    assert found == file_content(root / "boot" / "grub.cfg")
    assert static.lookup(ask(name)) is found


@pytest.mark.parametrize("name", ["../outside", "boot/../../outside", "away", "away/secret", "link"])
def test_nothing_outside_of_the_root_is_found(root: Path, tmp_path: Path, name: str) -> None:
    """Neither by dots nor by a symlink, to a file or on the way to it."""
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_text("secret")
    (root / "away").symlink_to(tmp_path / "elsewhere")
    (root / "link").symlink_to(tmp_path / "outside")
    with pytest.raises((PermissionError, FileNotFoundError)):
        StaticRoot(root).lookup(ask(name))


def test_a_sibling_with_the_roots_name_as_prefix_is_outside(tmp_path: Path) -> None:
    """/srv/tftp and /srv/tftp-private; tftpy #110."""
    (tmp_path / "tftp").mkdir()
    (tmp_path / "tftp-private").mkdir()
    (tmp_path / "tftp-private" / "key").write_text("secret")
    (tmp_path / "tftp" / "link").symlink_to(tmp_path / "tftp-private" / "key")
    with pytest.raises(PermissionError):
        StaticRoot(tmp_path / "tftp").lookup(ask("link"))


def test_symlinks_within_the_root_are_followed_and_their_targets_watched(root: Path) -> None:
    """``current -> v1`` is how files are released; a new target is served at once."""
    for version in ("v1", "v2"):
        (root / version).mkdir()
        (root / version / "linux").write_text(version)
    (root / "current").symlink_to("v1")
    static = StaticRoot(root)
    assert whole(Path(static.lookup(ask("current/linux")).path)) == b"v1"
    (root / "next").symlink_to("v2")
    (root / "next").replace(root / "current")
    assert whole(Path(static.lookup(ask("current/linux")).path)) == b"v2"


def test_only_regular_files_are_served(root: Path) -> None:
    """A FIFO must not hang the server, a directory is no file."""
    os.mkfifo(root / "fifo")
    (root / "dir").mkdir()
    for name in ("fifo", "dir"):
        with pytest.raises(FileNotFoundError):
            StaticRoot(root).lookup(ask(name))


def test_a_file_that_goes_is_not_found_any_more(root: Path) -> None:
    """Known or not, each request looks."""
    static = StaticRoot(root)
    static.lookup(ask("cfg"))
    (root / "cfg").unlink()
    with pytest.raises(FileNotFoundError):
        static.lookup(ask("cfg"))


def test_odd_names_are_noted(root: Path) -> None:
    """For the operator: a ROM with a bug."""
    notes: list[str] = []
    StaticRoot(root, on_note=notes.append).lookup(ask("cfg\xff"))
    assert len(notes) == 1
    assert "trailing" in notes[0]


def test_a_root_must_be_a_directory(tmp_path: Path) -> None:
    """Said at the start, not at the first request."""
    with pytest.raises(NotADirectoryError, match="nowhere"):
        StaticRoot(tmp_path / "nowhere")


def test_open_below_follows_no_symlink(root: Path, tmp_path: Path) -> None:
    """What was resolved cannot be swapped before it is opened."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f").write_text("x")
    (root / "dir").symlink_to(tmp_path / "elsewhere")
    (root / "f").symlink_to(tmp_path / "elsewhere" / "f")
    for parts in (["dir", "f"], ["f"]):
        with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
            os.close(open_below(str(root), parts))


def test_a_source_fills_scattered_views(root: Path) -> None:
    """One preadv, straight into the frames."""
    content = file_content(root / "kernel")
    buffer = bytearray(3000)
    view = memoryview(buffer)
    FileSource(content).read_into([view[0:1000], view[1500:2500]], 256)
    assert buffer[0:1000] == (bytes(range(256)) * 4)[:1000]
    assert buffer[1500:2500] == (bytes(range(256)) * 12)[1256 - 256 :][:1000]


def test_a_read_that_stops_short_is_finished_view_by_view(root: Path) -> None:
    """Wherever it stopped: within a view, at its end, before the first byte."""
    whole_file = (root / "kernel").read_bytes()
    source = FileSource(file_content(root / "kernel"))
    for done in (0, 5, 10, 17):
        buffer = bytearray(whole_file[256 : 256 + done]) + bytes(30 - done)
        view = memoryview(buffer)
        source._read_rest([view[0:10], view[10:20], view[20:30]], 256, done)
        assert bytes(buffer) == whole_file[256:286]


def test_a_changed_file_is_refused(root: Path) -> None:
    """When it is opened, and while it is read."""
    content = file_content(root / "kernel")
    source = FileSource(content)
    (root / "kernel").write_bytes(b"other")
    with pytest.raises(FileChangedError):
        FileSource(content)
    with pytest.raises(FileChangedError):
        source.read_into([memoryview(bytearray(100))], 0)


def test_a_source_closes_its_file(root: Path) -> None:
    """With its last user; descriptors are not leaked."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    source: FileSource | None = FileSource(file_content(root / "kernel"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
    del source
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_netascii_of_a_file(root: Path) -> None:
    """Line ends change; a huge file is refused, since it is converted in memory."""
    (root / "text").write_bytes(b"a\n")
    assert netascii(file_content(root / "text")) == b"a\r\n"
    assert netascii(file_content(root / "empty")) == b""
    with (root / "huge").open("wb") as file:
        file.truncate(5 << 20)
    with pytest.raises(PermissionError):
        netascii(file_content(root / "huge"))
