"""Prepares what the lab's machines boot: a TFTP root with boot loaders, a Debian kernel and an initrd that calls back.

Debian packages that the host has are used where they are; the kernel and the signed GRUB are only downloaded and
unpacked, never installed. The result is cached: a second call does nothing and needs no network.

    materials = prepare(Path("/var/cache/nearboot/lab"))   # materials.root is the boot servers' file root
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path

from nearboot.errors import ToolError
from nearboot.lab.initrd import Entry, build

KERNEL = "debian-12/vmlinuz"
INITRD = "debian-12/initrd.gz"
HEALTH = "nearboot-health"
"""A small known file: what a health check reads."""
HEALTH_CONTENT = b"nearboot boot server: ok\n"

_LAYOUT = 1  # counts up when the set of staged files changes
_META_PACKAGE = "linux-image-cloud-amd64"
_GRUB_PACKAGE = "grub-efi-amd64-signed"
_INSTALLED = (  # file on the host, Debian package, name below the root ("": goes into the initrd)
    ("/usr/lib/PXELINUX/pxelinux.0", "pxelinux", "pxelinux.0"),
    ("/usr/lib/syslinux/modules/bios/ldlinux.c32", "syslinux-common", "ldlinux.c32"),
    ("/bin/busybox", "busybox-static", ""),
)
_MODULES = (  # below lib/modules/VERSION/kernel, in the order in which they need each other
    "drivers/virtio/virtio_ring.ko",
    "drivers/virtio/virtio.ko",
    "drivers/virtio/virtio_pci_legacy_dev.ko",
    "drivers/virtio/virtio_pci_modern_dev.ko",
    "drivers/virtio/virtio_pci.ko",
    "net/core/failover.ko",
    "drivers/net/net_failover.ko",
    "drivers/net/virtio_net.ko",
)
_KERNEL_PACKAGE = re.compile(r"Depends: (linux-image-\d\S*-cloud-amd64)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Materials:
    """Prepared boot files: ``root`` is a TFTP and HTTP file root, the names are relative to it."""

    root: Path
    kernel: str
    initrd: str
    kernel_release: str  # such as 6.1.0-56-cloud-amd64
    files: tuple[str, ...]


def prepare(cache: Path, say: Callable[[str], None] = lambda _: None) -> Materials:
    """Give the boot files below ``cache``, made on the first call; ``say`` hears of what takes time.

    Raises ``ToolError`` naming the Debian package that is missing or cannot be downloaded.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "lock"):
        stamp = _stamp()
        ready = _staged(cache / "root", stamp)
        if ready:
            return ready
        installed = _installed()
        kernel = _unpacked(cache, _kernel_package(cache), say)
        grub = _unpacked(cache, _GRUB_PACKAGE, say)
        say("building the initrd and the boot file root")
        with tempfile.TemporaryDirectory(dir=cache, prefix="root-") as folder:
            root = Path(folder) / "root"
            _stage(root, installed, kernel, grub)
            _seal(root, stamp, kernel.name)
            _replace(root, cache / "root")
        found = _staged(cache / "root", stamp)
        assert found is not None, "a root that was just staged is complete"
        return found


def _stage(root: Path, installed: dict[str, Path], kernel: Path, grub: Path) -> None:
    for _, package, name in _INSTALLED:
        if name:
            _copy(installed[package], root / name)
    _copy(grub / "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed", root / "grubnetx64.efi")
    image = _only(kernel / "boot", "vmlinuz-*")
    _copy(image, root / KERNEL)
    _write(root / INITRD, _initrd(installed["busybox-static"], kernel))
    _write(root / HEALTH, HEALTH_CONTENT)


def _initrd(busybox: Path, kernel: Path) -> bytes:
    modules = _only(kernel / "lib/modules", "*") / "kernel"
    return build(
        {
            "init": Entry(_script("init.sh"), 0o755),
            "etc/udhcpc.sh": Entry(_script("udhcpc.sh"), 0o755),
            "bin/busybox": Entry(busybox.read_bytes(), 0o755),
        },
        {Path(name).name: (modules / name).read_bytes() for name in _MODULES},
    )


def _script(name: str) -> bytes:
    return package_files("nearboot.lab").joinpath(name).read_bytes()


