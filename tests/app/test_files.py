"""Documents are replaced at once or not at all; sizes of boot files."""

from __future__ import annotations

from pathlib import Path

import pytest

from nearboot.app.files import HEALTH_CONTENT, file_size, provide_health_file, write_document
from nearboot.config import Config
from nearboot.errors import ConfigError


def test_a_document_is_written_once(tmp_path: Path) -> None:
    """The same text again does not touch the file: what watches it is not woken."""
    path = tmp_path / "new" / "a.conf"
    assert write_document(path, "één\n")
    before = path.stat()
    assert not write_document(path, "één\n")
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert write_document(path, "twee\n")
    assert path.read_text() == "twee\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [file.name for file in path.parent.iterdir()] == ["a.conf"]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """And leaves nothing half written behind."""
    (tmp_path / "folder.conf" / "x").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"folder\.conf cannot be written: Is a directory"):
        write_document(tmp_path / "folder.conf", "text")
    assert [file.name for file in tmp_path.iterdir()] == ["folder.conf"]


def test_sizes_of_boot_files(tmp_path: Path) -> None:
    """None for what the root does not hold, and for what is outside it."""
    root = tmp_path / "boot"
    root.mkdir()
    (root / "vmlinuz").write_bytes(b"12345")
    (tmp_path / "secret").write_text("x")
    config = Config(boot_root=str(root))
    assert file_size(config, "vmlinuz") == 5
    assert file_size(config, "none") is None


def test_a_root_gets_the_file_that_health_checks_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that is there already stays as it is; a root that cannot be written is told of, and served all the same."""
    provide_health_file(tmp_path, "health")
    assert (tmp_path / "health").read_bytes() == HEALTH_CONTENT
    (tmp_path / "health").write_bytes(b"mine")
    provide_health_file(tmp_path, "health")
    assert (tmp_path / "health").read_bytes() == b"mine"
    provide_health_file(tmp_path / "health", "x")
    assert "boot-server check will call this boot server unhealthy" in caplog.text
