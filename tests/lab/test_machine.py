"""Machines: QEMU's command lines word for word, and the choice of the accelerator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath

import pytest

from nearboot.errors import ConfigError
from nearboot.lab.machine import Accel, HostFacts, MachineFiles, choose_accel, command, machine_uuid
from nearboot.lab.topology import Topology

COMMON = "-accel tcg,thread=multi,tb-size=256 -cpu qemu64 -smp 1 -m 512 -display none -monitor none -no-reboot"
SERIAL = "-chardev stdio,id=console,signal=off -serial chardev:console"
INTEL = "processor : 0\nflags\t\t: fpu vme vmx ssse3\n"
PLAIN = "processor : 0\nmodel name : vmx\nflags\t\t: fpu vme ssse3 vmxlike\n"


def test_a_bios_machine_keeps_qemus_network_rom(two_sites: Topology) -> None:
    """SeaBIOS and iPXE speak on the serial line; there is no flash."""
    machine = two_sites.machines[0]
    argv = command(machine, tap="nb-t0", files=MachineFiles(), accel=Accel.TCG)
    head = f"qemu-system-x86_64 -name web-ams-01 -uuid {machine_uuid(machine)} -nodefaults -no-user-config"
    net = "-netdev tap,id=n0,ifname=nb-t0,script=no,downscript=no"
    nic = "-device virtio-net-pci,netdev=n0,mac=52:54:00:77:00:01,bootindex=1"
    assert " ".join(argv) == f"{head} -machine q35,graphics=off {COMMON} {SERIAL} {net} {nic}"


def test_a_uefi_machine_runs_the_firmwares_own_pxe(two_sites: Topology) -> None:
    """An empty romfile keeps QEMU's iPXE away; the variables are a copy of the machine's own."""
    files = MachineFiles(uefi_vars=PurePath("/run/a,b.fd"))
    argv = command(two_sites.machines[1], tap="nb-t1", files=files, accel=Accel.TCG)
    assert "virtio-net-pci,netdev=n0,mac=52:54:00:77:00:02,bootindex=1,romfile=" in argv
    assert argv[-4:] == (
        "-drive",
        "if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
        "-drive",
        "if=pflash,format=raw,unit=1,file=/run/a,,b.fd",
    )


def test_a_machine_with_open_facts_has_no_command(two_sites: Topology) -> None:
    """Completing the topology comes first."""
    machine = replace(two_sites.machines[0], mac=None)
    with pytest.raises(ValueError, match="complete the topology"):
        command(machine, tap="t", files=MachineFiles(), accel=Accel.TCG)
    with pytest.raises(ValueError, match="copy of the variables"):
        command(two_sites.machines[1], tap="t", files=MachineFiles(), accel=Accel.TCG)


@pytest.mark.parametrize(
    ("cpuinfo", "kvm_pvm", "usable", "override", "accel"),
    [
        pytest.param(INTEL, False, True, None, Accel.KVM, id="real-kvm"),
        pytest.param(INTEL.replace("vmx", "svm"), False, True, "", Accel.KVM, id="amd"),
        pytest.param(INTEL, True, True, None, Accel.TCG, id="kvm-pvm"),
        pytest.param(INTEL, False, False, None, Accel.TCG, id="no-device"),
        pytest.param(PLAIN, False, True, None, Accel.TCG, id="no-flag"),
        pytest.param("", False, True, None, Accel.TCG, id="no-cpuinfo"),
        pytest.param(PLAIN, True, False, "kvm", Accel.KVM, id="forced-kvm"),
        pytest.param(INTEL, False, True, "TCG", Accel.TCG, id="forced-tcg"),
    ],
)
def test_kvm_is_used_only_where_it_works(
    cpuinfo: str, kvm_pvm: bool, usable: bool, override: str | None, accel: Accel
) -> None:
    """A /dev/kvm that opens is not enough; the user's word goes before all."""
    assert choose_accel(HostFacts(cpuinfo, kvm_pvm, usable), override) is accel


def test_an_unknown_accelerator_is_refused() -> None:
    """The error says what may be chosen."""
    with pytest.raises(ConfigError, match="tcg or kvm"):
        choose_accel(HostFacts("", False, False), "hax")


def test_uuids_are_stable_and_differ(two_sites: Topology) -> None:
    """pxelinux.cfg/UUID is the same in every run."""
    one, two = two_sites.machines
    assert machine_uuid(one) == machine_uuid(replace(one, memory_mb=1024)) != machine_uuid(two)