def _stamp() -> str:
    """Give what a cached root must agree with: another init script makes another root."""
    content = b"\0".join((str(_LAYOUT).encode(), _script("init.sh"), _script("udhcpc.sh"), HEALTH_CONTENT))
    return hashlib.sha256(content).hexdigest()


def _staged(root: Path, stamp: str) -> Materials | None:
    """Give the root as it stands if it is complete and made by this version."""
    try:
        seal = json.loads((root.parent / f"{root.name}.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    files: dict[str, int] = seal.get("files", {})
    whole = all((root / name).is_file() and (root / name).stat().st_size == size for name, size in files.items())
    if seal.get("stamp") != stamp or not whole or not files:
        return None
    return Materials(root, KERNEL, INITRD, seal["release"], tuple(sorted(files)))


def _seal(root: Path, stamp: str, package: str) -> None:
    names = sorted(path for path in root.rglob("*") if path.is_file())
    sizes = {str(path.relative_to(root)): path.stat().st_size for path in names}
    release = package.split("_", 1)[0].removeprefix("linux-image-")
    seal = {"stamp": stamp, "release": release, "files": sizes}
    _write(root.parent / f"{root.name}.json", json.dumps(seal, indent=1).encode())


def _replace(new: Path, old: Path) -> None:
    """Put the new root and its seal in place; the seal goes first away and comes last, so that no half root counts."""
    seal = old.parent / f"{old.name}.json"
    seal.unlink(missing_ok=True)
    shutil.rmtree(old, ignore_errors=True)
    new.rename(old)
    (new.parent / seal.name).rename(seal)


def _installed() -> dict[str, Path]:
    missing = [(path, package) for path, package, _ in _INSTALLED if not Path(path).is_file()]
    if missing:
        packages = " ".join(package for _, package in missing)
        lost = ", ".join(path for path, _ in missing)
        raise ToolError("lab materials", f"{lost} not found; apt-get install {packages}")
    return {package: Path(path) for path, package, _ in _INSTALLED}


def _kernel_package(cache: Path) -> str:
    """Give the kernel's package that is in the cache, or the one behind Debian's meta package.

    apt-get download needs the versioned name, as it follows no dependencies.
    """
    for folder in sorted((cache / "packages").glob("linux-image-*-cloud-amd64_*/")):
        return folder.name.split("_", 1)[0]
    found = _KERNEL_PACKAGE.search(_run("apt-cache", "depends", _META_PACKAGE))
    if not found:
        raise ToolError("apt-cache", f"{_META_PACKAGE} names no kernel package; run apt-get update")
    return found[1]


def _unpacked(cache: Path, package: str, say: Callable[[str], None]) -> Path:
    """Download and unpack a package below the cache, once per version; give its folder."""
    have = sorted((cache / "packages").glob(f"{package}_*/"), key=lambda folder: folder.stat().st_mtime)
    if have:
        return have[-1]
    say(f"downloading the Debian package {package}")
    with tempfile.TemporaryDirectory(dir=cache, prefix="deb-") as folder:
        # The user _apt may not write below a private cache; apt falls back to root with a warning, this says it.
        _run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package, cwd=Path(folder))
        archive = _only(Path(folder), "*.deb")
        content = Path(folder) / archive.stem
        _run("dpkg-deb", "-x", str(archive), str(content))
        (cache / "packages").mkdir(exist_ok=True)
        return content.rename(cache / "packages" / archive.stem)


def _run(*argv: str, cwd: Path | None = None) -> str:
    # Untranslated: the kernel's package is read from what apt-cache prints.
    command = ("env", "LC_ALL=C", *argv)
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode == 127:
        raise ToolError(argv[0], "not found: the lab's boot files come from Debian packages")
    if done.returncode:
        raise ToolError(argv[0], f"{' '.join(argv)} ended with status {done.returncode}", done.stderr)
    return done.stdout


def _only(folder: Path, pattern: str) -> Path:
    found: Sequence[Path] = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise ToolError("lab materials", f"{len(found)} files {pattern} in {folder}; expected one")
    return found[0]


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise ToolError("lab materials", f"{source} is not in its Debian package")
    _write(target, source.read_bytes())


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
