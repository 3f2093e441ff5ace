"""Files and templates on a real disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nearboot.boot.host import HostBoot
from nearboot.boot.request import parse
from nearboot.boot.resolve import resolve
from nearboot.boot.store import BootFiles, find_file, read_templates
from nearboot.errors import ConfigError, InputError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A file root, and a secret beside it that has the same name for a start."""
    (tmp_path / "data-private").mkdir()
    (tmp_path / "data-private" / "secret").write_text("secret")
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    (root / "images" / "vmlinuz").write_text("kernel")
    (root / "link").symlink_to("images/vmlinuz")
    (root / "escape").symlink_to("../data-private/secret")
    (root / "escape-dir").symlink_to("../data-private")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "fifo")
    return root


@pytest.mark.parametrize("path", ["images/vmlinuz", "/images/vmlinuz", "link"])
def test_files_below_the_root_are_found(root: Path, path: str) -> None:
    """Also through a link that stays inside."""
    assert find_file(root, path) == root / "images" / "vmlinuz"


@pytest.mark.parametrize(
    "path",
    ["gone", "images", "", "../data-private/secret", "escape", "escape-dir/secret", "loop", "fifo", "a\0b", "x" * 300],
)
def test_nothing_else_is(root: Path, path: str) -> None:
    """Not outside, not by a link, no folder, no FIFO that would block, and never an exception."""
    assert find_file(root, path) is None


def test_a_root_that_does_not_exist_has_no_files(tmp_path: Path) -> None:
    """It may be mounted later."""
    assert find_file(tmp_path / "gone", "x") is None


def test_the_first_folder_with_a_template_wins(tmp_path: Path) -> None:
    """An operator's folder holds only what differs."""
    ours, shipped = tmp_path / "ours", tmp_path / "shipped"
    (ours / "snippets").mkdir(parents=True)
    shipped.mkdir()
    (ours / "a.j2").write_text("ours")
    (ours / "snippets" / "c.j2").write_text("c")
    (ours / "README").write_text("no template")
    (shipped / "a.j2").write_text("shipped")
    (shipped / "b.j2").write_text("b")
    assert read_templates(ours, shipped) == {"a.j2": "ours", "b.j2": "b", "snippets/c.j2": "c"}


def test_a_folder_or_template_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """At start, not when the first machine boots."""
    with pytest.raises(ConfigError, match="gone"):
        read_templates(tmp_path / "gone")
    (tmp_path / "bad.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"bad\.j2"):
        read_templates(tmp_path)


def test_all_templates_that_cannot_be_parsed_are_named_with_their_lines(tmp_path: Path) -> None:
    """At start; what only a host's values can show is told when it is rendered."""
    (tmp_path / "a.j2").write_text("x\n{% if %}\n")
    (tmp_path / "b.j2").write_text("{{ nope }}")
    (tmp_path / "c.j2").write_text("{{ 'x' | nosuchfilter }}")
    with pytest.raises(InputError) as caught:
        read_templates(tmp_path)
    assert [(fault.file, fault.line) for fault in caught.value.faults] == [
        (str(tmp_path / "a.j2"), 2),
        (str(tmp_path / "c.j2"), 1),
    ]


def test_an_answer_becomes_content(root: Path, host: HostBoot, templates: dict[str, str]) -> None:
    """Bytes for a configuration, a path for a file, None for what is not there."""
    files = BootFiles(root, templates)
    rendered = files.content(resolve(parse("pxelinux.cfg/default"), host))
    assert isinstance(rendered, bytes)
    assert b"LABEL nearboot" in rendered
    assert files.content(resolve(parse("/images/vmlinuz"), None)) == root / "images" / "vmlinuz"
    assert files.content(resolve(parse("gone"), None)) is None
    assert files.content(resolve(parse("pxelinux.cfg/default"), None)) is None
