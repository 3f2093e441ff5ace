"""Boot materials from a cache that holds unpacked packages: staged once, mended when damaged, no network."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from nearboot.errors import ToolError
from nearboot.lab import material_runner
from nearboot.lab.material_runner import HEALTH, HEALTH_CONTENT, INITRD, KERNEL, prepare

RELEASE = "6.1.0-99-cloud-amd64"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache as it is after the downloads, with small files instead of the real ones."""
    kernel = tmp_path / "packages" / f"linux-image-{RELEASE}_6.1.200-1_amd64"
    modules = kernel / "lib/modules" / RELEASE / "kernel"
    for name in material_runner._MODULES:
        (modules / name).parent.mkdir(parents=True, exist_ok=True)
        (modules / name).write_bytes(name.encode())
    (kernel / "boot").mkdir()
    (kernel / "boot" / f"vmlinuz-{RELEASE}").write_bytes(b"a kernel")
    grub = tmp_path / "packages" / "grub-efi-amd64-signed_1+2.06_amd64" / "usr/lib/grub/x86_64-efi-signed"
    grub.mkdir(parents=True)
    (grub / "grubnetx64.efi.signed").write_bytes(b"a boot loader")
    return tmp_path


def test_a_root_holds_all_that_machines_boot(cache: Path) -> None:
    """Loaders, kernel, initrd and the file for health checks."""
    materials = prepare(cache)
    expected = (INITRD, KERNEL, "grubnetx64.efi", "ldlinux.c32", HEALTH, "pxelinux.0")
    assert materials.files == expected
    assert (materials.root / KERNEL).read_bytes() == b"a kernel"
    assert (materials.root / HEALTH).read_bytes() == HEALTH_CONTENT
    assert materials.kernel_release == RELEASE
    archive = gzip.decompress((materials.root / INITRD).read_bytes())
    assert b"nearboot.callback" in archive
    assert archive.index(b"virtio_ring.ko\nvirtio.ko\n") > 0


def test_the_second_call_changes_nothing(cache: Path) -> None:
    """Idempotent: the same files, not new ones, and nothing to say."""
    first = prepare(cache)
    before = {path: path.stat().st_ino for path in first.root.rglob("*")}
    said: list[str] = []
    assert prepare(cache, said.append) == first
    assert {path: path.stat().st_ino for path in first.root.rglob("*")} == before
    assert said == []


@pytest.mark.parametrize("damage", ["shorter", "gone", "unsealed"])
def test_a_damaged_root_is_made_anew(cache: Path, damage: str) -> None:
    """A file that is cut, a file that is gone, a staging that was not finished."""
    root = prepare(cache).root
    if damage == "shorter":
        (root / KERNEL).write_bytes(b"")
    else:
        (root / KERNEL if damage == "gone" else cache / "root.json").unlink()
    assert (prepare(cache).root / KERNEL).read_bytes() == b"a kernel"


def test_a_missing_package_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which file is missing and what to install."""
    monkeypatch.setattr(material_runner, "_INSTALLED", (("/nonexistent/pxelinux.0", "pxelinux", "pxelinux.0"),))
    with pytest.raises(ToolError, match=r"/nonexistent/pxelinux.0 not found; apt-get install pxelinux"):
        prepare(cache)


def test_a_package_without_its_file_is_an_error(cache: Path) -> None:
    """Nothing half-made is left to be taken for a root."""
    next(cache.glob("packages/grub*/usr/lib/grub/x86_64-efi-signed/*")).unlink()
    with pytest.raises(ToolError, match=r"grubnetx64\.efi\.signed is not in its Debian package"):
        prepare(cache)
    assert not (cache / "root").exists()
    assert list(cache.glob("root-*")) == []
