"""QEMU command lines of the lab's machines, per firmware. Starts nothing and reads nothing.

BIOS machines start SeaBIOS, whose network ROM is QEMU's iPXE: it loads PXELINUX. UEFI machines run OVMF's own PXE
stack (an empty ``romfile=``, else QEMU's iPXE ROM takes over), which loads GRUB.

    argv = command(machine, tap="nb-t0", files=MachineFiles(...), accel=choose_accel(facts, None))
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath

from nearboot.errors import ConfigError
from nearboot.lab.topology import Machine
from nearboot.model import Firmware

QEMU = "qemu-system-x86_64"
OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
"""The template of a machine's variables: each machine writes to a copy of its own."""

_UUID_NAMESPACE = uuid.UUID("6e656172-626f-6f74-8000-000000000000")
_HARDWARE_VIRTUALISATION = re.compile(r"^flags\s*:.*\b(vmx|svm)\b", re.MULTILINE)


class Accel(Enum):
    """How QEMU runs the guest's instructions."""

    TCG = "tcg"  # in software: works everywhere
    KVM = "kvm"


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the choice of the accelerator depends on: /proc/cpuinfo, /sys/module/kvm_pvm, /dev/kvm usable."""

    cpuinfo: str
    kvm_pvm: bool
    kvm_usable: bool


@dataclass(frozen=True, slots=True)
class MachineFiles:
    """Files of one machine: its copy of the UEFI variables (UEFI only), and the firmware itself."""

    uefi_vars: PurePath | None = None
    uefi_code: str = OVMF_CODE


def choose_accel(facts: HostFacts, override: str | None) -> Accel:
    """Choose the accelerator; ``override`` is the user's word (``tcg`` or ``kvm``).

    A usable /dev/kvm is not enough: that of kvm_pvm (nested, without vmx or svm) runs SeaBIOS, but a stock kernel
    hangs in it ("Probing EDD"; QEMU 7.2, Linux 6.1).
    """
    if override:
        try:
            return Accel(override.lower())
        except ValueError:
            raise ConfigError(f"the lab's accelerator is {override!r}; expected tcg or kvm") from None
    hardware = bool(_HARDWARE_VIRTUALISATION.search(facts.cpuinfo))
    return Accel.KVM if hardware and facts.kvm_usable and not facts.kvm_pvm else Accel.TCG


def machine_uuid(machine: Machine) -> uuid.UUID:
    """Give the SMBIOS UUID of a machine: the same for the same name, in every run."""
    return uuid.uuid5(_UUID_NAMESPACE, machine.name)


def command(machine: Machine, *, tap: str, files: MachineFiles, accel: Accel) -> tuple[str, ...]:
    """Give QEMU's argv: serial console on standard output, network on ``tap``, ending at the guest's power-off."""
    if machine.mac is None or machine.firmware is None:
        raise ValueError(f"machine {machine.name} lacks its MAC or firmware: complete the topology first")
    uefi = machine.firmware is Firmware.UEFI
    nic = f"virtio-net-pci,netdev=n0,mac={machine.mac},bootindex=1" + (",romfile=" if uefi else "")
    return (
        QEMU,
        *("-name", machine.name),
        *("-uuid", str(machine_uuid(machine))),
        "-nodefaults",
        "-no-user-config",
        # graphics=off: SeaBIOS, and with it iPXE and PXELINUX, put their screen on the serial line.
        *("-machine", "q35" if uefi else "q35,graphics=off"),
        *_ACCEL[accel],
        *("-smp", "1"),
        *("-m", str(machine.memory_mb)),
        *("-display", "none"),
        *("-monitor", "none"),
        "-no-reboot",
        *("-chardev", "stdio,id=console,signal=off"),
        *("-serial", "chardev:console"),
        *("-netdev", f"tap,id=n0,ifname={tap},script=no,downscript=no"),
        *("-device", nic),
        *(_pflash(files) if uefi else ()),
    )


def _pflash(files: MachineFiles) -> tuple[str, ...]:
    if files.uefi_vars is None:
        raise ValueError("a UEFI machine needs a copy of the variables")
    return (
        *("-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={_escaped(files.uefi_code)}"),
        *("-drive", f"if=pflash,format=raw,unit=1,file={_escaped(files.uefi_vars)}"),
    )


def _escaped(path: PurePath | str) -> str:
    """Escape a path for QEMU's comma-separated options, where ``,,`` is a comma."""
    return str(path).replace(",", ",,")


_ACCEL = {
    Accel.TCG: ("-accel", "tcg,thread=multi,tb-size=256", "-cpu", "qemu64"),  # the quickest of eight variants
    Accel.KVM: ("-accel", "kvm", "-cpu", "host"),
}
