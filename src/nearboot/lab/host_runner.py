"""What the host offers to a lab: Debian packages, an accelerator, privileges. Looks, changes nothing.

if missing := missing_packages(): print("apt-get install", *missing)
accel = choose_accel(host_facts(), override)
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from nearboot.errors import ToolError
from nearboot.lab.machine import OVMF_CODE, HostFacts

_PACKAGES = (  # a file that shows the package to be there, and the Debian package
    ("/usr/bin/qemu-system-x86_64", "qemu-system-x86"),
    (OVMF_CODE, "ovmf"),
    ("/usr/lib/ipxe/qemu/pxe-virtio.rom", "ipxe-qemu"),
    ("/usr/lib/PXELINUX/pxelinux.0", "pxelinux"),
    ("/usr/lib/syslinux/modules/bios/ldlinux.c32", "syslinux-common"),
    ("/bin/busybox", "busybox-static"),
    ("/usr/sbin/kea-dhcp4", "kea-dhcp4-server"),
    ("/usr/sbin/kea-dhcp6", "kea-dhcp6-server"),
    ("/usr/sbin/ip", "iproute2"),
    ("/usr/sbin/sysctl", "procps"),
    ("/usr/bin/setpriv", "util-linux"),
    ("/usr/bin/dpkg-deb", "dpkg"),
)


def missing_packages() -> tuple[str, ...]:
    """Give the Debian packages that a lab needs and that are not installed."""
    return tuple(package for file, package in _PACKAGES if not Path(file).exists())


def host_facts() -> HostFacts:
    """Give what the choice of the accelerator depends on."""
    cpuinfo = ""
    with suppress(OSError):
        cpuinfo = Path("/proc/cpuinfo").read_text()
    usable = os.access("/dev/kvm", os.R_OK | os.W_OK)
    return HostFacts(cpuinfo=cpuinfo, kvm_pvm=Path("/sys/module/kvm_pvm").exists(), kvm_usable=usable)


def check_privileges() -> None:
    """Raise ``ToolError`` unless this process may make namespaces and TAPs."""
    if os.geteuid() != 0:
        raise ToolError("lab", "needs root, for network namespaces; run it with sudo")
    if not Path("/dev/net/tun").exists():
        raise ToolError("lab", "needs /dev/net/tun, which this kernel or container does not offer")
